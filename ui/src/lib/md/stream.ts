/**
 * Renders a growing text. Only the open tail is parsed again on each frame; blocks before it are closed and their
 * nodes are never touched again, so selections survive and the cost does not grow with the answer.
 *
 * A cut is safe before a block that (1) follows a blank line, (2) is at the top level and (3) whose first line is
 * complete: CommonMark decides line by line, and "2" may yet become "2. second item" of the list above it.
 */
import { parse, type Environment, type Token } from './parse';
import { build, renderAll } from './render';

export class StreamRenderer {
  #source = '';
  /** Everything before this offset is rendered for good. */
  #settled = 0;
  #tail: ChildNode[] = [];
  #frame = 0;
  #openCode: Text | null = null;
  readonly #environment: Environment = {};

  constructor(private readonly root: HTMLElement) {
    root.replaceChildren();
  }

  /** Adds text; the page changes with the next frame, however many pieces arrive before it. */
  push(piece: string): void {
    this.#source += piece;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.flush();
    });
  }

  /** Renders what has arrived, now. */
  flush(): void {
    const tail = this.#source.slice(this.#settled);
    const tokens = parse(tail, this.#environmentCopy());
    if (this.#extendOpenCode(tokens)) return;
    const cut = safeCut(tokens, tail);
    this.#clearTail();
    if (cut > 0) {
      this.#append(parse(tail.slice(0, cut), this.#environment), 'final');
      this.#settled += cut;
    }
    const rest = cut > 0 ? parse(tail.slice(cut), this.#environmentCopy()) : tokens;
    this.#tail = this.#append(rest, 'live');
    this.#openCode = this.#findOpenCode(rest);
  }

  /** The text is complete: highlight and typeset the rest. */
  end(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#clearTail();
    const closing = this.#environmentCopy();
    const tokens = parse(this.#source.slice(this.#settled), closing);
    this.#append(tokens, 'final');
    this.#settled = this.#source.length;
    // A reference may be used above its definition; only then is the text rendered once more as a whole.
    if (Object.keys(closing.references ?? {}).length > 0) renderAll(this.root, this.#source);
  }

  /** Stops before the end, e.g. because the page is left. */
  cancel(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** Unfinished definitions must not stick: the parser keeps the first it sees. */
  #environmentCopy(): Environment {
    return { references: { ...this.#environment.references } };
  }

  #append(tokens: Token[], finish: 'live' | 'final'): ChildNode[] {
    const fragment = document.createDocumentFragment();
    build(tokens, fragment, finish);
    const nodes = [...fragment.childNodes];
    this.root.append(fragment);
    return nodes;
  }

  #clearTail(): void {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#openCode = null;
  }

  /** The common case while code is written: only its text grew. */
  #extendOpenCode(tokens: Token[]): boolean {
    const [only] = tokens;
    if (!this.#openCode || tokens.length !== 1 || only?.type !== 'fence') return false;
    const content = only.content.replace(/\n$/, '');
    const shown = this.#openCode.data;
    if (!content.startsWith(shown)) return false;
    this.#openCode.appendData(content.slice(shown.length));
    return true;
  }

  #findOpenCode(tokens: Token[]): Text | null {
    const [only] = tokens;
    const [block] = this.#tail;
    if (tokens.length !== 1 || only?.type !== 'fence' || !(block instanceof HTMLElement)) return null;
    const text = block.querySelector('code')?.firstChild;
    return text instanceof Text ? text : null;
  }
}

/** Offset of the last safe cut in `source`, 0 when there is none. */
function safeCut(tokens: Token[], source: string): number {
  const lines = source.split('\n');
  const completeLines = lines.length - 1;
  let depth = 0;
  let cutLine = 0;
  for (const token of tokens) {
    const start = token.map?.[0];
    if (depth === 0 && token.nesting >= 0 && start !== undefined && start > 0 && start < completeLines) {
      if (lines[start - 1]?.trim() === '') cutLine = start;
    }
    depth += token.nesting;
  }
  let offset = 0;
  for (let line = 0; line < cutLine; line++) offset += (lines[line]?.length ?? 0) + 1;
  return offset;
}
