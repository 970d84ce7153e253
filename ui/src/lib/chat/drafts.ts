/** Unsent text, kept per person and chat in this browser, so that neither a reload, another chat nor the end of a session loses it. */
import { session } from '$lib/session.svelte';
import { readText, writeText } from '$lib/storage';

const PREFIX = 'draft:';

/** `null` is the new chat. */
export type DraftKey = string | null;

/** `null` when the page is nobody's: what is left of it then is not kept. */
function keyOf(chatId: DraftKey): string | null {
  return session.owner === '' ? null : `${PREFIX}${session.owner}:${chatId ?? 'new'}`;
}

export function readDraft(chatId: DraftKey): string {
  const key = keyOf(chatId);
  return key === null ? '' : (readText(key) ?? '');
}

/** Blank text removes the draft. */
export function writeDraft(chatId: DraftKey, text: string): void {
  const key = keyOf(chatId);
  if (key !== null) writeText(key, text.trim() === '' ? null : text);
}

/** Forgets all drafts, e.g. at sign-out: the next person at this browser must not read them. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  } catch {
    // No storage, no drafts.
  }
}

// A session that merely ran out keeps them: its owner is about to come back for the text.
session.onEnd((how) => {
  if (how === 'signed out') forgetDrafts();
});
