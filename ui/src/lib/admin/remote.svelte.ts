/**
 * One thing on the server as a page shows it: being fetched, here, not for this person, or failed. The newest question
 * wins: a slow answer to an older one is dropped.
 */
import { untrack } from 'svelte';
import { ApiError, messageOf } from '$lib/api/client';

export class Remote<T> {
  /** The last good answer; it stays while a newer one is fetched, so that a page does not flicker. */
  value = $state.raw<T | null>(null);
  status = $state<'loading' | 'ready' | 'denied' | 'failed'>('loading');
  /** Why it failed, in words for the reader. */
  trouble = $state('');
  #sequence = 0;

  /** Asks the server; never throws. */
  async load(ask: () => Promise<T>): Promise<void> {
    const sequence = ++this.#sequence;
    // Whoever calls this from an effect must not be called again by its own answer.
    if (untrack(() => this.value) === null) this.status = 'loading';
    try {
      const value = await ask();
      if (sequence !== this.#sequence) return;
      this.value = value;
      this.status = 'ready';
    } catch (error) {
      if (sequence !== this.#sequence) return;
      this.trouble = messageOf(error);
      this.status = error instanceof ApiError && error.status === 403 ? 'denied' : 'failed';
    }
  }

  /** Puts in what a change answered, and outdates every question still under way. */
  replace(value: T): void {
    this.#sequence += 1;
    this.value = value;
    this.status = 'ready';
  }
}
