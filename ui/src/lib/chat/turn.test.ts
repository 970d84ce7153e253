import { describe, expect, it } from 'vitest';
import { Turn, type TurnEvent, type TurnStatus } from './turn.svelte';

const usage = {
  prompt_tokens: 3,
  completion_tokens: 5,
  reasoning_tokens: 0,
  cached_tokens: 0,
  estimated: false,
  cost: 0.001,
  milliseconds: 900,
  first_token_milliseconds: 80,
  tokens_per_second: 5.5,
  connection: 'Demo',
};

function after(...events: TurnEvent[]): Turn {
  const turn = new Turn('turn_1', 'message_1');
  for (const event of events) turn.apply(event);
  return turn;
}

describe('a turn', () => {
  it('waits until the first event, then writes', () => {
    expect(after().status).toBe('waiting');
    expect(after({ type: 'reasoning', text: 'hm' }).status).toBe('writing');
    expect(after({ type: 'delta', text: 'a' }).status).toBe('writing');
  });

  it('joins its pieces in order and keeps thinking apart from the answer', () => {
    const turn = after(
      { type: 'reasoning', text: 'first ' },
      { type: 'reasoning', text: 'this' },
      { type: 'delta', text: 'Hel' },
      { type: 'delta', text: 'lo' },
    );
    expect([turn.reasoning, turn.text]).toEqual(['first this', 'Hello']);
  });

  it('puts tool calls together from fragments, each by its index', () => {
    const turn = after(
      { type: 'tool_call', index: 0, id: 'a', name: 'search', arguments: '{"q":' },
      { type: 'tool_call', index: 1, id: 'b', name: 'fetch', arguments: '{}' },
      { type: 'tool_call', index: 0, id: '', name: '', arguments: '"x"}' },
    );
    expect(turn.tools).toEqual([
      { id: 'a', name: 'search', arguments: '{"q":"x"}' },
      { id: 'b', name: 'fetch', arguments: '{}' },
    ]);
  });

  const endings: [Extract<TurnEvent, { type: 'end' }>['reason'], TurnStatus][] = [
    ['stop', 'done'],
    ['length', 'done'],
    ['tool_calls', 'done'],
    ['content_filter', 'done'],
    ['stopped', 'stopped'],
    ['interrupted', 'interrupted'],
    ['error', 'failed'],
  ];
  for (const [reason, status] of endings) {
    it(`that ends with "${reason}" is ${status} and no longer active`, () => {
      const turn = after({ type: 'delta', text: 'x' }, { type: 'end', reason, usage: null });
      expect([turn.status, turn.isActive, turn.endReason]).toEqual([status, false, reason]);
    });
  }

  it('is not over with a title or an error: only the end ends it', () => {
    const turn = after({ type: 'title', title: 'T' }, { type: 'error', message: 'away', code: 'provider_unreachable' });
    expect(turn.isActive).toBe(true);
    expect(turn.error).toEqual({ content: 'away', code: 'provider_unreachable' });
  });

  it('has the outcome that the server saves', () => {
    const turn = after(
      { type: 'reasoning', text: 'hm' },
      { type: 'delta', text: 'Hi' },
      { type: 'end', reason: 'stopped', usage },
    );
    expect(turn.outcome()).toEqual({ content: 'Hi', reasoning_content: 'hm', done: true, stopped: true, usage });
  });
});

describe('the time spent thinking', () => {
  it('runs from the first thought to the first word', () => {
    let now = 1000;
    const turn = new Turn('t', 'm', () => now);
    turn.apply({ type: 'reasoning', text: 'a' });
    now = 7000;
    turn.apply({ type: 'delta', text: 'b' });
    now = 9000;
    turn.apply({ type: 'end', reason: 'stop', usage: null });
    expect(turn.thoughtMilliseconds).toBe(6000);
  });

  it('is unknown for events that were replayed all at once', () => {
    const turn = new Turn('t', 'm', () => 5);
    turn.apply({ type: 'reasoning', text: 'a' });
    turn.apply({ type: 'delta', text: 'b' });
    expect(turn.thoughtMilliseconds).toBeNull();
  });
});
