import { beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetDrafts, readDraft, writeDraft } from './drafts';

beforeEach(() => localStorage.clear());

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

  it('costs nothing but itself when the browser refuses storage', () => {
    const refuse = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    expect(() => writeDraft('1', 'one')).not.toThrow();
    refuse.mockRestore();
  });
});
