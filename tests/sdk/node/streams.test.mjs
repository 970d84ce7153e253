// Answers that arrive piece by piece, through the official SDK for Node.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APIError } from 'openai';
import { client, clientWith, makeKey, spendOf, waitUntil } from './wardroom.mjs';

const open = (content, options = {}, from = client) =>
  from.chat.completions.create({
    model: 'demo/echo',
    messages: [{ role: 'user', content }],
    stream: true,
    ...options,
  });

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

test('the pieces make the answer and the last one says why it ended', async () => {
  const chunks = await read(await open('Which ward stops this key?'));
  assert.match(textOf(chunks), /Which ward stops this key\?/);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.ok(chunks.length > 2);
});

test('usage is sent last to who asked for it and to nobody else', async () => {
  const plain = await read(await open('hello'));
  assert.ok(plain.every((chunk) => chunk.choices.length > 0 && !chunk.usage));
  const counted = await read(await open('hello', { stream_options: { include_usage: true } }));
  assert.deepEqual(counted.at(-1).choices, []);
  assert.ok(counted.at(-1).usage.completion_tokens > 0);
});

test('the helper of the SDK puts a streamed tool call together', async () => {
  const runner = client.chat.completions.stream({
    model: 'demo/tools',
    messages: [{ role: 'user', content: 'What is the weather in Oslo?' }],
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }],
  });
  const { choices } = await runner.finalChatCompletion();
  assert.equal(choices[0].finish_reason, 'tool_calls');
  assert.equal(typeof JSON.parse(choices[0].message.tool_calls[0].function.arguments), 'object');
});

test('a client that aborts a stream is charged at once for what it got', async () => {
  const key = await makeKey({ max_budget: 1 });
  const stream = await open('slowly', { model: 'demo/slow' }, clientWith(key));
  let seen = 0;
  for await (const chunk of stream) {
    seen += chunk.choices.length;
    if (seen === 4) break; // Leaving the loop aborts the request.
  }
  // The whole answer takes about nine seconds; settled earlier means that the provider's call ended with the client.
  assert.ok(await waitUntil(async () => (await spendOf(key)) > 0, 4000), 'nothing was charged');
});

test('a provider that stops half-way is an error and not a short answer', async () => {
  await assert.rejects(async () => read(await open('midway', { model: 'demo/failing' })), APIError);
});

test('a completion of the old kind streams', async () => {
  const pieces = await read(
    await client.completions.create({ model: 'demo/echo', prompt: 'Once upon a time', stream: true }),
  );
  assert.match(pieces.map((piece) => piece.choices[0]?.text ?? '').join(''), /Once upon a time/);
});

test('the events of a response come in order', async () => {
  const events = await read(await client.responses.create({ model: 'demo/echo', input: 'Which lock?', stream: true }));
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  const text = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
  assert.match(text.join(''), /Which lock\?/);
});
