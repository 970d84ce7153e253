/**
 * Tokens to nodes. There is no innerHTML anywhere, so Trusted Types holds by construction and nothing needs
 * sanitising: what is not built here cannot appear.
 */
import { codeBlock } from './code';
import { formula } from './formula';
import { isSafeAddress, parse, type Token } from './parse';

/** `live` blocks are still being written: they are not highlighted or typeset yet. */
export type Finish = 'live' | 'final';

const ELEMENTS = new Set([
  ...['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote'],
  ...['strong', 'em', 's', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
]);
/** Blocks that find their own direction from their first strong letter. */
const DIRECTED = new Set(['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'li', 'blockquote', 'th', 'td']);

/** Replaces the content of `root` by the whole text. */
export function renderAll(root: HTMLElement, source: string, finish: Finish = 'final'): void {
  const fragment = document.createDocumentFragment();
  build(parse(source), fragment, finish);
  root.replaceChildren(fragment);
}

/** Appends the nodes for `tokens` to `root`. */
export function build(tokens: Token[], root: Node, finish: Finish): void {
  const open: Node[] = [root];
  const top = () => open[open.length - 1] ?? root;
  for (const token of tokens) {
    if (token.type === 'inline') build(token.children ?? [], top(), finish);
    else if (token.nesting === 1) open.push(token.hidden ? top() : openElement(token, top()));
    else if (token.nesting === -1) open.pop();
    else top().appendChild(leaf(token, finish));
  }
}

function openElement(token: Token, parent: Node): HTMLElement {
  if (token.type === 'link_open') return parent.appendChild(link(String(token.attrGet('href') ?? '')));
  const element = document.createElement(ELEMENTS.has(token.tag) ? token.tag : 'span');
  if (DIRECTED.has(token.tag)) element.dir = 'auto';
  if (token.tag === 'table') {
    scrollFrame(parent).appendChild(element);
    return element;
  }
  if (element instanceof HTMLOListElement) element.start = Number(token.attrGet('start') ?? 1);
  const alignment = /text-align:\s*(center|right)/.exec(String(token.attrGet('style') ?? ''))?.[1];
  if (alignment) element.className = `align-${alignment}`;
  parent.appendChild(element);
  return element;
}

function leaf(token: Token, finish: Finish): Node {
  switch (token.type) {
    case 'softbreak':
      return document.createTextNode('\n');
    case 'hardbreak':
      return document.createElement('br');
    case 'hr':
      return document.createElement('hr');
    case 'code_inline':
      return inlineCode(token.content);
    case 'fence':
    case 'code_block':
      return codeBlock(token.content, token.info.trim().split(/\s+/)[0] ?? '', finish);
    case 'math_inline':
      return formula(token.content, 'inline', finish);
    case 'math_display':
      return formula(token.content, 'display', finish);
    case 'image':
      return picture(String(token.attrGet('src') ?? ''), token.content);
    default:
      return document.createTextNode(token.content);
  }
}

/** The address is checked a second time here, because the parser's check is a setting somebody may change. */
function link(address: string): HTMLElement {
  const element = document.createElement('a');
  if (!isSafeAddress(address)) return element;
  element.href = address;
  element.title = address;
  element.target = '_blank';
  element.rel = 'noopener noreferrer nofollow';
  return element;
}

/** Loading a picture tells its host who reads what, and the address may carry text out: it stays a link to click. */
function picture(address: string, description: string): HTMLElement {
  const element = link(address);
  element.className = 'picture';
  element.append(description || 'Picture');
  const host = /^https?:\/\/([^/?#]+)/i.exec(address)?.[1];
  const note = document.createElement('small');
  note.textContent = host ? `picture on ${host}, not loaded` : 'picture, not loaded';
  element.append(note);
  return element;
}

function inlineCode(text: string): HTMLElement {
  const element = document.createElement('code');
  element.dir = 'ltr';
  element.textContent = text;
  return element;
}

/** A wide table scrolls inside this; the keyboard can reach it. */
function scrollFrame(parent: Node): HTMLElement {
  const frame = document.createElement('div');
  frame.className = 'table';
  frame.tabIndex = 0;
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', 'Table');
  parent.appendChild(frame);
  return frame;
}
