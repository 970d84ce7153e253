/**
 * Server-sent events over `fetch`. `EventSource` is not used because it hides the status code: a finished turn (404)
 * and a lost connection would look the same. Knows the wire format only, not what the events mean.
 */
import { ApiError, refusal, reportUnauthorized, unreachable } from './client';

/** One event: its number in the stream and its data line, already joined. */
export interface ServerEvent {
  id: number;
  data: string;
}

/** Cuts a byte stream into events, whatever the chunk boundaries are. */
export class EventParser {
  #buffer = '';
  #id = 0;
  #data: string[] = [];

  /** Feeds one decoded chunk and returns the events it completed. */
  push(chunk: string): ServerEvent[] {
    this.#buffer += chunk;
    const events: ServerEvent[] = [];
    for (;;) {
      const match = /\r\n|\n|\r(?!$)/.exec(this.#buffer);
      if (!match) return events;
      const line = this.#buffer.slice(0, match.index);
      this.#buffer = this.#buffer.slice(match.index + match[0].length);
      const event = this.#line(line);
      if (event) events.push(event);
    }
  }

  #line(line: string): ServerEvent | null {
    if (line === '') {
      const data = this.#data.join('\n');
      this.#data = [];
      return data === '' ? null : { id: this.#id, data };
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null; // A comment, sent to keep the connection open.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    if (field === 'id' && /^\d+$/.test(value)) this.#id = Number(value);
    return null;
  }
}

/**
 * Reads a stream to its end. Throws `ApiError` for a refusal, an interrupted stream or a server that is away, and
 * `AbortError` when `signal` fired.
 */
export async function readEvents(path: string, signal: AbortSignal, onEvent: (event: ServerEvent) => void): Promise<void> {
  let response: Response;
  try {
    response = await fetch(path, { signal, credentials: 'same-origin', headers: { accept: 'text/event-stream' } });
  } catch (cause) {
    throw unreachable(cause);
  }
  if (response.status === 401) reportUnauthorized();
  if (!response.ok || !response.body) throw refusal(response.status, await response.json().catch(() => null));
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) onEvent(event);
    }
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    if (cause instanceof TypeError) throw new ApiError('The connection was lost.', 0, 'unreachable');
    throw cause;
  } finally {
    reader.releaseLock();
  }
}
