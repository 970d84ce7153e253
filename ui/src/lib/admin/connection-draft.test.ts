import { describe, expect, it } from 'vitest';
import { ConnectionDraft, isAllowed } from './connection-draft.svelte';

const saved = {
  id: 'connection_1',
  name: 'Harbour',
  base_url: 'https://models.harbour.test/v1',
  kind: 'openai' as const,
  source: 'stored' as const,
  enabled: true,
  position: 0,
  prefix: null,
  key: { fingerprint: 'a1b2c3', last_four: '9c1b' },
  models: { count: 2, fetched_at: 1_790_000_000, error: null },
  created_at: 1_790_000_000,
  updated_at: 1_790_000_000,
};

describe('a connection being edited', () => {
  it('sends nothing when nothing was changed', () => {
    expect(new ConnectionDraft(saved).changes()).toEqual({});
  });

  it('warns that a new address clears the key, until a key is entered with it', () => {
    const draft = new ConnectionDraft(saved);
    expect(draft.clearsKey).toBe(false);

    draft.baseUrl = 'https://elsewhere.test/v1';
    expect(draft.clearsKey).toBe(true);

    draft.apiKey = 'new-secret';
    expect(draft.clearsKey).toBe(false);
    expect(draft.changes()).toEqual({ base_url: 'https://elsewhere.test/v1', api_key: 'new-secret' });
  });

  it('does not take a final slash for a new address', () => {
    const draft = new ConnectionDraft(saved);
    draft.baseUrl = 'https://MODELS.harbour.test/v1/';
    expect(draft.urlChanged).toBe(false);
  });

  it('never sends address or key of a connection that the environment sets', () => {
    const draft = new ConnectionDraft({ ...saved, source: 'environment' });
    draft.baseUrl = 'https://elsewhere.test/v1';
    draft.apiKey = 'new-secret';
    draft.name = 'Harbour, west';
    expect(draft.changes()).toEqual({ name: 'Harbour, west' });
  });

  it('clears a prefix by sending null', () => {
    const draft = new ConnectionDraft({ ...saved, prefix: 'west' });
    draft.prefix = ' ';
    expect(draft.changes()).toEqual({ prefix: null });
  });
});

describe('a new connection', () => {
  it('leaves out what was left empty', () => {
    const draft = new ConnectionDraft(null);
    draft.baseUrl = ' https://models.harbour.test/v1 ';
    expect(draft.creation()).toEqual({ base_url: 'https://models.harbour.test/v1' });
  });

  it.each([
    ['', /Enter the address/],
    ['models.harbour.test', /not an address/],
    ['ftp://models.harbour.test', /https:\/\//],
    ['https://ada:secret@models.harbour.test', /own field/],
  ])('refuses %j as an address and says why', (url, reason) => {
    const draft = new ConnectionDraft(null);
    draft.baseUrl = url;
    expect(draft.urlProblem).toMatch(reason);
  });
});

describe('the list of allowed addresses', () => {
  it('covers what lies below an address but not its namesakes', () => {
    const allowed = ['https://api.openai.com/v1'];
    expect(isAllowed('https://api.openai.com/v1/', allowed)).toBe(true);
    expect(isAllowed('https://api.openai.com/v1/eu', allowed)).toBe(true);
    expect(isAllowed('https://api.openai.com/v12', allowed)).toBe(false);
    expect(isAllowed('https://api.openai.com.evil.test/v1', allowed)).toBe(false);
  });
});
