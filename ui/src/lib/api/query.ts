/** What stands behind the question mark: the server takes an empty value for a value, so it is left out. */

/** A query string with its question mark; nothing for nothing. */
export function queryOf(values: Record<string, string | number | null>): string {
  const asked = Object.entries(filled(values)).map(([name, value]) => [name, String(value)]);
  const text = new URLSearchParams(asked).toString();
  return text === '' ? '' : `?${text}`;
}

/** What a question really asks. */
export function filled<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], '' | null> } {
  const asked = Object.entries(values).filter(([, value]) => value !== '' && value !== null);
  return Object.fromEntries(asked) as { [K in keyof T]?: Exclude<T[K], '' | null> };
}
