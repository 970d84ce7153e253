import { describe, expect, it } from 'vitest';
import { KeyDraft } from './key-draft.svelte';

/** Noon of 3 May 2026, in whatever zone the test runs. */
const NOW = Math.floor(new Date(2026, 4, 3, 12).getTime() / 1000);
const DAY = 86_400;

const saved = {
  id: 'key_1',
  name: 'Nightly evaluation',
  prefix: 'sk-wr',
  last_four: 'a03e',
  owner: null,
  models: ['demo/*'],
  endpoints: [],
  expires_at: NOW + 40 * DAY,
  max_budget: 25,
  spend: 3.2,
  reserved: 0,
  state: 'active' as const,
  created_at: NOW - DAY,
  created_by: 'user_1',
  last_used_at: null,
};

describe('a new key', () => {
  it('expires in ninety days unless told otherwise', () => {
    const draft = new KeyDraft(null);
    draft.name = ' CI ';
    expect(draft.creation(NOW)).toEqual({
      name: 'CI',
      owner_id: null,
      models: [],
      endpoints: [],
      expires_at: NOW + 90 * DAY,
      max_budget: null,
    });
  });

  it('reads models parted by lines, commas and spaces, each once', () => {
    const draft = new KeyDraft(null);
    draft.models = 'gpt-4o, gpt-4o-mini\n demo/*  gpt-4o,';
    expect(draft.patterns).toEqual(['gpt-4o', 'gpt-4o-mini', 'demo/*']);
  });

  it.each(['-1', 'ten', '1e999', '1,5'])('refuses %j as a budget', (budget) => {
    const draft = new KeyDraft(null);
    draft.budget = budget;
    expect(draft.budgetProblem).toMatch(/US dollars/);
  });

  it('allows a budget of nothing at all, which is not the same as no limit', () => {
    const draft = new KeyDraft(null);
    draft.budget = '0';
    expect(draft.budgetProblem).toBeNull();
    expect(draft.creation(NOW).max_budget).toBe(0);
  });
});

describe('a key being edited', () => {
  it('sends nothing when nothing was changed, however late it is saved', () => {
    expect(new KeyDraft(saved).changes(NOW + 3600)).toEqual({});
  });

  it('sends null for a limit that was taken away', () => {
    const draft = new KeyDraft(saved);
    draft.budget = '';
    draft.expiry.choice = 'never';
    expect(draft.changes(NOW)).toEqual({ max_budget: null, expires_at: null });
  });

  it('counts the order of models as no change', () => {
    const draft = new KeyDraft({ ...saved, models: ['a', 'b'] });
    draft.models = 'b a';
    expect(draft.changes(NOW)).toEqual({});
  });
});
