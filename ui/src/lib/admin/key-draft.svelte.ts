/**
 * The form of one virtual key while somebody writes it: fields as typed, what is wrong with each, and what would be sent.
 * Knows nothing of dialogs or of the network, and never holds the key's secret.
 */
import type { Schema } from '$lib/api/client';
import { Expiry } from '$lib/ui/expiry.svelte';
import { sameSet, wordsOf } from '$lib/ui/lists';

type VirtualKey = Schema<'VirtualKey'>;
type NewVirtualKey = Schema<'NewVirtualKey'>;
type VirtualKeyChange = Schema<'VirtualKeyChange'>;

/** The endpoints a key can be narrowed to, with the words of the form. */
export const ENDPOINTS = [
  { name: 'chat.completions', label: 'Chat' },
  { name: 'responses', label: 'Responses' },
  { name: 'completions', label: 'Completions' },
  { name: 'embeddings', label: 'Embeddings' },
  { name: 'models', label: 'List models' },
] as const;

export class KeyDraft {
  name = $state('');
  ownerId = $state<string | null>(null);
  /** Patterns as typed: one per line, or parted by commas or spaces. */
  models = $state('');
  /** Names out of [`ENDPOINTS`]; empty means every endpoint. */
  endpoints = $state<string[]>([]);
  readonly expiry: Expiry;
  /** US dollars as typed; empty means no limit. */
  budget = $state('');
  readonly saved: VirtualKey | null;

  constructor(saved: VirtualKey | null) {
    this.saved = saved;
    this.expiry = new Expiry(saved?.expires_at);
    if (!saved) return;
    this.name = saved.name;
    this.ownerId = saved.owner?.id ?? null;
    this.models = saved.models.join('\n');
    this.endpoints = [...saved.endpoints];
    this.budget = saved.max_budget === null ? '' : String(saved.max_budget);
  }

  get patterns(): string[] {
    return wordsOf(this.models);
  }

  get nameProblem(): string | null {
    return this.name.trim() === '' ? 'Give the key a name that says who or what uses it.' : null;
  }

  get budgetProblem(): string | null {
    const text = this.budget.trim();
    if (text === '') return null;
    const amount = Number(text);
    if (!Number.isFinite(amount) || amount < 0) return 'Enter an amount in US dollars, for example 25 or 2.50.';
    return null;
  }

  /** Whether nothing in it is wrong. `now` in Unix seconds. */
  isFit(now: number): boolean {
    return !this.nameProblem && !this.budgetProblem && !this.expiry.problem(now);
  }

  creation(now: number): NewVirtualKey {
    return {
      name: this.name.trim(),
      owner_id: this.ownerId,
      models: this.patterns,
      endpoints: this.endpoints,
      expires_at: this.expiry.at(now),
      max_budget: this.#budget(),
    };
  }

  /** Only what differs from the saved key. */
  changes(now: number): VirtualKeyChange {
    const saved = this.saved;
    const changes: VirtualKeyChange = {};
    if (!saved) return changes;
    const wanted = this.creation(now);
    if (wanted.name !== saved.name) changes.name = wanted.name;
    if (this.ownerId !== (saved.owner?.id ?? null)) changes.owner_id = this.ownerId;
    if (!sameSet(this.patterns, saved.models)) changes.models = this.patterns;
    if (!sameSet(this.endpoints, saved.endpoints)) changes.endpoints = this.endpoints;
    if (this.expiry.at(now) !== saved.expires_at) changes.expires_at = this.expiry.at(now);
    if (this.#budget() !== saved.max_budget) changes.max_budget = this.#budget();
    return changes;
  }

  #budget(): number | null {
    const text = this.budget.trim();
    return text === '' ? null : Number(text);
  }
}
