import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import { SignIn } from './sign-in.svelte';

const ADA = { token: 't', token_type: 'Bearer', id: 'u1', email: 'ada@example.test', name: 'Ada', role: 'user', permissions: {}, expires_at: null };
const sent: { path: string; body: Record<string, unknown> }[] = [];
let answers: Record<string, () => Response> = {};

/** Answers each path as the test says, and knows Ada once a session was given out. */
async function server(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname.replace('/api/v1/auths/', '');
  if (request.method === 'POST') sent.push({ path, body: (await request.json()) as Record<string, unknown> });
  const answer = answers[path];
  if (answer) return answer();
  if (path === '/api/config') return Response.json({ status: true, name: 'Wardroom', features: {} });
  return Response.json({ detail: 'Sign in.' }, { status: 401 });
}

const asksFor = (next: object) => () => Response.json({ challenge_token: 'ch', expires_in: 300, ...next });
const refuses = (code: string, status = 400) => () => Response.json({ detail: `No: ${code}.`, code }, { status });
const letsIn = () => {
  answers[''] = () => Response.json(ADA);
  return Response.json(ADA);
};

beforeEach(() => {
  [sent.length, answers] = [0, {}];
  vi.stubGlobal('fetch', server);
});
afterEach(() => {
  session.person = null;
  vi.unstubAllGlobals();
});

describe('a sign-in with two steps', () => {
  it('is over after the code, which carries the token of the first step', async () => {
    answers = { signin: asksFor({ next_step: 'verify', methods: ['totp', 'recovery'] }), 'mfa/verify': letsIn };
    const flow = new SignIn();
    expect(await flow.password('ada@example.test', 'secret')).toBe(false);
    expect(session.person).toBeNull();
    expect(flow.step).toBe('code');

    flow.code = ' 123-4\u00a056';
    expect(await flow.verify()).toBe(true);
    expect(sent.at(-1)).toEqual({ path: 'mfa/verify', body: { challenge_token: 'ch', code: '123456' } });
    expect(session.person?.name).toBe('Ada');
    expect(session.person).not.toHaveProperty('token');
  });

  it('does not send half a code, and empties the field of a wrong one', async () => {
    answers = { signin: asksFor({ next_step: 'verify', methods: ['totp'] }), 'mfa/verify': refuses('wrong_code') };
    const flow = new SignIn();
    await flow.password('a', 'b');
    flow.code = '12345';
    expect(await flow.verify()).toBe(false);
    expect(sent).toHaveLength(1);
    flow.code = '123456';
    expect(await flow.verify()).toBe(false);
    expect(flow.code).toBe('');
    expect((flow.refusal as ApiError).code).toBe('wrong_code');
    expect(flow.step).toBe('code');
  });

  it('takes a recovery code where the phone is lost', async () => {
    answers = { signin: asksFor({ next_step: 'verify', methods: ['totp', 'recovery'] }), 'mfa/recover': letsIn };
    const flow = new SignIn();
    await flow.password('a', 'b');
    flow.choose('recovery');
    flow.recoveryCode = ' abcd-efgh ';
    expect(await flow.verify()).toBe(true);
    expect(sent.at(-1)?.body).toEqual({ challenge_token: 'ch', code: 'abcd-efgh' });
  });

  it('begins anew when the first step has lapsed, and says why', async () => {
    answers = { signin: asksFor({ next_step: 'verify', methods: ['totp'] }), 'mfa/verify': refuses('challenge_expired') };
    const flow = new SignIn();
    await flow.password('a', 'b');
    flow.code = '123456';
    await flow.verify();
    expect(flow.step).toBe('password');
    expect((flow.refusal as ApiError).message).toBe('No: challenge_expired.');
  });

  it('offers no passkey where the browser has none', async () => {
    answers = { signin: asksFor({ next_step: 'verify', methods: ['passkey', 'totp'] }) };
    const flow = new SignIn();
    await flow.password('a', 'b');
    expect(flow.methods).toEqual(['totp']);
    expect(flow.step).toBe('code');
  });
});

describe('a server that insists on a second step', () => {
  it('has one set up, shows the recovery codes, and lets in afterwards', async () => {
    answers = {
      signin: asksFor({ next_step: 'enroll' }),
      'mfa/enroll/start': () => Response.json({ secret: 'JBSW', otpauth_url: 'otpauth://totp/x?secret=JBSW' }),
      'mfa/enroll/confirm': () => (letsIn(), Response.json({ recovery_codes: ['one', 'two'] })),
    };
    const flow = new SignIn();
    await flow.password('a', 'b');
    await vi.waitFor(() => expect(flow.enrolment?.step).toBe('scan'));
    expect(sent.at(-1)?.body).toEqual({ challenge_token: 'ch' });

    const enrolment = flow.enrolment;
    if (!enrolment) throw new Error('nothing is being set up');
    enrolment.code = '123456';
    await enrolment.confirm();
    expect(enrolment.codes).toEqual(['one', 'two']);
    expect(enrolment.seed).toBeNull();
    expect(await flow.finishEnrolment()).toBe(true);
  });

  it('that does not let in by itself is asked again from the start', async () => {
    answers = { signin: asksFor({ next_step: 'enroll' }) };
    const flow = new SignIn();
    await flow.password('a', 'b');
    expect(await flow.finishEnrolment()).toBe(false);
    expect(flow.step).toBe('password');
    expect(flow.enrolment).toBeNull();
  });
});
