/** Routes that docs/openapi.json does not describe yet, by path. Everything else goes through `api` in client.ts. */
import { need, reportUnauthorized } from './client';
import { fetchConfirmed } from './confirmation';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** The body of a successful answer, `null` when there is none; throws `ApiError`. */
export function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return need<T>(call(method, path, body) as Promise<{ data?: T; response: Response }>);
}

async function call(method: Method, path: string, body: unknown): Promise<{ data?: unknown; error?: unknown; response: Response }> {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const request = new Request(new URL(path, location.origin), { method, credentials: 'same-origin', ...content });
  const response = await fetchConfirmed(request);
  if (response.status === 401) reportUnauthorized();
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
