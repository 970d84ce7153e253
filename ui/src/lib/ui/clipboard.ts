/** Writing to the clipboard, with words when the browser refuses. */
import { toasts } from './toasts.svelte';

/** True when the text is on the clipboard. Browsers refuse on plain http:// pages that are not localhost. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    toasts.add({ tone: 'bad', text: 'The browser did not allow copying. Select the text and copy it by hand.' });
    return false;
  }
}
