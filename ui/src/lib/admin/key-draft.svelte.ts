/**
 * The form of one virtual key while somebody writes it: fields as typed, what is wrong with each, and what would be sent.
 * Knows nothing of dialogs or of the network, and never holds the key's secret.
 */
import type { Schema } from '$lib/api/client';

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

export type Expiry = 'keep' | 'never' | 'week' | 'month' | 'quarter' | 'year' | 'date';

const DAY = 86_400;
const PRESETS: Partial<Record<Expiry, number>> = { week: 7 * DAY, month: 30 * DAY, quarter: 90 * DAY, year: 365 * DAY };

export class KeyDraft {
  name = $state('');
  ownerId = $state<string | null>(null);
  /** Patterns as typed: one per line, or parted by commas or spaces. */
  models = $state('');
  /** Names out of [`ENDPOINTS`]; empty means every endpoint. */
  endpoints = $state<string[]>([]);
  expiry = $state<Expiry>('quarter');
  /** `YYYY-MM-DD`, read in the browser's own time zone; used when `expiry` is `date`. */
  expiryDate = $state('');
  /** US dollars as typed; empty means no limit. */
  budget = $state('');
  readonly saved: VirtualKey | null;

  constructor(saved: VirtualKey | null) {
    this.saved = saved;
    if (!saved) return;
    this.name = saved.name;
    this.ownerId = saved.owner?.id ?? null;
    this.models = saved.models.join('\n');
    this.endpoints = [...saved.endpoints];
    this.expiry = saved.expires_at === null ? 'never' : 'keep';
    this.budget = saved.max_budget === null ? '' : String(saved.max_budget);
  }

  get patterns(): string[] {
    return [...new Set(this.models.split(/[\s,]+/).filter((pattern) => pattern !== ''))];
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

  /** `now` in Unix seconds. */
  expiryProblem(now: number): string | null {
    if (this.expiry !== 'date') return null;
    const at = endOfDay(this.expiryDate);
    if (at === null) return 'Choose the last day on which the key works.';
    return at <= now ? 'That day is over; choose a later one.' : null;
  }

  /** Unix seconds, or `null` for a key that never expires. */
  expiresAt(now: number): number | null {
    if (this.expiry === 'keep') return this.saved?.expires_at ?? null;
    if (this.expiry === 'date') return endOfDay(this.expiryDate);
    const preset = PRESETS[this.expiry];
    return preset === undefined ? null : now + preset;
  }

  creation(now: number): NewVirtualKey {
    return {
      name: this.name.trim(),
      owner_id: this.ownerId,
      models: this.patterns,
      endpoints: this.endpoints,
      expires_at: this.expiresAt(now),
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
    if (this.expiresAt(now) !== saved.expires_at) changes.expires_at = this.expiresAt(now);
    if (this.#budget() !== saved.max_budget) changes.max_budget = this.#budget();
    return changes;
  }

  #budget(): number | null {
    const text = this.budget.trim();
    return text === '' ? null : Number(text);
  }
}

/** The last second of a day in the browser's time zone, so that "until 3 May" includes the third. */
function endOfDay(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (!match) return null;
  const end = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]), 23, 59, 59);
  return Number.isNaN(end.getTime()) ? null : Math.floor(end.getTime() / 1000);
}

function sameSet(left: string[], right: string[]): boolean {
  return left.length === right.length && left.every((item) => right.includes(item));
}
