import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, need } from '$lib/api/client';
import { ProofAttempt } from './proof.svelte';
import { stepUp } from './step-up.svelte';

/** A server that wants every change confirmed until it got the right password. */
let isConfirmed = false;
let methods: string[] = [];
let passwordsSent: string[] = [];

async function server(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname !== '/api/v1/auths/step-up') {
    return isConfirmed ? Response.json({ status: true }) : Response.json({ detail: 'Confirm.', code: 'step_up_required' }, { status: 403 });
  }
  if (request.method === 'GET') return Response.json({ confirmed_until: null, methods });
  const { password } = (await request.json()) as { password: string };
  passwordsSent.push(password);
  if (password !== 'right') return Response.json({ detail: 'That is not your password.', code: 'wrong_password' }, { status: 400 });
  isConfirmed = true;
  return Response.json({ confirmed_until: 1 });
}

beforeEach(() => {
  [isConfirmed, methods, passwordsSent] = [false, ['password', 'totp'], []];
  vi.stubGlobal('fetch', server);
});
afterEach(() => {
  stepUp.settle(false);
  vi.unstubAllGlobals();
});

const change = () => need(api.POST('/api/v1/auths/signout'));
const asked = () => vi.waitFor(() => expect(stepUp.isAsking).toBe(true));

describe('the proof of who sits here', () => {
  it('is asked for once, however many changes wait for it, and then all of them go through', async () => {
    const changes = Promise.all([change(), change()]);
    await asked();
    const attempt = new ProofAttempt();
    await attempt.load();
    attempt.password = 'right';
    expect(await attempt.send()).toBe(true);
    stepUp.settle(true);
    expect(await changes).toHaveLength(2);
    expect(passwordsSent).toEqual(['right']);
    expect(stepUp.isAsking).toBe(false);
  });

  it('can be declined, and then nothing is changed', async () => {
    const refused = change().catch((error: unknown) => error);
    await asked();
    stepUp.settle(false);
    expect(await refused).toMatchObject({ code: 'not_confirmed' });
  });

  it('that was refused says why and keeps what was typed', async () => {
    const attempt = new ProofAttempt();
    await attempt.load();
    attempt.password = 'wrong';
    expect(await attempt.send()).toBe(false);
    expect(attempt.trouble).toBe('That is not your password.');
    expect(attempt.password).toBe('wrong');
    attempt.choose('totp');
    expect(attempt.trouble).toBe('');
  });

  it('is not offered in ways that this account or this browser does not have', async () => {
    methods = ['totp', 'passkey']; // no PublicKeyCredential here
    const attempt = new ProofAttempt();
    await attempt.load();
    expect(attempt.methods).toEqual(['totp']);
    attempt.code = '123 45';
    expect(attempt.isComplete).toBe(false);
    attempt.code = '123 456';
    expect(attempt.isComplete).toBe(true);
  });
});
