// The SDK's client for Azure: the key in a header of its own, the model in the path.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AzureOpenAI } from 'openai';
import { endpoint, makeKey } from './wardroom.mjs';

const messages = [{ role: 'user', content: 'hello from Azure' }];

async function azure(options = {}) {
  return new AzureOpenAI({ endpoint, apiKey: await makeKey(), apiVersion: '2024-10-21', maxRetries: 0, ...options });
}

for (const options of [{}, { deployment: 'demo/echo' }]) {
  const kind = options.deployment ? 'the deployment of the client' : 'the model of the call';

  test(`a chat reaches ${kind}`, async () => {
    const answer = await (await azure(options)).chat.completions.create({ model: 'demo/echo', messages });
    assert.equal(answer.model, 'demo/echo');
    assert.equal(answer.choices[0].message.content, 'hello from Azure');
  });

  test(`a stream reaches ${kind}`, async () => {
    const stream = await (await azure(options)).chat.completions.create({ model: 'demo/echo', messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    assert.equal(text, 'hello from Azure');
  });
}
