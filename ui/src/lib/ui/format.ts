/** Numbers, money and times in the reader's own conventions. All times are Unix seconds. */

const wholeNumber = new Intl.NumberFormat();
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** 1284 as "1,284". */
export function count(value: number): string {
  return wholeNumber.format(value);
}

/** One answer costs fractions of a cent, a team thousands of dollars: small amounts keep two significant digits. */
export function money(usd: number): string {
  if (usd > 0 && usd < 0.0001) return `<${money(0.0001)}`;
  const small = usd !== 0 && Math.abs(usd) < 0.1;
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
    ...(small ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  }).format(usd);
}

/** Milliseconds as "310 ms", "6 s" or "2 min 5 s". */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function exactTime(at: number): string {
  return exact.format(new Date(at * 1000));
}

/** "5 minutes ago", "in 3 days", or a date when more than a month lies between. */
export function relativeTime(at: number, now = Date.now() / 1000): string {
  const seconds = at - now;
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(0, 'minute');
  if (size < 3600) return relative.format(Math.trunc(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.trunc(seconds / 3600), 'hour');
  if (size < 30 * 86_400) return relative.format(Math.trunc(seconds / 86_400), 'day');
  return day.format(new Date(at * 1000));
}
