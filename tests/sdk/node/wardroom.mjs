// The address and keys of a running Wardroom, and the operator's side of it: LiteLLM's management routes over plain
// HTTP, so that the SDK under test is not also the tool of the test.

import OpenAI from 'openai';

const url = required('WARDROOM_URL').replace(/\/$/, '');
const masterKey = required('WARDROOM_MASTER_KEY');

export const endpoint = url;
export const baseURL = `${url}/v1`;

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start this suite with tests/sdk/run`);
  return value;
}

/** A client with the given key. Retries are off unless a test is about them: a second try would hide the first answer. */
export function clientWith(apiKey, options = {}) {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000, ...options });
}

/** A client whose key may use everything. */
export const client = clientWith(required('WARDROOM_KEY'));

/** One management call; a refusal fails the test with the server's own words. */
export async function manage(method, path, body) {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** A new virtual key's secret; `limits` as POST /key/generate takes them. */
export async function makeKey(limits = {}) {
  return (await manage('POST', '/key/generate', limits)).key;
}

export async function spendOf(key) {
  return (await manage('GET', `/key/info?key=${key}`)).info.spend;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits for what happens in the background, e.g. a settled cost; `false` when it did not. */
export async function waitUntil(isTrue, patience = 5000) {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await pause(50)) {
    if (await isTrue()) return true;
  }
  return false;
}
