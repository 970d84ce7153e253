/** A block of code: its language, a copy button, and colours once it is complete. */
import { copyText } from '$lib/ui/clipboard';
import type { Finish } from './render';

/** Colouring longer code would freeze the page for nobody's gain. */
const MAX_HIGHLIGHTED = 40_000;

export function codeBlock(content: string, language: string, finish: Finish): HTMLElement {
  const text = content.replace(/\n$/, '');
  const block = document.createElement('div');
  block.className = 'code';
  block.dir = 'ltr';
  const code = document.createElement('code');
  code.textContent = text;
  block.append(head(language, code), frame(language, code));
  if (finish === 'final' && language && text.length < MAX_HIGHLIGHTED) void highlight(code, text, language);
  return block;
}

function head(language: string, code: HTMLElement): HTMLElement {
  const head = document.createElement('div');
  head.className = 'code-head';
  const name = document.createElement('span');
  name.textContent = language || 'text';
  const copy = document.createElement('button');
  copy.type = 'button';
  copy.textContent = 'Copy';
  copy.addEventListener('click', () => {
    void copyText(code.textContent ?? '').then((isCopied) => {
      if (!isCopied) return;
      copy.textContent = 'Copied';
      setTimeout(() => (copy.textContent = 'Copy'), 1600);
    });
  });
  head.append(name, copy);
  return head;
}

/** Scrolls sideways, so the keyboard must be able to reach it. */
function frame(language: string, code: HTMLElement): HTMLElement {
  const frame = document.createElement('pre');
  frame.tabIndex = 0;
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', language ? `Code, ${language}` : 'Code');
  frame.append(code);
  return frame;
}

/** The highlighter is loaded with the first code that wants it; without it the code is merely not coloured. */
async function highlight(code: HTMLElement, text: string, language: string): Promise<void> {
  try {
    const { highlighted } = await import('./highlight');
    const nodes = await highlighted(text, language);
    if (nodes) code.replaceChildren(nodes);
  } catch {
    // The chunk did not arrive; plain code is complete and readable.
  }
}
