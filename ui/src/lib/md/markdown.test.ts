import { describe, expect, it } from 'vitest';
import { lastCode } from './parse';
import { renderAll } from './render';
import { StreamRenderer } from './stream';

function rendered(source: string): HTMLElement {
  const element = document.createElement('div');
  renderAll(element, source, 'live');
  return element;
}

describe('raw HTML', () => {
  it('is shown as text and makes no element', () => {
    const element = rendered('<img src=x onerror="alert(1)"><script>alert(2)</script>\n\n<div onclick="x">block</div>');
    expect(element.querySelector('img, script, div')).toBeNull();
    expect(element.textContent).toContain('<img src=x onerror="alert(1)">');
  });

  it('is text inside code, tables and headings too', () => {
    const element = rendered('# <b>x</b>\n\n| a |\n|---|\n| <svg onload=1> |\n\n```html\n<iframe src="//x">\n```\n');
    expect(element.querySelector('b, svg, iframe')).toBeNull();
  });
});

describe('links', () => {
  const refused = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '/api/v1/auths/signout',
    '//evil.example/x',
    'ftp://example.com/x',
  ];
  for (const address of refused) {
    it(`to ${address} stay plain text`, () => {
      expect(rendered(`[x](${address})`).querySelector('a')).toBeNull();
    });
  }

  it('open elsewhere without telling where from', () => {
    const link = rendered('[x](https://example.com/a)').querySelector('a');
    expect(link?.getAttribute('href')).toBe('https://example.com/a');
    expect(link?.rel).toBe('noopener noreferrer nofollow');
    expect(link?.target).toBe('_blank');
  });

  it('are made from bare addresses but not from file names', () => {
    expect(rendered('see https://example.com/x now').querySelector('a')?.textContent).toBe('https://example.com/x');
    expect(rendered('edit main.rs and node.js').querySelector('a')).toBeNull();
  });
});

describe('pictures', () => {
  it('are never loaded, only named with their host', () => {
    const element = rendered('![a chart](https://tracker.example/p.png?d=secret)');
    expect(element.querySelector('img')).toBeNull();
    expect(element.querySelector('a.picture')?.textContent).toContain('tracker.example');
  });

  it('from data: addresses stay text', () => {
    expect(rendered('![x](data:image/svg+xml,<svg>)').querySelector('img, a')).toBeNull();
  });
});

describe('formulas', () => {
  const of = (source: string) => [...rendered(source).querySelectorAll('.math, .math-block')].map((node) => node.textContent);

  it('are found in all four notations', () => {
    expect(of('a $x^2$ b \\(y\\) c')).toEqual(['x^2', 'y']);
    expect(of('$$\na\n+ b\n$$')).toEqual(['\na\n+ b\n']);
    expect(of('\\[z\\]')).toEqual(['z']);
  });

  it('are not seen in amounts of money', () => {
    expect(of('from $5 to $10, or $20/$30 a month')).toEqual([]);
  });

  it('never swallow the paragraphs after an unclosed mark', () => {
    expect(rendered('$$ open\n\nnext paragraph').querySelectorAll('p')).toHaveLength(2);
  });
});

describe('text that is still being written', () => {
  const texts: Record<string, string> = {
    mixed:
      '# T\n\npara *one*\n\n- a\n- b\n\n```js\nlet a\n\nlet b\n```\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\n> quote\n> more\n\nend **bold** $x^2$\n',
    'a numbered list with gaps': 'Intro\n\n1. one\n\n2. two\n\n   still two\n\n10. ten\n\nafter\n',
    'nested lists': '- a\n\n  - b\n\n    text\n\n- c\n\n2026 was a year\n\n+ other list\n',
    'a displayed formula that looks like a list': 'x\n\n$$\n- a\n+ b\n$$\n\ny\n',
    'indented code': 'x\n\n    one\n\n    two\n\ny\n',
    'headings underlined': 'Title\n=====\n\ntext\n---\n\nmore\n\n---\n\nend',
    'a reference used before its definition': 'See [the page][1] and [other].\n\nmiddle\n\n[1]: https://example.com/one\n[other]: https://example.com/two\n',
    'an unclosed fence': 'x\n\n~~~py\na = 1\n\n\nb = 2',
    'lines of every ending': 'a\\\nb  \nc\n\n***\n\n* x\n* * *\n\ny',
  };
  for (const [name, source] of Object.entries(texts)) {
    for (const size of [1, 3, 17]) {
      it(`ends as the same nodes as ${name} rendered at once, in pieces of ${size}`, () => {
        const element = document.createElement('div');
        const stream = new StreamRenderer(element);
        for (let at = 0; at < source.length; at += size) {
          stream.push(source.slice(at, at + size));
          stream.flush();
        }
        // What was settled on the way must already be right: end() itself is left to the last block.
        stream.end();
        expect(element.innerHTML).toBe(rendered(source).innerHTML);
      });
    }
  }

  it('keeps the nodes of finished blocks', () => {
    const element = document.createElement('div');
    const stream = new StreamRenderer(element);
    stream.push('first\n\nsecond\n\n');
    stream.flush();
    const first = element.firstChild;
    stream.push('third\n\nfourth\n');
    stream.flush();
    expect(element.firstChild).toBe(first);
    expect(element.childNodes).toHaveLength(4);
  });
});

describe('the last code', () => {
  it('is found for copying, without its final line break', () => {
    expect(lastCode('```js\na\n```\n\ntext\n\n```py\nb\nc\n```\n')).toBe('b\nc');
    expect(lastCode('no code')).toBeNull();
  });
});
