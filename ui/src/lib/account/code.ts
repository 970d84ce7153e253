/** Codes of authenticator apps. */

/** A code as typed or pasted, "123 456", without what apps put between the digits. */
export function digitsOf(code: string): string {
  return code.replace(/[\s-]/g, '');
}
