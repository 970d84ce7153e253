/** Where a shared chat is read. */
export function shareAddress(shareId: string): string {
  return new URL(`/s/${encodeURIComponent(shareId)}`, location.origin).href;
}
