import { describe, expect, it } from 'vitest';
import { ApiKeyDraft } from './api-key-draft.svelte';

/** Noon of 3 May 2026, in whatever zone the test runs. */
const NOW = Math.floor(new Date(2026, 4, 3, 12).getTime() / 1000);

describe('a new API key', () => {
  it('is limited by nothing but ninety days unless told otherwise', () => {
    const draft = new ApiKeyDraft();
    draft.name = ' Backup script ';
    expect(draft.creation(NOW)).toEqual({
      name: 'Backup script',
      endpoints: [],
      models: [],
      addresses: [],
      expires_at: NOW + 90 * 86_400,
    });
  });

  it('reads endpoints line by line, since a method and its path belong together', () => {
    const draft = new ApiKeyDraft();
    draft.endpoints = 'GET /api/models\n /v1/* ,POST  /api/chat/completions\n\nGET /api/models';
    expect(draft.endpointProblem).toBe('');
    expect(draft.creation(NOW).endpoints).toEqual(['GET /api/models', '/v1/*', 'POST  /api/chat/completions']);
  });

  it.each(['api/models', 'get /api/models', 'GET', 'https://host/api'])('refuses %j as an endpoint', (line) => {
    const draft = new ApiKeyDraft();
    draft.name = 'x';
    draft.endpoints = line;
    expect(draft.endpointProblem).toContain(line);
    expect(draft.isComplete(NOW)).toBe(false);
  });

  it('works through the whole of its last day', () => {
    const draft = new ApiKeyDraft();
    [draft.name, draft.expiry, draft.expiryDate] = ['x', 'date', '2026-05-03'];
    expect(draft.isComplete(NOW)).toBe(true);
    expect(draft.creation(NOW).expires_at).toBe(NOW + 12 * 3600 - 1);
    draft.expiryDate = '2026-05-02';
    expect(draft.isComplete(NOW)).toBe(false);
  });
});
