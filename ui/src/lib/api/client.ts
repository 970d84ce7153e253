/**
 * The one typed way to the server. `schema.d.ts` is generated from docs/openapi.json (`npm run gen:api`), so a route
 * or a field that does not exist is a compile error. Knows nothing of pages or sessions: who must sign in again is
 * told through `whenUnauthorized`.
 */
import createClient, { type Middleware } from 'openapi-fetch';
import { fetchConfirmed } from './confirmation';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
/** A component schema by its name, e.g. `Schema<'Chat'>`. */
export type Schema<Name extends keyof Schemas> = Schemas[Name];

/** An error whose message is written for the reader. */
export class ReadableError extends Error {}

/** What the server refused, or that it could not be reached, in words a reader may see. */
export class ApiError extends ReadableError {
  constructor(
    message: string,
    /** HTTP status; 0 when there was no answer at all. */
    readonly status: number,
    /** The server's stable code, `unreachable` when there was no answer. */
    readonly code: string,
    /** The input at fault, when the server named one. */
    readonly field: string | null = null,
    /** How long to wait before the next try, in seconds, when the server said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type UnauthorizedListener = () => void;
let unauthorized: UnauthorizedListener = () => {};

/** Called after every answer 401: the session is over, or was never allowed this far. */
export function whenUnauthorized(listener: UnauthorizedListener): void {
  unauthorized = listener;
}

/** Tells the listener about a 401 met outside the generated client (the event stream). */
export function reportUnauthorized(): void {
  unauthorized();
}

const watchSession: Middleware = {
  onResponse({ response }) {
    if (response.status === 401) unauthorized();
    return undefined;
  },
};

/** `fetch` is looked up at each call, not kept from the start, so that tests can stand in for the server. */
export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin', fetch: fetchConfirmed });
api.use(watchSession);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer; throws `ApiError` for a refusal and for a server that does not answer. */
export async function need<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    throw unreachable(cause);
  }
  if (answer.response.ok) return answer.data as T;
  throw refusal(answer.response.status, answer.error, answer.response.headers);
}

/** Reads a refusal in the dialect of the workspace routes: `{detail, code?, field?}`. */
export function refusal(status: number, body: unknown, headers: Headers = new Headers()): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const detail = typeof problem.detail === 'string' ? problem.detail : fallbackText(status);
  const code = typeof problem.code === 'string' ? problem.code : `http_${status}`;
  const field = typeof problem.field === 'string' ? problem.field : null;
  return new ApiError(detail, status, code, field, secondsOf(headers.get('retry-after')));
}

/** `Retry-After` in its seconds form, the only one this server sends. */
function secondsOf(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : null;
}

/** A network failure. An aborted call stays an `AbortError`, because nobody needs to be told about it. */
export function unreachable(cause: unknown): unknown {
  if (cause instanceof DOMException && cause.name === 'AbortError') return cause;
  return new ApiError('The server cannot be reached. Check the connection and try again.', 0, 'unreachable');
}

/** Text for any thrown value, fit to be shown. */
export function messageOf(error: unknown): string {
  return error instanceof ReadableError ? error.message : 'Something went wrong on this page. Reload it and try again.';
}

function fallbackText(status: number): string {
  if (status === 401) return 'Sign in again to go on.';
  if (status === 403) return 'You are not allowed to do that.';
  if (status === 404) return 'That does not exist, or it is not yours.';
  if (status === 429) return 'Too many attempts. Wait a moment and try again.';
  if (status >= 500) return 'Something went wrong on the server. Try again in a moment.';
  return `The server refused this (status ${status}).`;
}
