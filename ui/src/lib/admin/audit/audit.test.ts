import { describe, expect, it } from 'vitest';
import { router } from '$lib/router.svelte';
import { dayAfter, isFiltered, queryOfAddress, startOf } from './audit-log.svelte';
import { actorName, EVENT_OPTIONS, eventName, factOf } from './words';

describe('an event', () => {
  it('is said in words, also one that is newer than this page', () => {
    expect(eventName('virtual_key.blocked')).toBe('Virtual key blocked');
    expect(eventName('session.refused')).toBe('Sign-in refused');
    expect(eventName('rocket.launched_twice')).toBe('Rocket launched twice');
  });

  it('can be chosen once, and keeps its name on the wire', () => {
    const values = EVENT_OPTIONS.map(({ value }) => value);
    expect(values).toContain('session.');
    expect(new Set(values).size).toBe(values.length);
    expect(EVENT_OPTIONS.find(({ value }) => value === 'api_key.made')?.label).toBe('API key made (api_key.made)');
  });
});

describe('a record', () => {
  const actor = { kind: 'anonymous', id: null, name: null, email: null, role: null, credential: null };
  it('names who did it as well as it can', () => {
    expect(actorName({ ...actor, name: 'Ada', email: 'ada@example.test' })).toBe('Ada');
    expect(actorName(actor)).toBe('Nobody signed in');
    expect(actorName({ ...actor, kind: 'robot' })).toBe('robot');
  });

  it('shows its facts on one line each', () => {
    expect(factOf(['role', 'email'])).toBe('role, email');
    expect(factOf({ from: 1 })).toBe('{"from":1}');
    expect(factOf(7)).toBe('7');
  });
});

describe('the filters', () => {
  it('are read from the address, and nonsense in it is left out', () => {
    router.url = new URL('http://localhost/admin/audit?actor=ada&from=2026-05-03&to=yesterday&before=-4');
    expect(queryOfAddress()).toEqual({ actor: 'ada', event: '', target: '', outcome: '', from: startOf('2026-05-03'), to: null, before: null });
    expect(isFiltered()).toBe(true);
    router.url = new URL('http://localhost/admin/audit?before=90');
    expect(queryOfAddress().before).toBe(90);
    expect(isFiltered()).toBe(false);
  });

  it('include the whole last day', () => {
    expect(dayAfter('2026-05-03')).toBe(startOf('2026-05-04'));
    expect(dayAfter('2026-12-31')).toBe(startOf('2027-01-01'));
    expect(dayAfter('')).toBeNull();
  });
});
