/**
 * Keyboard shortcuts: one registry drives the handler and the help, so the help cannot be wrong. A shortcut exists
 * while something on the page has bound it. No Alt combinations (they write letters on many keyboards) and no keys
 * that move the caret.
 */
import { untrack } from 'svelte';
import { readFlag, writeFlag } from './storage';
import { isApple } from './ui/keys';

/** Where a shortcut listens. `page` keys are plain letters and must not fire while somebody writes. */
export type Place = 'everywhere' | 'page' | 'message' | 'empty composer';

export interface Shortcut {
  keys: string;
  label: string;
  place: Place;
}

/** All shortcuts there are, in the order of the help. */
export const SHORTCUTS = {
  newChat: { keys: 'mod+shift+o', label: 'New chat', place: 'everywhere' },
  search: { keys: 'mod+k', label: 'Search chats', place: 'everywhere' },
  sidebar: { keys: 'mod+b', label: 'Show or hide the sidebar', place: 'everywhere' },
  composer: { keys: 'mod+shift+l', label: 'Go to the message box', place: 'everywhere' },
  copyCode: { keys: 'mod+shift+;', label: 'Copy the last code block', place: 'everywhere' },
  copyAnswer: { keys: 'mod+shift+c', label: 'Copy the last answer', place: 'everywhere' },
  editLast: { keys: 'arrowup', label: 'Edit your last message', place: 'empty composer' },
  stop: { keys: 'escape', label: 'Stop the answer', place: 'everywhere' },
  previousBranch: { keys: '[', label: 'Previous version', place: 'page' },
  nextBranch: { keys: ']', label: 'Next version', place: 'page' },
  nextMessage: { keys: 'j', label: 'Next message', place: 'message' },
  previousMessage: { keys: 'k', label: 'Previous message', place: 'message' },
  help: { keys: '?', label: 'Show these shortcuts', place: 'page' },
} as const satisfies Record<string, Shortcut>;

export type ShortcutId = keyof typeof SHORTCUTS;

/** Returns false to let the key do what it usually does. */
export type Action = () => boolean | void;

const OFF = 'shortcuts-off';

export class Shortcuts {
  isOff = $state(readFlag(OFF));
  #bound = $state.raw<Partial<Record<ShortcutId, Action>>>({});

  /** Shortcuts that work on this page now, for the help. */
  get available(): (Shortcut & { id: ShortcutId })[] {
    const ids = Object.keys(SHORTCUTS) as ShortcutId[];
    return ids.filter((id) => this.#bound[id]).map((id) => ({ id, ...SHORTCUTS[id] }));
  }

  /** Binds actions; the returned function unbinds them. */
  bind(actions: Partial<Record<ShortcutId, Action>>): () => void {
    // Untracked: an effect that binds must not run again because something was bound.
    this.#bound = { ...untrack(() => this.#bound), ...actions };
    return () => {
      const left = { ...untrack(() => this.#bound) };
      for (const id of Object.keys(actions) as ShortcutId[]) if (left[id] === actions[id]) delete left[id];
      this.#bound = left;
    };
  }

  setOff(isOff: boolean): void {
    this.isOff = isOff;
    writeFlag(OFF, isOff);
  }

  /** Runs the action for a key press, if there is one. */
  handle(event: KeyboardEvent): void {
    if (this.isOff || event.defaultPrevented || event.isComposing || event.repeat) return;
    for (const id of Object.keys(SHORTCUTS) as ShortcutId[]) {
      const action = this.#bound[id];
      const { keys, place } = SHORTCUTS[id];
      if (!action || !matchesKeys(event, keys) || !isInPlace(event.target, place)) continue;
      if (action() !== false) event.preventDefault();
      return;
    }
  }
}

/** Whether a key press is `keys`. Shift is not compared for signs such as "?", which need it on some keyboards only. */
export function matchesKeys(event: KeyboardEvent, keys: string, apple: boolean = isApple): boolean {
  const parts = keys.split('+');
  const key = parts.pop() ?? '';
  const wantsMod = parts.includes('mod');
  const wantsShift = parts.includes('shift');
  const [mod, other] = apple ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  if (mod !== wantsMod || other || event.altKey) return false;
  const isSign = key.length === 1 && !/[a-z]/.test(key);
  if (event.shiftKey !== wantsShift && !(isSign && !wantsMod)) return false;
  const pressed = event.key.toLowerCase();
  // With Shift held, ";" arrives as ":" on most keyboards.
  return pressed === key || (wantsShift && key === ';' && pressed === ':');
}

function isInPlace(target: EventTarget | null, place: Place): boolean {
  const element = target instanceof HTMLElement ? target : null;
  const isInDialog = element?.closest('dialog, [role="menu"], [role="listbox"], [role="combobox"]') != null;
  if (isInDialog) return false;
  const isWriting = element?.matches('input, textarea, select, [contenteditable="true"]') ?? false;
  switch (place) {
    case 'everywhere':
      return true;
    case 'page':
      return !isWriting;
    case 'message':
      return !isWriting && element?.closest('[data-messages]') != null;
    case 'empty composer':
      return element instanceof HTMLTextAreaElement && element.id === 'composer' && element.value === '';
    default:
      return place satisfies never;
  }
}

export const shortcuts = new Shortcuts();
