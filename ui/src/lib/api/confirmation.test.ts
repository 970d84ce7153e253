import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError, need } from './client';
import { whenConfirmationNeeded } from './confirmation';

const REFUSAL = { detail: 'Confirm that it is you.', code: 'step_up_required' };
const sent: string[] = [];
let answers: Response[] = [];

const rename = () => need(api.POST('/api/v1/users/{id}/update', { params: { path: { id: 'u1' } }, body: { name: 'Ada' } }));
const refusal = () => Response.json(REFUSAL, { status: 403 });

beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(await request.text());
    return answers.shift() ?? Response.json({});
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  whenConfirmationNeeded(() => Promise.resolve(false));
});

describe('a change that the server wants confirmed', () => {
  it('is sent again with its body once the person has confirmed', async () => {
    answers = [refusal(), Response.json({ name: 'Ada' })];
    whenConfirmationNeeded(() => Promise.resolve(true));
    expect(await rename()).toEqual({ name: 'Ada' });
    expect(sent).toEqual(['{"name":"Ada"}', '{"name":"Ada"}']);
  });

  it('is not sent again when the person did not confirm', async () => {
    answers = [refusal()];
    const error = await rename().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).code).toBe('not_confirmed');
    expect(sent).toHaveLength(1);
  });

  it('is repeated once only, however often the server asks', async () => {
    answers = [refusal(), refusal(), refusal()];
    whenConfirmationNeeded(() => Promise.resolve(true));
    await expect(rename()).rejects.toMatchObject({ code: 'step_up_required' });
    expect(sent).toHaveLength(2);
  });

  it('leaves any other refusal to the page', async () => {
    const asked = vi.fn(() => Promise.resolve(true));
    whenConfirmationNeeded(asked);
    answers = [Response.json({ detail: 'No.', code: 'permission_missing' }, { status: 403 })];
    await expect(rename()).rejects.toMatchObject({ code: 'permission_missing' });
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('a refusal for the time being', () => {
  it('carries how long to wait', async () => {
    answers = [Response.json({ detail: 'Too many tries.', code: 'too_many' }, { status: 429, headers: { 'retry-after': '90' } })];
    await expect(rename()).rejects.toMatchObject({ retryAfter: 90 });
  });
});
