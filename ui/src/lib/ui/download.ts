/** Hands a file that this page has made or fetched to the browser's downloads. */
export function saveFile(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken the content over once the click is through; it is not kept in memory for the page's life.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
