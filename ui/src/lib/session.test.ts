import { describe, expect, it } from 'vitest';
import { safeNext } from './session.svelte';

describe('the address to go to after sign-in', () => {
  it('is kept when it is a path of ours', () => {
    expect(safeNext('/c/1?m=2#end')).toBe('/c/1?m=2#end');
  });

  const refused = ['', 'https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', 'c/1', '\t//evil.example'];
  for (const next of refused) {
    it(`is refused when it is ${JSON.stringify(next)}`, () => {
      expect(safeNext(next)).toBeNull();
    });
  }

  it('is never a sign-in page, which would lead in circles', () => {
    expect(safeNext('/login?next=/login')).toBeNull();
    expect(safeNext('/signup')).toBeNull();
  });
});
