import { describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/client';
import { Credentials } from './credentials.svelte';

function typed(): Credentials {
  const credentials = new Credentials();
  [credentials.name, credentials.email, credentials.password] = ['Ada', 'ada@example.org', 'a long enough password'];
  return credentials;
}

describe('what is typed to get in', () => {
  it('names every problem at once and the first field to go to', () => {
    const credentials = new Credentials();
    credentials.email = 'ada';
    expect(credentials.check('sign-up')).toBe(false);
    expect(Object.keys(credentials.problems)).toEqual(['name', 'email', 'password']);
    expect(credentials.firstProblem).toBe('name');

    expect(credentials.check('sign-in')).toBe(false);
    expect(Object.keys(credentials.problems)).toEqual(['email', 'password']);
  });

  it('survives a refusal', async () => {
    const credentials = typed();
    const refused = await credentials.send(() => Promise.reject(new ApiError('wrong e-mail or password', 400, 'wrong')));
    expect(refused).toBe(false);
    expect(credentials.trouble).toBe('wrong e-mail or password');
    expect(credentials.password).toBe('a long enough password');
    expect(credentials.busy).toBe(false);
  });

  it('shows a refusal at the field that the server names', async () => {
    const credentials = typed();
    await credentials.send(() => Promise.reject(new ApiError('that address has an account', 400, 'taken', 'email')));
    expect(credentials.problems).toEqual({ email: 'that address has an account' });
    expect(credentials.trouble).toBe('');
  });

  it('is sent once, however often the button is pressed', async () => {
    const credentials = typed();
    let sent = 0;
    const enter = () => new Promise<void>((resolve) => ((sent += 1), setTimeout(resolve, 5)));
    await Promise.all([credentials.send(enter), credentials.send(enter)]);
    expect(sent).toBe(1);
  });
});
