import { afterEach, describe, expect, it, vi } from 'vitest';
import { groupsOf, Settings, shown, type Setting } from './settings.svelte';

function setting(name: string, more: Partial<Setting> = {}): Setting {
  return {
    name,
    value: 'a',
    default: 'a',
    doc: '',
    group: 'Server',
    source: 'default',
    locked: false,
    secret: false,
    needs_restart: false,
    kind: 'text',
    choices: [],
    ...more,
  };
}

const list = [
  setting('PORT', { group: 'Server', doc: 'Where to listen.', needs_restart: true }),
  setting('ENABLE_SIGNUP', { group: 'Accounts', kind: 'boolean', value: true, default: false, source: 'stored', doc: 'Who may sign up.' }),
  setting('DEFAULT_USER_ROLE', { group: 'Accounts', source: 'environment', locked: true }),
  setting('USER_PERMISSIONS_CHAT_DELETE', { group: 'Permissions' }),
];

afterEach(() => vi.unstubAllGlobals());

describe('the settings', () => {
  it('stand under the headings of the manual, without the permissions', () => {
    expect(groupsOf(list, '', '').map(({ name, settings }) => [name, settings.length])).toEqual([
      ['Server', 1],
      ['Accounts', 2],
    ]);
  });

  it('are found by name, heading and what they are for, and by where the value comes from', () => {
    const found = (text: string, origin: '' | 'stored' = '') => groupsOf(list, text, origin).flatMap(({ settings }) => settings.map(({ name }) => name));
    expect(found('sign up')).toEqual(['ENABLE_SIGNUP']);
    expect(found('accounts')).toEqual(['ENABLE_SIGNUP', 'DEFAULT_USER_ROLE']);
    expect(found('', 'stored')).toEqual(['ENABLE_SIGNUP']);
  });
});

describe('settings being changed', () => {
  const [port, signup] = list as [Setting, Setting];

  it('count what differs from the value in force', () => {
    const settings = new Settings();
    settings.want(port, 'b');
    settings.want(signup, false);
    expect(settings.count).toBe(2);
    settings.want(port, 'a');
    expect(settings.count).toBe(1);
  });

  it('are given back to the default only where something is stored, and then show the default', () => {
    const settings = new Settings();
    settings.want(port, null);
    expect(settings.count).toBe(0);
    settings.want(signup, null);
    expect(settings.count).toBe(1);
    expect(settings.value(signup)).toBe(false);
  });

  it('are sent together, and one that is refused keeps all of them as they were typed', async () => {
    const bodies: unknown[] = [];
    vi.stubGlobal('fetch', async (request: Request) => {
      if (request.method === 'GET') return Response.json({ items: list });
      bodies.push(await request.json());
      return Response.json({ detail: 'PORT is a number.', code: 'invalid_setting', field: 'PORT' }, { status: 400 });
    });
    const settings = new Settings();
    await settings.load();
    settings.want(port, 'b');
    settings.want(signup, false);
    expect(await settings.save()).toBe('failed');
    expect(bodies).toEqual([{ PORT: 'b', ENABLE_SIGNUP: false }]);
    expect(settings.refused).toEqual({ PORT: 'PORT is a number.' });
    expect(settings.count).toBe(2);
  });

  it('say when a saved one waits for a restart', async () => {
    vi.stubGlobal('fetch', async () => Response.json({ items: list }));
    const settings = new Settings();
    await settings.load();
    settings.want(port, 'b');
    expect(await settings.save()).toBe('waits for a restart');
    expect(settings.count).toBe(0);
  });
});

describe('a value in its field', () => {
  it('is text, or on and off', () => {
    expect(shown(true)).toBe(true);
    expect(shown(5)).toBe('5');
    expect(shown(null)).toBe('');
    expect(shown({ a: 1 })).toBe('{"a":1}');
  });
});
