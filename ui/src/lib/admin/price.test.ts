import { describe, expect, it } from 'vitest';
import { pricePerMillion } from './price';

describe('a price per million tokens', () => {
  it.each([
    [0, 'free'],
    [2.5, '$2.50'],
    [0.075, '$0.075'],
    [0.1, '$0.10'],
    [15, '$15.00'],
  ])('%d dollars reads %s', (amount, text) => {
    expect(pricePerMillion(amount)).toBe(text);
  });
});
