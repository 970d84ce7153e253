// Each way to be refused is the SDK's own error class, with a code that a program can act on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  APIConnectionTimeoutError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { client, clientWith, makeKey, manage, pause } from './wardroom.mjs';

const chat = (from, model = 'demo/echo', content = 'hello') =>
  from.chat.completions.create({ model, messages: [{ role: 'user', content }] });

/** Asserts the class of the refusal and returns it for a closer look. */
async function refusal(promise, Class) {
  const error = await promise.then(
    () => assert.fail(`was not refused, ${Class.name} was expected`),
    (error) => error,
  );
  assert.ok(error instanceof Class, `${error.constructor.name} ${error.status} ${error.message} is no ${Class.name}`);
  return error;
}

test('an unknown key is an authentication error', async () => {
  assert.equal((await refusal(chat(clientWith('sk-nobody-has-this-key')), AuthenticationError)).code, 'invalid_api_key');
});

test('a blocked key is refused at once and works again when unblocked', async () => {
  const key = await makeKey();
  await chat(clientWith(key));
  await manage('POST', '/key/block', { key });
  assert.equal((await refusal(chat(clientWith(key)), AuthenticationError)).code, 'key_blocked');
  await manage('POST', '/key/unblock', { key });
  await chat(clientWith(key));
});

test('an expired key is refused', async () => {
  const key = await makeKey({ duration: '1s' });
  await pause(1200);
  assert.equal((await refusal(chat(clientWith(key)), AuthenticationError)).code, 'expired_key');
});

test('a model that the key may not use is a permission error', async () => {
  const key = await makeKey({ models: ['demo/markdown'] });
  assert.equal((await refusal(chat(clientWith(key)), PermissionDeniedError)).code, 'key_model_access_denied');
});

test('an endpoint that the key may not use is a permission error', async () => {
  const from = clientWith(await makeKey({ allowed_routes: ['/v1/chat/completions'] }));
  await chat(from);
  const refused = from.embeddings.create({ model: 'demo/embedding', input: 'a key' });
  assert.equal((await refusal(refused, PermissionDeniedError)).code, 'endpoint_not_allowed');
});

test('a spent budget is a rate limit error and the SDK does not try again', async () => {
  let sent = 0;
  const counting = (...request) => {
    sent += 1;
    return fetch(...request);
  };
  const poor = clientWith(await makeKey({ max_budget: 0 }), { maxRetries: 3, fetch: counting });
  const error = await refusal(chat(poor), RateLimitError);
  assert.equal(error.code, 'budget_exceeded');
  assert.equal(error.headers.get('x-should-retry'), 'false');
  assert.equal(sent, 1);
});

test('an unknown model is not found', async () => {
  assert.equal((await refusal(chat(client, 'nobody/knows-me'), NotFoundError)).code, 'model_not_found');
});

test('a body of the wrong shape names the field at fault', async () => {
  const messages = [{ role: 'user', content: 'hello' }];
  assert.equal((await refusal(client.chat.completions.create({ messages }), BadRequestError)).param, 'model');
  const text = client.chat.completions.create({ model: 'demo/echo', messages: 'hello' });
  assert.equal((await refusal(text, BadRequestError)).param, 'messages');
});

test("a provider's own failure keeps its status and its words", async () => {
  const error = await refusal(chat(client, 'demo/failing', '500'), InternalServerError);
  assert.equal(error.status, 500);
  assert.ok(error.message);
});

test("a provider's rate limit says when to come back", async () => {
  const error = await refusal(chat(client, 'demo/failing', '429'), RateLimitError);
  assert.ok(Number(error.headers.get('retry-after')) >= 0 && error.headers.has('retry-after'));
});

test("a provider that refuses our key does not look as if the caller's key were wrong", async () => {
  const error = await refusal(chat(client, 'demo/failing', '401'), InternalServerError);
  assert.equal(error.status, 502);
  assert.equal(error.code, 'provider_auth_error');
});

test('a provider that answers nonsense is a bad gateway', async () => {
  assert.equal((await refusal(chat(client, 'demo/failing', 'nonsense'), InternalServerError)).status, 502);
});

test('a client that gives up on a silent provider can ask again', async () => {
  const key = await makeKey();
  await refusal(chat(clientWith(key, { timeout: 1000 }), 'demo/failing', 'silent'), APIConnectionTimeoutError);
  await chat(clientWith(key));
});
