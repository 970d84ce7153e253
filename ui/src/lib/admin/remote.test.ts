import { describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/client';
import { Remote } from './remote.svelte';

describe('something on the server', () => {
  it('shows the newest question however late an older answer comes', async () => {
    const remote = new Remote<string>();
    let answerOld: (value: string) => void = () => {};
    const old = remote.load(() => new Promise((resolve) => (answerOld = resolve)));
    await remote.load(() => Promise.resolve('new'));
    answerOld('old');
    await old;
    expect(remote.value).toBe('new');
  });

  it('does not undo a change with an answer from before it', async () => {
    const remote = new Remote<string>();
    let answer: (value: string) => void = () => {};
    const asked = remote.load(() => new Promise((resolve) => (answer = resolve)));
    remote.replace('changed');
    answer('from before');
    await asked;
    expect(remote.value).toBe('changed');
  });

  it('tells a refusal from a failure, and keeps the words for the reader', async () => {
    const remote = new Remote<string>();
    await remote.load(() => Promise.reject(new ApiError('only for administrators', 403, 'permission_denied')));
    expect(remote.status).toBe('denied');

    await remote.load(() => Promise.reject(new ApiError('the database is away', 500, 'internal')));
    expect(remote.status).toBe('failed');
    expect(remote.trouble).toBe('the database is away');
  });

  it('keeps what it showed when fetching it again fails', async () => {
    const remote = new Remote<string>();
    await remote.load(() => Promise.resolve('here'));
    await remote.load(() => Promise.reject(new ApiError('away', 0, 'unreachable')));
    expect(remote.value).toBe('here');
    expect(remote.status).toBe('failed');
  });
});
