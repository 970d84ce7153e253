import { describe, expect, it } from 'vitest';
import type { ApiKey } from '$lib/api/api-keys';
import { ApiKeyDraft } from './api-key-draft.svelte';

const NOW = 1_800_000_000;
const DAY = 86_400;

describe('a new API key', () => {
  it('is limited by nothing but ninety days unless told otherwise', () => {
    const draft = new ApiKeyDraft(null);
    draft.name = ' Backup script ';
    expect(draft.creation(NOW)).toEqual({
      name: 'Backup script',
      endpoints: [],
      models: [],
      addresses: [],
      expires_at: NOW + 90 * DAY,
    });
  });

  it('reads endpoints line by line, since a method and its path belong together', () => {
    const draft = new ApiKeyDraft(null);
    draft.endpoints = 'GET /api/models\n /v1/* ,POST  /api/chat/completions\n\nGET /api/models';
    expect(draft.endpointProblem).toBe('');
    expect(draft.creation(NOW).endpoints).toEqual(['GET /api/models', '/v1/*', 'POST  /api/chat/completions']);
  });

  it.each(['api/models', 'get /api/models', 'GET', 'https://host/api'])('refuses %j as an endpoint', (line) => {
    const draft = new ApiKeyDraft(null);
    draft.name = 'x';
    draft.endpoints = line;
    expect(draft.endpointProblem).toContain(line);
    expect(draft.isFit(NOW)).toBe(false);
  });
});

describe('an API key being changed', () => {
  const saved: ApiKey = {
    id: 'key_1',
    name: 'Backup script',
    prefix: 'sk-',
    last_four: '1234',
    endpoints: ['GET /api/models', '/v1/*'],
    models: ['demo/*'],
    addresses: ['10.20.0.0/16'],
    expires_at: NOW + 40 * DAY,
    created_at: NOW,
    last_used_at: null,
    state: 'active',
  };

  it('sends nothing when nothing was changed, however late it is saved', () => {
    expect(new ApiKeyDraft(saved).changes(NOW + 3600)).toEqual({});
  });

  it('sends what was changed and leaves the rest alone', () => {
    const draft = new ApiKeyDraft(saved);
    draft.name = 'Restore script';
    expect(draft.changes(NOW)).toEqual({ name: 'Restore script' });
  });

  it('sends an empty list for a limit that was taken away, and null for an end', () => {
    const draft = new ApiKeyDraft(saved);
    draft.models = ' ';
    draft.expiry.choice = 'never';
    expect(draft.changes(NOW)).toEqual({ models: [], expires_at: null });
  });

  it('counts the order of endpoints as no change', () => {
    const draft = new ApiKeyDraft(saved);
    draft.endpoints = '/v1/*\nGET /api/models';
    expect(draft.changes(NOW)).toEqual({});
  });
});
