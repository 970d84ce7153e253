/** Unsent text, kept per chat in this browser so that neither a reload nor another chat loses it. */
import { session } from '$lib/session.svelte';
import { readText, writeText } from '$lib/storage';

const PREFIX = 'draft:';

/** `null` is the new chat. */
export type DraftKey = string | null;

export function readDraft(chatId: DraftKey): string {
  return readText(PREFIX + (chatId ?? 'new')) ?? '';
}

/** Blank text removes the draft. */
export function writeDraft(chatId: DraftKey, text: string): void {
  writeText(PREFIX + (chatId ?? 'new'), text.trim() === '' ? null : text);
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
