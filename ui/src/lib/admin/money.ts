/** US dollars in words: cents for what people budget, more digits for what one answer costs. */

const whole = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const fine = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 });

/** `12.4` -> `$12.40`, `0.0031` -> `$0.0031`, `0` -> `$0.00`. */
export function dollars(amount: number): string {
  return amount !== 0 && Math.abs(amount) < 0.01 ? fine.format(amount) : whole.format(amount);
}

/** A price per million tokens, without trailing noise: `2.5` -> `$2.50`, `0.075` -> `$0.075`. */
export function pricePerMillion(amount: number): string {
  if (amount === 0) return 'free';
  const cents = amount * 100;
  return Math.abs(cents - Math.round(cents)) < 1e-9 ? whole.format(amount) : `$${Number(amount.toPrecision(4))}`;
}
