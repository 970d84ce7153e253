import { describe, expect, it } from 'vitest';
import { Expiry } from './expiry.svelte';

/** Noon of 3 May 2026, in whatever zone the test runs. */
const NOW = Math.floor(new Date(2026, 4, 3, 12).getTime() / 1000);
const DAY = 86_400;

describe('when a key stops working', () => {
  it('is in ninety days for a new key, and stays as it is for a saved one', () => {
    expect(new Expiry().at(NOW)).toBe(NOW + 90 * DAY);
    expect(new Expiry(NOW + DAY).at(NOW + 3600)).toBe(NOW + DAY);
    expect([new Expiry(null).choice, new Expiry(null).at(NOW)]).toEqual(['never', null]);
  });

  it('includes the whole of the last day', () => {
    const expiry = new Expiry();
    [expiry.choice, expiry.date] = ['date', '2026-05-03'];
    expect(expiry.problem(NOW)).toBeNull();
    expect(expiry.at(NOW)).toBe(NOW + 12 * 3600 - 1);

    expiry.date = '2026-05-02';
    expect(expiry.problem(NOW)).toMatch(/later/);
    expiry.date = '';
    expect(expiry.problem(NOW)).toMatch(/Choose/);
  });
});
