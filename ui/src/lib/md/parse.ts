/**
 * Markdown to tokens, never to an HTML string: `render.ts` builds nodes from an allow-list. Raw HTML is text, and only
 * http, https and mailto make links.
 */
import MarkdownIt, { type Env, type Token } from 'markdown-it';
import { addMath } from './math-syntax';

export type { Token };
/** What earlier parts of a text defined (link references) for the parts after them. */
export type Environment = Env;

const SAFE_ADDRESS = /^(https?:\/\/|mailto:)/i;

/** Whether a link may lead there. Everything else (javascript:, data:, paths of our own origin) stays plain text. */
export function isSafeAddress(address: string): boolean {
  return SAFE_ADDRESS.test(address);
}

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false, maxNesting: 60 });
markdown.validateLink = isSafeAddress;
// "main.rs" and "node.js" are file names, not hosts: only addresses with a scheme become links by themselves.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
addMath(markdown);

/** Block tokens of a text. `environment` is read and extended with the link references it defines. */
export function parse(source: string, environment: Environment = {}): Token[] {
  return markdown.parse(source, environment);
}

/** The last fenced code of a text, without its final line break; null when there is none. */
export function lastCode(source: string): string | null {
  const fence = parse(source).findLast((token) => token.type === 'fence' || token.type === 'code_block');
  return fence ? fence.content.replace(/\n$/, '') : null;
}
