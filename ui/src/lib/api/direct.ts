/** Routes that docs/openapi.json does not describe yet, by path. Everything else goes through `api` in client.ts. */
import { need, reportUnauthorized } from './client';
import { fetchConfirmed } from './confirmation';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What goes along with a request, as it is. */
export interface Content {
  content: BodyInit;
  type: string;
}

/** The body of a successful answer, `null` when there is none; throws `ApiError`. */
export function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return send<T>(method, path, body === undefined ? null : { content: JSON.stringify(body), type: 'application/json' });
}

/** Like [`ask`], for what is not JSON: a file that is sent, or one that is fetched (`blob`). */
export function send<T>(method: Method, path: string, body: Content | null, answer: 'json' | 'blob' = 'json'): Promise<T> {
  return need<T>(call(method, path, body, answer) as Promise<{ data?: T; response: Response }>);
}

async function call(
  method: Method,
  path: string,
  body: Content | null,
  answer: 'json' | 'blob',
): Promise<{ data?: unknown; error?: unknown; response: Response }> {
  const content = body === null ? {} : { body: body.content, headers: { 'content-type': body.type } };
  const request = new Request(new URL(path, location.origin), { method, credentials: 'same-origin', ...content });
  const response = await fetchConfirmed(request);
  if (response.status === 401) reportUnauthorized();
  if (response.ok && answer === 'blob') return { data: await response.blob(), response };
  const text = await response.text();
  const data: unknown = text === '' ? null : parsed(text);
  return response.ok ? { data, response } : { error: data, response };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A path with its parts escaped. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}
