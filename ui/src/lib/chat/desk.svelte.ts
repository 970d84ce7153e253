/** Which conversation lies open. Those that are still being answered stay on the desk while the reader is elsewhere. */
import { session, type SessionEnd } from '$lib/session.svelte';
import { Conversation } from './conversation.svelte';
import { readDraft, writeDraft } from './drafts';

/** Each followed answer holds a connection, and browsers allow six per server over HTTP/1.1. */
const KEPT = 3;

export class Desk {
  current = $state.raw(new Conversation(null));
  #kept: Conversation[] = [];

  /** Opens a chat, `null` for a new one. Does nothing when it is open already. */
  open(id: string | null): void {
    const before = this.current;
    if (before.id === id) return;
    this.#putAside(before);
    const kept = this.#kept.find((conversation) => conversation.id === id);
    this.#kept = this.#kept.filter((conversation) => conversation !== kept);
    if (kept) {
      this.current = kept;
      return;
    }
    this.current = new Conversation(id);
    void this.current.load();
  }

  /** Puts a fresh new chat on the desk, even when a new one lies there. */
  reset(): void {
    this.#putAside(this.current);
    this.current = new Conversation(null);
  }

  /** Forgets everything, when nobody is signed in any more. */
  clear(how: SessionEnd): void {
    for (const conversation of [this.current, ...this.#kept]) {
      if (how === 'lost') keepWaiting(conversation);
      conversation.leave();
    }
    this.#kept = [];
    this.current = new Conversation(null);
  }

  #putAside(conversation: Conversation): void {
    this.#kept = this.#kept.filter((kept) => kept.hasActiveTurns);
    if (!conversation.hasActiveTurns) {
      conversation.leave();
      return;
    }
    this.#kept.push(conversation);
    while (this.#kept.length > KEPT) this.#kept.shift()?.leave();
  }
}

/** A question that waited for its turn becomes a draft again. */
function keepWaiting(conversation: Conversation): void {
  const { id, queued } = conversation;
  if (queued) writeDraft(id, [queued.text, readDraft(id)].filter((text) => text !== '').join('\n\n'));
}

export const desk = new Desk();
session.onEnd((how) => desk.clear(how));
