/**
 * Formulas in Markdown: `$x$` and `\(x\)` in a line, `$$x$$` and `\[x\]` displayed. Money ("$5 to $10") stays text.
 * A displayed formula holds no blank line, so an unfinished one never swallows the rest of the text.
 */
import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

const BACKSLASH = 92;

export function addMath(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('escape', 'math_brackets', bracketRule);
  markdown.inline.ruler.after('escape', 'math_dollars', dollarRule);
  markdown.block.ruler.before('fence', 'math_block', blockRule, { alt: ['paragraph', 'reference', 'blockquote', 'list'] });
}

/** `\(…\)` and `\[…\]`: must come before the rule that reads `\(` as an escaped bracket. */
function bracketRule(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state;
  const isDisplayed = src.startsWith('\\[', pos);
  if (!isDisplayed && !src.startsWith('\\(', pos)) return false;
  const end = src.indexOf(isDisplayed ? '\\]' : '\\)', pos + 2);
  if (end <= pos + 2) return false;
  if (!silent) state.push(isDisplayed ? 'math_display' : 'math_inline', '', 0).content = src.slice(pos + 2, end);
  state.pos = end + 2;
  return true;
}

function dollarRule(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state;
  if (src[pos] !== '$') return false;
  const mark = src.startsWith('$$', pos) ? '$$' : '$';
  const end = mark === '$$' ? src.indexOf('$$', pos + 2) : closingDollar(src, pos + 1);
  if (end <= pos + mark.length - 1 || end === pos + mark.length) return false;
  if (!silent) state.push(mark === '$$' ? 'math_display' : 'math_inline', '', 0).content = src.slice(pos + mark.length, end);
  state.pos = end + mark.length;
  return true;
}

/** As in pandoc: no space inside the dollars' edges and no digit after the closing one. -1 when there is none. */
function closingDollar(src: string, from: number): number {
  if (/\s/.test(src[from] ?? ' ')) return -1;
  for (let at = src.indexOf('$', from); at >= 0; at = src.indexOf('$', at + 1)) {
    if (src.charCodeAt(at - 1) === BACKSLASH) continue;
    if (!/\s/.test(src[at - 1] ?? ' ') && !/\d/.test(src[at + 1] ?? '')) return at;
  }
  return -1;
}

function blockRule(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const line = (at: number) => state.src.slice((state.bMarks[at] ?? 0) + (state.tShift[at] ?? 0), state.eMarks[at]);
  const first = line(startLine);
  const close = first.startsWith('$$') ? '$$' : first.startsWith('\\[') ? '\\]' : '';
  if (!close || (state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const lines: string[] = [];
  for (let at = startLine; at < endLine; at++) {
    const text = at === startLine ? first.slice(2) : line(at);
    if (text.trim() === '' && at > startLine) return false;
    const end = text.indexOf(close);
    if (end < 0) {
      lines.push(text);
      continue;
    }
    if (text.slice(end + 2).trim() !== '') return false; // Text goes on after it: a paragraph with a formula inside.
    lines.push(text.slice(0, end));
    if (lines.join('').trim() === '') return false;
    if (silent) return true;
    const token = state.push('math_display', '', 0);
    token.block = true;
    token.content = lines.join('\n');
    token.map = [startLine, at + 1];
    state.line = at + 1;
    return true;
  }
  return false;
}
