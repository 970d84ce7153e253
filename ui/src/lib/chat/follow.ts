/**
 * Follows a turn to its end, taking the stream up again where it broke. The turn lives on the server, so a lost
 * connection loses nothing: events are numbered and replayed.
 */
import { ApiError } from '$lib/api/client';
import { readEvents } from '$lib/api/events';
import type { Turn, TurnEvent } from './turn.svelte';

/** `forgotten`: the turn is over and its events are gone; the saved chat has the answer. */
export type Outcome = 'ended' | 'forgotten' | 'left';

const FIRST_WAIT = 400;
const LONGEST_WAIT = 10_000;

/** Resolves when the turn has ended, is forgotten, or `signal` fired. Never throws for a server that is away. */
export async function follow(
  chatId: string,
  turn: Turn,
  signal: AbortSignal,
  onEvent: (event: TurnEvent) => void,
): Promise<Outcome> {
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    const seen = turn.lastEvent;
    try {
      await readEvents(eventsPath(chatId, turn), signal, (event) => {
        if (event.id <= turn.lastEvent) return; // Replayed although we have it.
        turn.lastEvent = event.id;
        turn.isReconnecting = false;
        onEvent(JSON.parse(event.data) as TurnEvent);
      });
      if (!turn.isActive) return 'ended';
    } catch (error) {
      if (signal.aborted) return 'left';
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) return 'forgotten';
    }
    if (!turn.isActive) return 'ended';
    turn.isReconnecting = true;
    wait = turn.lastEvent > seen ? FIRST_WAIT : Math.min(wait * 2, LONGEST_WAIT);
    await pause(wait, signal);
  }
  return 'left';
}

function eventsPath(chatId: string, turn: Turn): string {
  return `/api/v1/chats/${encodeURIComponent(chatId)}/turns/${encodeURIComponent(turn.id)}/events?after=${turn.lastEvent}`;
}

/** Waits, with a little chance so that many pages do not come back at once; a network that returns ends the wait. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds * (0.75 + Math.random() / 2));
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
