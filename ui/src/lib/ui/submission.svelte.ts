/**
 * A form on its way to the server: whether it is being sent, and what was refused, about one field or the whole. Knows
 * neither what is in the form nor how it looks.
 */
import { ApiError, messageOf } from '$lib/api/client';

export class Submission {
  busy = $state(false);
  /** Somebody has tried to send it: from now on the form says what is missing. */
  tried = $state(false);
  #refusal = $state.raw<unknown>(null);
  readonly #fields: readonly string[];

  /** `fields`: the server's names of those that show a refusal themselves. */
  constructor(fields: readonly string[] = []) {
    this.#fields = fields;
  }

  reset(): void {
    [this.busy, this.tried, this.#refusal] = [false, false, null];
  }

  /** Forgets the last refusal, because what it was about is being changed. */
  forgive(): void {
    this.#refusal = null;
  }

  /** Sends it when it is complete; true when the server took it. Never throws. */
  async send(completeness: 'complete' | 'incomplete', act: () => Promise<unknown>): Promise<boolean> {
    this.tried = true;
    if (this.busy || completeness === 'incomplete') return false;
    [this.busy, this.#refusal] = [true, null];
    try {
      await act();
      return true;
    } catch (error) {
      this.#refusal = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What to say at a field; the server's word wins over our own, which waits until somebody has tried. */
  problem(field: string, own: string | null = null): string {
    if (this.#field === field) return messageOf(this.#refusal);
    return this.tried ? (own ?? '') : '';
  }

  /** What is wrong with the whole, or with a field that is not in the form. */
  get trouble(): string {
    return this.#refusal === null || this.#field !== null ? '' : messageOf(this.#refusal);
  }

  get #field(): string | null {
    // Of a list the server names the entry, "models[2]"; here the list is one field.
    const field = this.#refusal instanceof ApiError ? (this.#refusal.field?.replace(/\[\d+\]$/, '') ?? null) : null;
    return field !== null && this.#fields.includes(field) ? field : null;
  }
}
