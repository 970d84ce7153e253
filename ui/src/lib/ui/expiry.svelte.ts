/** When a key stops working, while somebody chooses it. Times are Unix seconds. */

export type ExpiryChoice = 'keep' | 'never' | 'week' | 'month' | 'quarter' | 'year' | 'date';

export const EXPIRIES: { value: ExpiryChoice; label: string }[] = [
  { value: 'week', label: 'In 7 days' },
  { value: 'month', label: 'In 30 days' },
  { value: 'quarter', label: 'In 90 days' },
  { value: 'year', label: 'In a year' },
  { value: 'date', label: 'On a date…' },
  { value: 'never', label: 'Never' },
];

const DAY = 86_400;
const PRESETS: Partial<Record<ExpiryChoice, number>> = { week: 7 * DAY, month: 30 * DAY, quarter: 90 * DAY, year: 365 * DAY };

export class Expiry {
  choice = $state<ExpiryChoice>('quarter');
  /** `YYYY-MM-DD`, read in the browser's own time zone; used when `choice` is `date`. */
  date = $state('');
  /** When the key that is being changed expires; `null` for never, and for a new key. */
  readonly saved: number | null;

  /** `undefined` for a new key. */
  constructor(saved?: number | null) {
    this.saved = saved ?? null;
    if (saved === undefined) return;
    this.choice = saved === null ? 'never' : 'keep';
  }

  problem(now: number): string | null {
    if (this.choice !== 'date') return null;
    const at = endOfDay(this.date);
    if (at === null) return 'Choose the last day on which the key works.';
    return at <= now ? 'That day is over; choose a later one.' : null;
  }

  /** `null` for a key that never expires. */
  at(now: number): number | null {
    if (this.choice === 'keep') return this.saved;
    if (this.choice === 'date') return endOfDay(this.date);
    const preset = PRESETS[this.choice];
    return preset === undefined ? null : now + preset;
  }
}

/** The last second of a day in the browser's time zone, so that "until 3 May" includes the third. */
function endOfDay(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (!match) return null;
  const end = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]), 23, 59, 59);
  return Number.isNaN(end.getTime()) ? null : Math.floor(end.getTime() / 1000);
}
