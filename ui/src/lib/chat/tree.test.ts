import { describe, expect, it } from 'vitest';
import { leafUnder, pathTo, siblings, withChange, withMessage, type History, type Message } from './tree';

function message(id: string, parentId: string | null, childrenIds: string[] = []): Message {
  return { id, parentId, childrenIds, role: 'user', content: id, timestamp: Number(/\d+/.exec(id)?.[0] ?? 0) };
}

/** q1 has answers a2 and a3; below a3 comes q4 with a5. q6 is an edited first question. */
const history: History = {
  currentId: 'a5',
  messages: Object.fromEntries(
    [
      message('q6', null),
      message('q1', null, ['a2', 'a3']),
      message('a2', 'q1'),
      message('a3', 'q1', ['q4']),
      message('q4', 'a3', ['a5']),
      message('a5', 'q4'),
    ].map((each) => [each.id, each]),
  ),
};
const get = (id: string) => history.messages[id] as Message;

describe('the path', () => {
  it('leads from the root to the current message', () => {
    expect(pathTo(history, 'a5').map((each) => each.id)).toEqual(['q1', 'a3', 'q4', 'a5']);
  });

  it('is empty without a current message', () => {
    expect(pathTo(history, null)).toEqual([]);
  });

  it('ends in a damaged tree instead of running for ever', () => {
    const circle: History = { currentId: 'x', messages: { x: message('x', 'y'), y: message('y', 'x') } };
    expect(pathTo(circle, 'x').map((each) => each.id)).toEqual(['y', 'x']);
    expect(pathTo({ currentId: 'z', messages: { z: message('z', 'gone') } }, 'z')).toHaveLength(1);
  });
});

describe('the versions of a message', () => {
  it('are its siblings in their order', () => {
    expect(siblings(history, get('a3'))).toEqual(['a2', 'a3']);
    expect(siblings(history, get('a5'))).toEqual(['a5']);
  });

  it('of a first question are the other first questions, oldest first', () => {
    expect(siblings(history, get('q6'))).toEqual(['q1', 'q6']);
  });

  it('leave out children that are gone', () => {
    const torn: History = { currentId: null, messages: { p: message('p', null, ['gone', 'c']), c: message('c', 'p') } };
    expect(siblings(torn, torn.messages.c as Message)).toEqual(['c']);
  });
});

describe('switching to a version', () => {
  it('shows its newest end', () => {
    expect(leafUnder(history, 'a3')).toBe('a5');
    expect(leafUnder(history, 'a2')).toBe('a2');
    expect(leafUnder(history, 'q1')).toBe('a5');
  });
});

describe('a new message', () => {
  it('hangs below its parent, is current, and leaves the old history untouched', () => {
    const next = withMessage(history, message('q7', 'a2'));
    expect(next.currentId).toBe('q7');
    expect(next.messages.a2?.childrenIds).toEqual(['q7']);
    expect(history.messages.a2?.childrenIds).toEqual([]);
  });

  it('is not listed twice when the parent knows it already', () => {
    expect(withMessage(history, get('a3')).messages.q1?.childrenIds).toEqual(['a2', 'a3']);
  });

  it('may be the first of all', () => {
    expect(pathTo(withMessage({ currentId: null, messages: {} }, message('q1', null)), 'q1')).toHaveLength(1);
  });
});

describe('a change', () => {
  it('touches one message', () => {
    const next = withChange(history, 'a5', { content: 'new' });
    expect(next.messages.a5?.content).toBe('new');
    expect(next.messages.q4).toBe(history.messages.q4);
  });

  it('to a message that is not there changes nothing', () => {
    expect(withChange(history, 'gone', { content: 'x' })).toBe(history);
  });
});
