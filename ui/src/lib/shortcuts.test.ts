import { beforeEach, describe, expect, it, vi } from 'vitest';
import { matchesKeys, SHORTCUTS, Shortcuts } from './shortcuts.svelte';

function press(key: string, modifiers: Partial<KeyboardEventInit> = {}, target: Element = document.body): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...modifiers });
  target.dispatchEvent(event);
  return event;
}

let shortcuts: Shortcuts;

beforeEach(() => {
  localStorage.clear();
  document.body.innerHTML = '<textarea id="composer"></textarea><div data-messages tabindex="0"></div><dialog><button></button></dialog>';
  shortcuts = new Shortcuts();
});

/** Presses a key at an element and lets the registry handle it. */
function handled(key: string, modifiers: Partial<KeyboardEventInit> = {}, selector = 'body'): KeyboardEvent {
  const target = document.querySelector(selector) ?? document.body;
  target.addEventListener('keydown', (event) => shortcuts.handle(event as KeyboardEvent), { once: true });
  return press(key, modifiers, target);
}

describe('keys', () => {
  const event = (key: string, modifiers: Partial<KeyboardEventInit> = {}) => new KeyboardEvent('keydown', { key, ...modifiers });

  it('use Command on Apple machines and Control on others, never both', () => {
    expect(matchesKeys(event('k', { metaKey: true }), 'mod+k', true)).toBe(true);
    expect(matchesKeys(event('k', { ctrlKey: true }), 'mod+k', true)).toBe(false);
    expect(matchesKeys(event('k', { ctrlKey: true }), 'mod+k', false)).toBe(true);
    expect(matchesKeys(event('k', { ctrlKey: true, metaKey: true }), 'mod+k', false)).toBe(false);
  });

  it('need exactly their modifiers', () => {
    expect(matchesKeys(event('O', { ctrlKey: true, shiftKey: true }), 'mod+shift+o', false)).toBe(true);
    expect(matchesKeys(event('o', { ctrlKey: true }), 'mod+shift+o', false)).toBe(false);
    expect(matchesKeys(event('k', { ctrlKey: true, altKey: true }), 'mod+k', false)).toBe(false);
    expect(matchesKeys(event('k'), 'mod+k', false)).toBe(false);
  });

  it('that are signs match however the keyboard writes them', () => {
    expect(matchesKeys(event('?', { shiftKey: true }), '?', false)).toBe(true);
    expect(matchesKeys(event(':', { ctrlKey: true, shiftKey: true }), 'mod+shift+;', false)).toBe(true);
  });

  it('never use Alt, which writes letters on many keyboards', () => {
    expect(Object.values(SHORTCUTS).filter((shortcut) => shortcut.keys.includes('alt'))).toEqual([]);
  });

  it('are all different in the same place', () => {
    const all = Object.values(SHORTCUTS).map((shortcut) => shortcut.keys);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a shortcut', () => {
  it('runs what is bound to it and keeps the browser from acting', () => {
    const run = vi.fn();
    shortcuts.bind({ newChat: run });
    const event = handled('o', { ctrlKey: true, shiftKey: true });
    expect(run).toHaveBeenCalledOnce();
    expect(event.defaultPrevented).toBe(true);
  });

  it('leaves the key to the browser when its action declines', () => {
    shortcuts.bind({ stop: () => false });
    expect(handled('Escape').defaultPrevented).toBe(false);
  });

  it('that is a plain letter or sign stays out of text fields', () => {
    const run = vi.fn();
    shortcuts.bind({ help: run, previousBranch: run });
    handled('?', {}, '#composer');
    handled('[', {}, '#composer');
    expect(run).not.toHaveBeenCalled();
    handled('?');
    expect(run).toHaveBeenCalledOnce();
  });

  it('for messages works in the conversation only', () => {
    const run = vi.fn();
    shortcuts.bind({ nextMessage: run });
    handled('j');
    expect(run).not.toHaveBeenCalled();
    handled('j', {}, '[data-messages]');
    expect(run).toHaveBeenCalledOnce();
  });

  it('for the empty message box leaves the caret alone once something is written', () => {
    const run = vi.fn();
    shortcuts.bind({ editLast: run });
    handled('ArrowUp', {}, '#composer');
    expect(run).toHaveBeenCalledOnce();
    (document.querySelector('#composer') as HTMLTextAreaElement).value = 'a';
    handled('ArrowUp', {}, '#composer');
    expect(run).toHaveBeenCalledOnce();
  });

  it('does nothing behind an open dialog or menu', () => {
    const run = vi.fn();
    shortcuts.bind({ newChat: run });
    handled('o', { ctrlKey: true, shiftKey: true }, 'dialog button');
    expect(run).not.toHaveBeenCalled();
  });

  it('is listed in the help exactly while it is bound', () => {
    expect(shortcuts.available).toEqual([]);
    const unbind = shortcuts.bind({ newChat: () => {}, stop: () => {} });
    expect(shortcuts.available.map((shortcut) => shortcut.id)).toEqual(['newChat', 'stop']);
    unbind();
    expect(shortcuts.available).toEqual([]);
  });

  it('is silent when shortcuts are off, also after a reload', () => {
    const run = vi.fn();
    shortcuts.setOff(true);
    shortcuts = new Shortcuts();
    shortcuts.bind({ newChat: run });
    handled('o', { ctrlKey: true, shiftKey: true });
    expect(run).not.toHaveBeenCalled();
  });
});
