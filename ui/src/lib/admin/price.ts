/** Prices of models in words. */

const whole = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

/** US dollars per million tokens without trailing noise: `2.5` -> `$2.50`, `0.075` -> `$0.075`, `0` -> `free`. */
export function pricePerMillion(amount: number): string {
  if (amount === 0) return 'free';
  const cents = amount * 100;
  return Math.abs(cents - Math.round(cents)) < 1e-9 ? whole.format(amount) : `$${Number(amount.toPrecision(4))}`;
}
