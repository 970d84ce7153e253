import { beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '$lib/session.svelte';
import { forgetDrafts, readDraft, writeDraft } from './drafts';

beforeEach(() => {
  localStorage.clear();
  session.owner = 'user_1';
});

describe('a draft', () => {
  it('is kept for its own chat, and for the new chat', () => {
    writeDraft('1', 'one');
    writeDraft(null, 'fresh');
    expect([readDraft('1'), readDraft('2'), readDraft(null)]).toEqual(['one', '', 'fresh']);
  });

  it('is gone once it is blank', () => {
    writeDraft('1', 'one');
    writeDraft('1', ' \n ');
    expect(localStorage.length).toBe(0);
  });

  it('is not left for the next person at this browser', () => {
    writeDraft('1', 'one');
    writeDraft(null, 'fresh');
    localStorage.setItem('theme', 'dark');
    forgetDrafts();
    expect([readDraft('1'), readDraft(null), localStorage.getItem('theme')]).toEqual(['', '', 'dark']);
  });

  it('belongs to whoever wrote it', () => {
    writeDraft('1', 'one');
    session.owner = 'user_2';
    expect(readDraft('1')).toBe('');
    session.owner = 'user_1';
    expect(readDraft('1')).toBe('one');
  });

  it('is not written any more by a page that nobody is signed in at', () => {
    session.owner = '';
    writeDraft('1', 'one');
    expect([readDraft('1'), localStorage.length]).toEqual(['', 0]);
  });

  it('costs nothing but itself when the browser refuses storage', () => {
    const refuse = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    expect(() => writeDraft('1', 'one')).not.toThrow();
    refuse.mockRestore();
  });
});
