import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chatList } from './chat-list.svelte';
import { Conversation } from './conversation.svelte';
import type { Message } from './tree';

/** A server of a few lines: chats in memory, answers that the test writes. */
class FakeServer {
  readonly asked: { path: string; body: unknown }[] = [];
  refusal: Response | null = null;
  #next = 1;
  #streams: ReadableStreamDefaultController<Uint8Array>[] = [];

  readonly fetch = async (input: Request | string): Promise<Response> => {
    const path = typeof input === 'string' ? input : new URL(input.url).pathname;
    if (path.includes('/events')) return this.#openStream();
    const request = input as Request;
    const body: unknown = request.method === 'GET' ? null : await request.json().catch(() => null);
    this.asked.push({ path, body });
    if (path.endsWith('/turns') && this.refusal) return this.refusal;
    if (path.endsWith('/new')) return Response.json({ id: 'c1', title: 'New Chat' });
    if (path.endsWith('/turns')) return Response.json(this.#startTurn(body as never), { status: 201 });
    return Response.json({ status: true });
  };

  /** Sends events of the newest answer. */
  write(...events: object[]): void {
    const bytes = new TextEncoder();
    const stream = this.#streams[this.#streams.length - 1];
    for (const event of events) stream?.enqueue(bytes.encode(`id: ${this.#next++}\ndata: ${JSON.stringify(event)}\n\n`));
  }

  end(reason = 'stop'): void {
    this.write({ type: 'end', reason, usage: null });
    this.#streams[this.#streams.length - 1]?.close();
  }

  #openStream(): Response {
    return new Response(new ReadableStream({ start: (controller) => void this.#streams.push(controller) }));
  }

  #startTurn(body: { model: string; content?: string; parent_id?: string | null; user_message_id?: string }): object {
    const number = this.#next++;
    const question = { id: `q${number}`, parentId: body.parent_id ?? null, childrenIds: [], role: 'user', content: body.content };
    const parentId = body.user_message_id ?? question.id;
    const answer = { id: `a${number}`, parentId, childrenIds: [], role: 'assistant', content: '', model: body.model, done: false };
    return { turn_id: `t${number}`, message: answer, ...(body.content === undefined ? {} : { user_message: question }) };
  }
}

let server: FakeServer;
let conversation: Conversation;
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const texts = () => conversation.path.map((message) => message.content);
const turnsAsked = () => server.asked.filter((each) => each.path.endsWith('/turns')).map((each) => each.body);

beforeEach(() => {
  server = new FakeServer();
  vi.stubGlobal('fetch', server.fetch);
  conversation = new Conversation(null);
  chatList.clear();
});
afterEach(() => {
  conversation.leave();
  vi.unstubAllGlobals();
});

/** Asks and lets the answer end. */
async function exchange(question: string, answer: string): Promise<void> {
  await conversation.send(question, 'm');
  await settled();
  server.write({ type: 'delta', text: answer });
  server.end();
  await settled();
}

describe('a new chat', () => {
  it('is made with its first question and appears in the list at once', async () => {
    await exchange('Hello', 'Hi');
    expect(conversation.id).toBe('c1');
    expect(texts()).toEqual(['Hello', 'Hi']);
    expect(chatList.recent.map((chat) => chat.id)).toEqual(['c1']);
  });

  it('takes the title that the server finds', async () => {
    await conversation.send('Hello', 'm');
    await settled();
    server.write({ type: 'title', title: 'A greeting' });
    await settled();
    expect([conversation.title, chatList.recent[0]?.title]).toEqual(['A greeting', 'A greeting']);
  });
});

describe('a question', () => {
  it('hangs below the last answer', async () => {
    await exchange('one', '1');
    await exchange('two', '2');
    expect(texts()).toEqual(['one', '1', 'two', '2']);
  });

  it('that the server refuses is reported and leaves nothing behind', async () => {
    await exchange('one', '1');
    server.refusal = Response.json({ detail: 'The budget is spent.', code: 'budget_exceeded' }, { status: 429 });
    expect(await conversation.send('two', 'm')).toBe(false);
    expect(conversation.trouble).toBe('The budget is spent.');
    expect([texts(), conversation.sending, conversation.isBusy]).toEqual([['one', '1'], null, false]);
  });

  it('waits for the answer before it, then goes by itself', async () => {
    await conversation.send('one', 'm');
    await settled();
    conversation.queue('two', 'm2');
    conversation.queue('and three', 'm2');
    expect(turnsAsked()).toHaveLength(1);
    server.end();
    await settled();
    expect(turnsAsked()[1]).toMatchObject({ model: 'm2', content: 'two\n\nand three' });
    expect(conversation.queued).toBeNull();
  });

  it('that waits is not lost when the server refuses it', async () => {
    await conversation.send('one', 'm');
    await settled();
    conversation.queue('two', 'm');
    server.refusal = Response.json({ detail: 'No.' }, { status: 403 });
    server.end();
    await settled();
    expect(conversation.takeBackQueued()).toBe('two');
  });
});

describe('versions', () => {
  it('come from asking again, beside the first answer', async () => {
    await exchange('one', 'first');
    const answer = conversation.path[1] as Message;
    await conversation.regenerate(answer, 'other');
    await settled();
    server.write({ type: 'delta', text: 'second' });
    server.end();
    await settled();
    expect(texts()).toEqual(['one', 'second']);
    expect(conversation.branchesOf(conversation.path[1] as Message)).toMatchObject({ index: 1 });
    conversation.switchBranch(conversation.path[1] as Message, -1);
    expect(texts()).toEqual(['one', 'first']);
    await settled();
    expect(server.asked.at(-1)).toMatchObject({ path: '/api/v1/chats/c1', body: { chat: { history: { currentId: answer.id } } } });
  });

  it('come from editing a question, beside the old one', async () => {
    await exchange('one', '1');
    await exchange('two', '2');
    await conversation.edit(conversation.path[2] as Message, 'two, better', 'm');
    await settled();
    expect(texts().slice(0, 3)).toEqual(['one', '1', 'two, better']);
    expect(conversation.branchesOf(conversation.path[2] as Message).ids).toHaveLength(2);
  });

  it('do not step past the ends', async () => {
    await exchange('one', '1');
    conversation.switchBranch(conversation.path[1] as Message, 1);
    expect(texts()).toEqual(['one', '1']);
  });
});

describe('an answer', () => {
  it('that was stopped keeps what was written', async () => {
    await conversation.send('one', 'm');
    await settled();
    server.write({ type: 'delta', text: 'half' });
    await conversation.stop();
    expect(server.asked.at(-1)?.path).toMatch(/\/turns\/t\d+\/stop$/);
    server.end('stopped');
    await settled();
    expect(conversation.path[1]).toMatchObject({ content: 'half', stopped: true, done: true });
  });
});
