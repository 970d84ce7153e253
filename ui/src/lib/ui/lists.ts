/** Lists as people type them into one field. */

/** One entry to a line, or parted by commas; each once. */
export function linesOf(text: string): string[] {
  return [...new Set(text.split(/[\n,]+/).map((line) => line.trim()))].filter((line) => line !== '');
}

/** Entries parted by lines, commas or spaces; each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/))].filter((word) => word !== '');
}

/** Whether both hold the same entries, in whatever order. */
export function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item) => right.includes(item));
}
