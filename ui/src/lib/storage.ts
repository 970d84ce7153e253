/**
 * Small preferences and drafts in `localStorage`. Never a secret. A browser that refuses storage (private windows,
 * full disk) costs a preference, not the page.
 */

export function readText(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Null removes the entry. */
export function writeText(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing to do: the value lives on in memory for this page.
  }
}

export function readFlag(key: string): boolean {
  return readText(key) === '1';
}

export function writeFlag(key: string, isOn: boolean): void {
  writeText(key, isOn ? '1' : null);
}
