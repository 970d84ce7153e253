/**
 * The form of one API key while somebody writes it: fields as typed, what is wrong with each, and what would be sent.
 * Knows nothing of dialogs or of the network, and never holds the key's secret.
 */
import type { NewApiKey } from '$lib/api/api-keys';

export type Expiry = 'never' | 'week' | 'month' | 'quarter' | 'year' | 'date';

export const EXPIRIES: { value: Expiry; label: string }[] = [
  { value: 'week', label: 'In 7 days' },
  { value: 'month', label: 'In 30 days' },
  { value: 'quarter', label: 'In 90 days' },
  { value: 'year', label: 'In a year' },
  { value: 'date', label: 'On a date…' },
  { value: 'never', label: 'Never' },
];

const DAY = 86_400;
const PRESETS: Partial<Record<Expiry, number>> = { week: 7 * DAY, month: 30 * DAY, quarter: 90 * DAY, year: 365 * DAY };

export class ApiKeyDraft {
  name = $state('');
  /** One to a line: "GET /api/models". */
  endpoints = $state('');
  /** Patterns parted by lines, commas or spaces. */
  models = $state('');
  /** Addresses and networks, parted likewise. */
  addresses = $state('');
  expiry = $state<Expiry>('quarter');
  /** `YYYY-MM-DD`, read in the browser's own time zone; used when `expiry` is `date`. */
  expiryDate = $state('');

  get nameProblem(): string {
    return this.name.trim() === '' ? 'Give the key a name that says what uses it.' : '';
  }

  /** Only what can never be right; the server knows the rest. */
  get endpointProblem(): string {
    const wrong = linesOf(this.endpoints).find((line) => !/^([A-Z]+ +)?\/\S*$/.test(line));
    return wrong === undefined ? '' : `“${wrong}” is no endpoint. Write a path, with a method before it if you like: GET /api/models.`;
  }

  /** `now` in Unix seconds. */
  expiryProblem(now: number): string {
    if (this.expiry !== 'date') return '';
    const at = endOfDay(this.expiryDate);
    if (at === null) return 'Choose the last day on which the key works.';
    return at <= now ? 'That day is over; choose a later one.' : '';
  }

  isComplete(now: number): boolean {
    return !this.nameProblem && !this.endpointProblem && !this.expiryProblem(now);
  }

  creation(now: number): NewApiKey {
    return {
      name: this.name.trim(),
      endpoints: linesOf(this.endpoints),
      models: wordsOf(this.models),
      addresses: wordsOf(this.addresses),
      expires_at: this.#expiresAt(now),
    };
  }

  #expiresAt(now: number): number | null {
    if (this.expiry === 'date') return endOfDay(this.expiryDate);
    const preset = PRESETS[this.expiry];
    return preset === undefined ? null : now + preset;
  }
}

function linesOf(text: string): string[] {
  return [...new Set(text.split(/[\n,]+/).map((line) => line.trim()))].filter((line) => line !== '');
}

function wordsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/))].filter((word) => word !== '');
}

/** The last second of a day in the browser's time zone, so that "until 3 May" includes the third. */
function endOfDay(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (!match) return null;
  const end = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]), 23, 59, 59);
  return Number.isNaN(end.getTime()) ? null : Math.floor(end.getTime() / 1000);
}
