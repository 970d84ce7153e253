import { afterEach, describe, expect, it, vi } from 'vitest';
import { session } from '$lib/session.svelte';
import { stepUp } from '$lib/step-up/step-up.svelte';
import { PasswordChange } from './password-change.svelte';
import { inOrder, Sessions } from './sessions.svelte';

const answering = (answer: (request: Request) => Response) => vi.stubGlobal('fetch', (request: Request) => Promise.resolve(answer(request)));
afterEach(() => {
  session.person = null;
  vi.unstubAllGlobals();
});

function typed(current: string, wanted: string): PasswordChange {
  const change = new PasswordChange();
  [change.current, change.wanted] = [current, wanted];
  return change;
}

describe('a change of the password', () => {
  it('is explained beneath its fields before the server is asked', async () => {
    const asked = vi.fn(() => Response.json(true));
    answering(asked);
    for (const [current, wanted] of [['', 'new'], ['old', ''], ['same', 'same']] as const) {
      const change = typed(current, wanted);
      expect(await change.send()).toBe(false);
      expect(Object.keys(change.problems)).toHaveLength(1);
    }
    expect(asked).not.toHaveBeenCalled();
  });

  it.each([
    ['wrong_password', 'current'],
    ['weak_password', 'wanted'],
  ])('that is refused as %s says so at the field it is about, and keeps both', async (code, field) => {
    answering(() => Response.json({ detail: 'The server explains.', code }, { status: 400 }));
    const change = typed('old', 'new');
    expect(await change.send()).toBe(false);
    expect(change.problems).toEqual({ [field]: 'The server explains.' });
    expect([change.current, change.wanted]).toEqual(['old', 'new']);
  });

  it('that the server does not offer hides the form and says why', async () => {
    answering(() => Response.json({ detail: 'ENABLE_PASSWORD_CHANGE_FORM is off.', code: 'feature_disabled' }, { status: 403 }));
    const change = typed('old', 'new');
    await change.send();
    expect(change.isSwitchedOff).toBe(true);
    expect(change.trouble).toBe('ENABLE_PASSWORD_CHANGE_FORM is off.');
  });

  it('that the person did not confirm keeps the form', async () => {
    answering(() => Response.json({ detail: 'Confirm.', code: 'step_up_required' }, { status: 403 }));
    const change = typed('old', 'new');
    const sending = change.send();
    await vi.waitFor(() => expect(stepUp.isAsking).toBe(true));
    stepUp.settle(false);
    await sending;
    expect(change.isSwitchedOff).toBe(false);
    expect(change.current).toBe('old');
  });

  it('that succeeded leaves no password in the form', async () => {
    answering(() => Response.json(true));
    const change = typed('old', 'new');
    expect(await change.send()).toBe(true);
    expect([change.current, change.wanted]).toEqual(['', '']);
  });
});

describe('the sessions of a person', () => {
  const at = (id: string, last_used_at: number, current = false) => ({ id, last_used_at, current, created_at: 0, expires_at: null, address: '', device: '' });

  it('begin with this one, then the one used last', () => {
    expect(inOrder([at('old', 1), at('here', 2, true), at('new', 3)]).map(({ id }) => id)).toEqual(['here', 'new', 'old']);
  });

  it('lose the one that was ended without being fetched again', async () => {
    const asked: string[] = [];
    answering((request) => {
      asked.push(request.method);
      return request.method === 'GET' ? Response.json({ items: [at('a', 1), at('b', 2)] }) : new Response(null, { status: 204 });
    });
    const sessions = new Sessions();
    await sessions.load();
    await sessions.end('a');
    expect(sessions.list.value?.map(({ id }) => id)).toEqual(['b']);
    expect(asked).toEqual(['GET', 'DELETE']);
  });
});

describe('what a person may do', () => {
  const person = (role: 'admin' | 'user', permissions: Record<string, unknown>) =>
    ({ id: 'u', email: '', name: '', role, expires_at: null, profile_image_url: '', permissions }) as never;

  it('is what the tree of permissions says, and nothing that it does not name', () => {
    session.person = person('user', { chat: { share: true, delete: false } });
    expect(session.allows('chat.share')).toBe(true);
    for (const path of ['chat.delete', 'chat.export', 'features.api_keys', 'chat', 'chat.share.more']) expect(session.allows(path)).toBe(false);
  });

  it('is everything for an administrator and nothing for a stranger', () => {
    session.person = person('admin', {});
    expect(session.allows('features.api_keys')).toBe(true);
    session.person = null;
    expect(session.allows('features.api_keys')).toBe(false);
  });
});
