/**
 * KaTeX, on its own so that it loads only with formulas. `render` builds nodes and sets styles through the CSSOM,
 * which the strict `style-src` allows; `renderToString` would need innerHTML and inline styles.
 */
import katex from 'katex';
import 'katex/dist/katex.min.css';

export function typesetInto(element: HTMLElement, source: string, kind: 'inline' | 'display'): void {
  katex.render(source, element, {
    displayMode: kind === 'display',
    throwOnError: false,
    errorColor: 'var(--bad)',
    // No \href, \includegraphics or \htmlStyle: a formula must not reach out of its box.
    trust: false,
    strict: 'ignore',
    maxSize: 20,
    maxExpand: 500,
    output: 'htmlAndMathml',
  });
}
