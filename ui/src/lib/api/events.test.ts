import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, messageOf, need, refusal } from './client';
import { EventParser, readEvents, type ServerEvent } from './events';

const stream = 'id: 1\ndata: {"type":"delta"}\n\n: still here\n\nid: 2\r\ndata: a\r\ndata: b\r\n\r\nid:3\ndata:c\n\n';

describe('a stream of events', () => {
  for (const size of [1, 2, 5, 1000]) {
    it(`is cut into the same events when it arrives in pieces of ${size}`, () => {
      const parser = new EventParser();
      const events: ServerEvent[] = [];
      for (let at = 0; at < stream.length; at += size) events.push(...parser.push(stream.slice(at, at + size)));
      expect(events).toEqual([
        { id: 1, data: '{"type":"delta"}' },
        { id: 2, data: 'a\nb' },
        { id: 3, data: 'c' },
      ]);
    });
  }

  it('yields nothing for an event that was cut off', () => {
    expect(new EventParser().push('id: 1\ndata: half')).toEqual([]);
  });
});

describe('reading', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('throws what the server said when it refuses', async () => {
    const answer = new Response(JSON.stringify({ detail: 'This turn is over.', code: 'turn_not_found' }), { status: 404 });
    vi.stubGlobal('fetch', () => Promise.resolve(answer));
    const reading = readEvents('/x', new AbortController().signal, () => {});
    await expect(reading).rejects.toMatchObject({ status: 404, code: 'turn_not_found', message: 'This turn is over.' });
  });

  it('tells a server that is away from one that refuses', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    const reading = readEvents('/x', new AbortController().signal, () => {});
    await expect(reading).rejects.toMatchObject({ status: 0, code: 'unreachable' });
  });
});

describe('a refusal', () => {
  it('keeps text, code and the field at fault', () => {
    const error = refusal(400, { detail: 'Too short.', code: 'weak_password', field: 'password' });
    expect(error).toMatchObject({ message: 'Too short.', status: 400, code: 'weak_password', field: 'password' });
  });

  it('has words of its own when a proxy answered with something else', () => {
    expect(refusal(502, '<html>').message).toContain('server');
    expect(refusal(403, null).message).toContain('not allowed');
  });

  it('is thrown by need, and its text is what people see', async () => {
    const call = Promise.resolve({ error: { detail: 'No.' }, response: new Response(null, { status: 403 }) });
    const error = await need(call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(messageOf(error)).toBe('No.');
  });

  it('never shows the text of an unexpected exception', () => {
    expect(messageOf(new Error('secret internals'))).not.toContain('secret');
  });
});
