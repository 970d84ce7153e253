import { describe, expect, it } from 'vitest';
import { branchesOf, pathsOf, searched, valueIn, withValue } from './catalogue';
import { PermissionDraft } from './draft.svelte';

const tree = { chat: { delete: true, share: false }, features: { api_keys: false }, moon: { landing: true } };

describe('the tree of permissions', () => {
  it('is shown in words, and what the page does not know yet under its own path', () => {
    const branches = branchesOf(pathsOf(tree));
    expect(branches.map(({ name }) => name)).toEqual(['Chat', 'Features', 'Others']);
    expect(branches[0]?.permissions.map(({ label }) => label)).toEqual(['Delete chats', 'Share chats by link']);
    expect(branches[1]?.permissions[0]?.variable).toBe('USER_PERMISSIONS_FEATURES_API_KEYS');
    expect(branches[2]?.permissions[0]).toMatchObject({ path: 'moon.landing', label: 'moon.landing', variable: null });
  });

  it('is searched by words, paths and variables', () => {
    const found = (text: string) => searched(branchesOf(pathsOf(tree)), text).flatMap(({ permissions }) => permissions.map(({ path }) => path));
    expect(found('share chat')).toEqual(['chat.share']);
    expect(found('features.api')).toEqual(['features.api_keys']);
    expect(found('USER_PERMISSIONS_CHAT')).toEqual(['chat.delete', 'chat.share']);
    expect(found('nothing like it')).toEqual([]);
  });

  it('answers no for what it does not hold', () => {
    expect(valueIn(null, 'chat.delete')).toBe(false);
    expect(valueIn(tree, 'chat.export')).toBe(false);
  });

  it('is not changed by giving one more answer', () => {
    expect(withValue(tree, 'chat.share', true).chat).toEqual({ delete: true, share: true });
    expect(tree.chat.share).toBe(false);
  });
});

describe('permissions being changed', () => {
  it('count what differs, and forget a change that was taken back', () => {
    const draft = new PermissionDraft(tree);
    draft.set('chat.share', true);
    draft.set('chat.delete', false);
    expect(draft.count).toBe(2);
    draft.set('chat.share', false);
    expect(draft.count).toBe(1);
    expect(draft.tree().chat).toEqual({ delete: false, share: false });
    expect(draft.changes()).toEqual({ chat: { delete: false } });
    draft.discard();
    expect(draft.tree()).toEqual(tree);
  });

  it('of a group are only those it gives', () => {
    const draft = new PermissionDraft({ chat: { delete: true, share: false } });
    draft.set('features.api_keys', true);
    expect(draft.given()).toEqual({ chat: { delete: true }, features: { api_keys: true } });
  });
});
