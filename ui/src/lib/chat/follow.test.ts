import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { follow } from './follow';
import { Turn, type TurnEvent } from './turn.svelte';

const events: TurnEvent[] = [
  { type: 'delta', text: 'a' },
  { type: 'delta', text: 'b' },
  { type: 'delta', text: 'c' },
  { type: 'end', reason: 'stop', usage: null },
];
const wire = (from: number, to: number) =>
  events.slice(from, to).map((event, index) => `id: ${from + index + 1}\ndata: ${JSON.stringify(event)}\n\n`).join('');

let asked: string[];

/** Answers one request after the other. */
function serve(...answers: (() => Response)[]): void {
  asked = [];
  vi.stubGlobal('fetch', (path: string) => {
    const answer = answers[asked.push(path) - 1];
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError('Failed to fetch'));
  });
}

async function followed(turn = new Turn('t', 'm')): Promise<[string, Turn]> {
  const outcome = follow('c', turn, new AbortController().signal, (event) => turn.apply(event));
  await vi.runAllTimersAsync();
  return [await outcome, turn];
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('following a turn', () => {
  it('takes every event once, to the end', async () => {
    serve(() => new Response(wire(0, 4)));
    const [outcome, turn] = await followed();
    expect([outcome, turn.text, turn.status]).toEqual(['ended', 'abc', 'done']);
  });

  it('goes on after the last event when the stream breaks', async () => {
    serve(
      () => new Response(wire(0, 2)),
      () => new Response(wire(2, 4)),
    );
    const [outcome, turn] = await followed();
    expect([outcome, turn.text]).toEqual(['ended', 'abc']);
    expect(asked[1]).toContain('after=2');
  });

  it('does not take an event twice that the server replays', async () => {
    serve(
      () => new Response(wire(0, 2)),
      () => new Response(wire(0, 4)),
    );
    expect((await followed())[1].text).toBe('abc');
  });

  it('keeps trying while the server is away or restarting', async () => {
    const away = () => {
      throw new TypeError('Failed to fetch');
    };
    serve(away, () => new Response('no', { status: 503 }), away, () => new Response(wire(0, 4)));
    expect((await followed())[1].text).toBe('abc');
    expect(asked).toHaveLength(4);
  });

  it('leaves a turn that the server has forgotten to the saved chat', async () => {
    serve(() => new Response('{}', { status: 404 }));
    const [outcome, turn] = await followed();
    expect([outcome, turn.isActive]).toEqual(['forgotten', true]);
  });

  it('ends when the page is left', async () => {
    serve();
    const leaving = new AbortController();
    const outcome = follow('c', new Turn('t', 'm'), leaving.signal, () => {});
    await vi.advanceTimersByTimeAsync(2000);
    leaving.abort();
    expect(await outcome).toBe('left');
  });
});
