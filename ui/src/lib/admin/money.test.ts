import { describe, expect, it } from 'vitest';
import { dollars, pricePerMillion } from './money';

describe('money', () => {
  it.each([
    [0, '$0.00'],
    [12.4, '$12.40'],
    [1234.5, '$1,234.50'],
    [0.0031, '$0.0031'],
    [0.000_000_42, '$0.00000042'],
  ])('writes %d dollars as %s', (amount, text) => {
    expect(dollars(amount)).toBe(text);
  });

  it.each([
    [0, 'free'],
    [2.5, '$2.50'],
    [0.075, '$0.075'],
    [0.1, '$0.10'],
    [15, '$15.00'],
  ])('writes a price of %d as %s', (amount, text) => {
    expect(pricePerMillion(amount)).toBe(text);
  });
});
