/** A formula: its source at once, typeset when KaTeX has arrived. KaTeX is loaded with the first formula. */
import type { Finish } from './render';

export function formula(source: string, kind: 'inline' | 'display', finish: Finish): HTMLElement {
  const element = document.createElement(kind === 'display' ? 'div' : 'span');
  element.className = kind === 'display' ? 'math-block' : 'math';
  element.dir = 'ltr';
  element.textContent = source;
  if (kind === 'display') {
    element.tabIndex = 0; // Long formulas scroll sideways.
    element.setAttribute('role', 'group');
    element.setAttribute('aria-label', 'Formula');
  }
  if (finish === 'final') void typeset(element, source, kind);
  return element;
}

async function typeset(element: HTMLElement, source: string, kind: 'inline' | 'display'): Promise<void> {
  try {
    const { typesetInto } = await import('./katex');
    typesetInto(element, source, kind);
  } catch {
    // The source stays visible: the chunk did not arrive, or KaTeX gave up on it.
  }
}
