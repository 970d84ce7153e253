/** A model provider small enough to read: OpenAI's two routes that a connection needs, and a key it insists on. */
import { createServer } from 'node:http';

/**
 * @param {{key?: string, models?: string[]}} options
 * @returns {Promise<{baseUrl: string, calls: {path: string, authorized: boolean}[], stop: () => Promise<void>}>}
 */
export async function startProvider({ key = 'provider-secret-9f3c', models = ['harbour-mini', 'harbour-large'] } = {}) {
  const calls = [];
  const server = createServer((request, response) => {
    const authorized = request.headers.authorization === `Bearer ${key}`;
    calls.push({ path: request.url, authorized });
    const answer = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    request.resume();
    request.on('end', () => {
      if (!authorized) return answer(401, { error: { message: 'that key is not known here', code: 'invalid_api_key' } });
      if (request.url.endsWith('/models')) {
        return answer(200, { object: 'list', data: models.map((id) => ({ id, object: 'model', owned_by: 'harbour' })) });
      }
      if (request.url.endsWith('/chat/completions')) return answer(200, completion(models[0]));
      return answer(404, { error: { message: 'no such route' } });
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    key,
    baseUrl: `http://127.0.0.1:${server.address().port}/v1`,
    calls,
    stop: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(closed);
      }),
  };
}

function completion(model) {
  return {
    id: 'chatcmpl-harbour',
    object: 'chat.completion',
    created: 1_790_000_000,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Aye.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
  };
}
