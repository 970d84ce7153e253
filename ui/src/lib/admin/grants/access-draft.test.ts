import { describe, expect, it } from 'vitest';
import type { AccessGrant } from '$lib/api/permissions';
import { AccessDraft } from './access-draft.svelte';

const grant = (kind: 'user' | 'group', id: string, permission: 'read' | 'write'): AccessGrant => ({ principal_type: kind, principal_id: id, permission });

describe('access to a model', () => {
  it('follows the server when nobody decided, and goes back to that', () => {
    const draft = new AccessDraft(null);
    expect(draft.openness).toBe('default');
    expect(draft.grants()).toBeNull();
    draft.openness = 'everyone';
    expect(draft.isChanged).toBe(true);
    draft.openness = 'default';
    expect(draft.isChanged).toBe(false);
  });

  it('that was decided for nobody stays for nobody', () => {
    const draft = new AccessDraft([]);
    expect(draft.openness).toBe('chosen');
    expect(draft.isForNobody).toBe(true);
    expect(draft.grants()).toEqual([]);
    expect(draft.isChanged).toBe(false);
  });

  it('shows a person once, with the most that is granted, and sends read with write', () => {
    const saved = [grant('user', 'ben', 'write'), grant('user', 'ben', 'read'), grant('group', 'crew', 'read')];
    const draft = new AccessDraft(saved);
    expect(draft.entries).toEqual([
      { kind: 'user', id: 'ben', permission: 'write' },
      { kind: 'group', id: 'crew', permission: 'read' },
    ]);
    expect(draft.grants()).toEqual([grant('user', 'ben', 'read'), grant('user', 'ben', 'write'), grant('group', 'crew', 'read')]);
    expect(draft.isChanged).toBe(false);
  });

  it('keeps who may change it when it is opened to everybody', () => {
    const draft = new AccessDraft([grant('group', 'crew', 'write')]);
    draft.openness = 'everyone';
    expect(draft.grants()).toEqual([grant('user', '*', 'read'), grant('group', 'crew', 'read'), grant('group', 'crew', 'write')]);
    expect(draft.isChanged).toBe(true);
  });

  it('is taken from one without being taken from a group of the same id', () => {
    const draft = new AccessDraft([grant('user', 'x', 'read'), grant('group', 'x', 'read')]);
    draft.remove({ kind: 'user', id: 'x', permission: 'read' });
    expect(draft.entries).toEqual([{ kind: 'group', id: 'x', permission: 'read' }]);
    draft.add('group', 'x');
    expect(draft.entries).toHaveLength(1);
  });
});
