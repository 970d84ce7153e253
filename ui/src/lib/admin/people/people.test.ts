import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AdminUser } from '$lib/api/people';
import { router } from '$lib/router.svelte';
import { People, queryOfAddress } from './people.svelte';
import { makePassword, PersonDraft } from './person-draft.svelte';
import { whyModel, whyPermission } from './reasons';

const ben: AdminUser = {
  id: 'user_ben',
  name: 'Ben Okafor',
  email: 'ben@example.test',
  role: 'pending',
  profile_image_url: '',
  created_at: 1_790_000_000,
  last_active_at: 1_790_000_000,
  is_active: true,
  group_ids: [],
  has_password: true,
  second_factor: false,
};

let asked: string[] = [];
let sent: unknown[] = [];
/** Stands in for the server: pages of people for every list, and a change that does what it is told. */
async function server(request: Request): Promise<Response> {
  asked.push(request.url.replace('http://localhost', ''));
  if (request.method === 'GET') return Response.json({ users: [ben], total: 1 });
  const body = (await request.json()) as object;
  sent.push(body);
  return Response.json({ ...ben, ...body });
}

beforeEach(() => {
  [asked, sent] = [[], []];
  vi.stubGlobal('fetch', server);
});
afterEach(() => vi.unstubAllGlobals());

describe('the list of people', () => {
  it('is asked for as the address says, and nonsense in the address is left out', async () => {
    router.url = new URL('http://localhost/admin/users?query=ben&role=admin&state=gone&order=email&direction=sideways&page=-3');
    await new People().load(queryOfAddress());
    expect(asked[0]).toBe('/api/v1/users/?page=1&query=ben&order_by=email&direction=asc&role=admin');
  });

  it('says who waits, and no longer once they are let in', async () => {
    const people = new People();
    await people.load(queryOfAddress());
    expect(people.waiting.map(({ id }) => id)).toEqual(['user_ben']);
    await people.change('user_ben', { role: 'user' });
    expect(people.waiting).toEqual([]);
    expect(people.list.value?.users[0]?.role).toBe('user');
  });

  it('does not count a deactivated account among those who wait', async () => {
    const people = new People();
    await people.load(queryOfAddress());
    await people.change('user_ben', { is_active: false });
    expect(people.waiting).toEqual([]);
  });
});

describe('an account being changed', () => {
  it('sends only what differs', () => {
    const draft = new PersonDraft(ben);
    expect(draft.changes()).toEqual({});
    draft.email = ' benjamin@example.test ';
    draft.picture = '';
    expect(draft.changes()).toEqual({ email: 'benjamin@example.test' });
  });

  it('never sends a password along with other changes', () => {
    const draft = new PersonDraft(ben);
    draft.password = 'Granite-otter-82';
    draft.name = 'Benjamin';
    expect(draft.changes()).toEqual({ name: 'Benjamin' });
  });
});

describe('a new account', () => {
  it('needs a name, an address and a password', () => {
    const draft = new PersonDraft(null);
    expect([draft.nameProblem, draft.emailProblem, draft.passwordProblem].every(Boolean)).toBe(true);
    draft.name = 'Ben';
    draft.email = 'ben@example.test';
    draft.password = makePassword();
    expect(draft.isFit).toBe(true);
    expect(draft.creation()).toEqual({ name: 'Ben', email: 'ben@example.test', role: 'user', password: draft.password });
  });
});

describe('a password that was made', () => {
  it('has letters of both kinds and digits, none that look alike, and is another one each time', () => {
    const passwords = Array.from({ length: 200 }, makePassword);
    for (const password of passwords) {
      expect(password).toMatch(/^([a-zA-Z2-9]{4}-){4}[a-zA-Z2-9]{4}$/);
      expect(password).toMatch(/[a-z]/);
      expect(password).toMatch(/[A-Z]/);
      expect(password).toMatch(/\d/);
      expect(password).not.toMatch(/[ilIO01]/);
    }
    expect(new Set(passwords).size).toBe(200);
  });
});

describe('the reason for an answer', () => {
  it('names every source of a permission', () => {
    const because = [{ kind: 'default' as const }, { kind: 'group' as const, group: { id: 'group_2', name: 'Evaluation' } }];
    expect(whyPermission(true, because)).toBe('Everybody has it, group Evaluation');
  });

  it('says what withholds a permission', () => {
    expect(whyPermission(false, [{ kind: 'default' }])).toBe('Nobody has it by default');
    expect(whyPermission(false, [{ kind: 'environment' }])).toBe('The server’s environment gives it to nobody');
  });

  it('tells a decision about a model from the want of one', () => {
    expect(whyModel(true, [{ kind: 'default' }])).toBe('Open to everybody, as nothing was decided about it');
    expect(whyModel(true, [{ kind: 'everybody' }])).toBe('Granted to everybody');
    expect(whyModel(false, [])).toBe('Nothing opens it');
  });
});
