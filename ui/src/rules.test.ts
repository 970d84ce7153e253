/** Rules of the house that no compiler checks. They keep the content security policy true and the code readable. */
import { describe, expect, it } from 'vitest';

const files = Object.entries(
  import.meta.glob<string>(['./**/*.svelte', './**/*.ts', '!./**/*.test.ts', '!./lib/api/schema.d.ts'], {
    query: '?raw',
    import: 'default',
    eager: true,
  }),
);
const offenders = (isOffence: (text: string, path: string) => boolean) =>
  files.filter(([path, text]) => isOffence(text, path)).map(([path]) => path);
const withoutComments = (text: string) => text.replace(/<!--[\s\S]*?-->|\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

describe('in the sources of the UI', () => {
  it('there are sources to look at', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it('nothing makes elements from strings', () => {
    const pattern = /\{@html|\.innerHTML\s*=|\.outerHTML\s*=|insertAdjacentHTML|document\.write|new Function\(|\beval\(/;
    expect(offenders((text) => pattern.test(withoutComments(text)))).toEqual([]);
  });

  it('no template has a style attribute, which the policy would drop', () => {
    expect(offenders((text, path) => path.endsWith('.svelte') && /<[a-z][^>]*\sstyle=/i.test(text))).toEqual([]);
  });

  it('only lib/api talks to the network', () => {
    const pattern = /\bfetch\(|XMLHttpRequest|new EventSource|sendBeacon|new WebSocket/;
    expect(offenders((text, path) => !path.startsWith('./lib/api/') && pattern.test(withoutComments(text)))).toEqual([]);
  });

  it('sides are named by reading direction, so that right-to-left pages work', () => {
    const pattern = /(margin|padding|border)-(left|right)|text-align:\s*(left|right)|[\s;](left|right):\s/;
    const styles = (text: string) => (/<style>[\s\S]*<\/style>/.exec(text)?.[0] ?? '').replace(/\/\*[\s\S]*?\*\//g, '');
    expect(offenders((text, path) => path.endsWith('.svelte') && pattern.test(styles(text)))).toEqual([]);
  });

  it('no component is longer than 300 lines', () => {
    expect(offenders((text, path) => path.endsWith('.svelte') && text.split('\n').length > 301)).toEqual([]);
  });

  it('every file says what it is', () => {
    expect(offenders((text) => !/^\s*(<!--|\/\*\*|\/\/)/.test(text) && !/^(import[^;]*;\s*)+\/\*\*/.test(text))).toEqual([]);
  });
});
