// Models and answers in one piece, through the official SDK for Node.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotFoundError } from 'openai';
import { client, clientWith, makeKey } from './wardroom.mjs';

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
// One red pixel.
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

const ask = (content, options = {}) =>
  client.chat.completions.create({ model: 'demo/echo', messages: [{ role: 'user', content }], ...options });

test('the list holds the models that the key may use', async () => {
  const models = (await client.models.list()).data;
  const ids = models.map((model) => model.id);
  for (const id of ['demo/echo', 'demo/tools', 'demo/embedding']) assert.ok(ids.includes(id), `${id} is missing`);
  assert.ok(models.every((model) => model.object === 'model' && model.owned_by));
});

test('a model with a slash in its name is found by its name', async () => {
  assert.equal((await client.models.retrieve('demo/echo')).id, 'demo/echo');
});

test('an unknown model is not found', async () => {
  await assert.rejects(client.models.retrieve('nobody/knows-me'), NotFoundError);
});

test('a restricted key sees only its own models', async () => {
  const restricted = clientWith(await makeKey({ models: ['demo/echo'] }));
  assert.deepEqual((await restricted.models.list()).data.map((model) => model.id), ['demo/echo']);
});

test('an answer has its text, its reason and its usage', async () => {
  const answer = await ask('Which ward stops this key?');
  assert.match(answer.choices[0].message.content, /Which ward stops this key\?/);
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.ok(answer.usage.completion_tokens > 0);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('every answer names its request, for the SDK too', async () => {
  const { data, response, request_id } = await ask('hello').withResponse();
  assert.ok(request_id);
  assert.equal(response.headers.get('x-request-id'), request_id);
  assert.equal(data._request_id, request_id);
});

test('n answers are asked for and n answers come', async () => {
  const { choices } = await ask('twice', { n: 2 });
  assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
});

test('a message may hold images', async () => {
  const content = [
    { type: 'text', text: 'What colour is this?' },
    { type: 'image_url', image_url: { url: pixel } },
  ];
  assert.match((await ask(content)).choices[0].message.content, /What colour is this\?/);
});

test('a tool is asked for and its result is answered', async () => {
  const messages = [{ role: 'user', content: 'What is the weather in Oslo?' }];
  const first = (await ask('', { model: 'demo/tools', messages, tools: [weather] })).choices[0];
  assert.equal(first.finish_reason, 'tool_calls');
  const call = first.message.tool_calls[0];
  assert.equal(typeof JSON.parse(call.function.arguments), 'object');

  messages.push(first.message, { role: 'tool', tool_call_id: call.id, content: '{"degrees":-3}' });
  const second = (await ask('', { model: 'demo/tools', messages, tools: [weather] })).choices[0];
  assert.equal(second.finish_reason, 'stop');
  assert.ok(second.message.content);
});

test('a completion of the old kind is answered', async () => {
  const answer = await client.completions.create({ model: 'demo/echo', prompt: 'Once upon a time' });
  assert.match(answer.choices[0].text, /Once upon a time/);
});

test('embeddings are the same in both encodings', async () => {
  const input = ['a key', 'a lock'];
  const packed = await client.embeddings.create({ model: 'demo/embedding', input });
  const plain = await client.embeddings.create({ model: 'demo/embedding', input, encoding_format: 'float' });
  assert.deepEqual(packed.data.map((entry) => entry.index), [0, 1]);
  for (const [position, { embedding }] of packed.data.entries()) {
    assert.equal(embedding.length, 256);
    const difference = embedding.map((value, place) => Math.abs(value - plain.data[position].embedding[place]));
    assert.ok(Math.max(...difference) < 1e-6);
  }
});

test('a response has its text and its usage', async () => {
  const response = await client.responses.create({ model: 'demo/echo', input: 'Which ward stops this key?' });
  assert.equal(response.status, 'completed');
  assert.match(response.output_text, /Which ward stops this key\?/);
  assert.ok(response.usage.output_tokens > 0);
});
