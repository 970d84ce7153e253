/**
 * One chat on the page: its tree, the answers being written in it, and what the reader does with it. Survives the
 * change of address from the new chat to /c/:id, and goes on following answers when the reader looks elsewhere.
 */
import { SvelteMap } from 'svelte/reactivity';
import { api, ApiError, messageOf, need, type Schema } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import { chatList } from './chat-list.svelte';
import { follow } from './follow';
import { leafUnder, pathTo, siblings, withChange, withMessage, type History, type Message } from './tree';
import { Turn, type TurnEvent } from './turn.svelte';

/** What the server calls a chat before it has a title. */
const UNTITLED = 'New Chat';

export type ConversationStatus = 'new' | 'loading' | 'ready' | 'missing' | 'failed';

/** A question that waits for the answer before it, or is on its way to the server. */
export interface Outgoing {
  text: string;
  model: string;
}

export class Conversation {
  id = $state<string | null>(null);
  status = $state<ConversationStatus>('new');
  /** Why it could not be shown, or why the last question was not taken. */
  trouble = $state('');
  title = $state(UNTITLED);
  /** Whose chat it is; null until the server has said so. */
  ownerId = $state<string | null>(null);
  /** The id of its link, when it is shared. */
  shareId = $state<string | null>(null);
  /** How often administrators have opened it. */
  adminReads = $state(0);
  history = $state.raw<History>({ currentId: null, messages: {} });
  /** The question the server has not confirmed yet. */
  sending = $state.raw<Outgoing | null>(null);
  /** Written while an answer is being written; sent when that is done. */
  queued = $state.raw<Outgoing | null>(null);
  /** The model the reader chose for this chat, when they did. */
  chosenModel = $state<string | null>(null);
  /** Answers of this page's life, by message. */
  readonly turns = new SvelteMap<string, Turn>();

  readonly path = $derived(pathTo(this.history, this.history.currentId));
  readonly activeTurn = $derived(this.path.map((m) => this.turns.get(m.id)).find((turn) => turn?.isActive) ?? null);
  readonly isBusy = $derived(this.activeTurn !== null || this.sending !== null);

  readonly #abort = new AbortController();
  /** Turns whose events the server no longer has: following them again would ask for ever. */
  readonly #forgotten = new Set<string>();

  constructor(id: string | null) {
    this.id = id;
    if (id !== null) this.status = 'loading';
  }

  /** The model that answered last on this branch, to go on with it. */
  get lastModel(): string | null {
    return this.path.findLast((message) => message.role === 'assistant')?.model ?? null;
  }

  /** Somebody else's, opened by an administrator: there is nothing to write here. */
  get isForeign(): boolean {
    return this.ownerId !== null && this.ownerId !== session.person?.id;
  }

  get hasActiveTurns(): boolean {
    return [...this.turns.values()].some((turn) => turn.isActive);
  }

  /** Reads the chat and takes up the answers that are being written in it. */
  async load(): Promise<void> {
    if (this.id === null) return;
    try {
      const chat = await need(api.GET('/api/v1/chats/{id}', { params: { path: { id: this.id } } }));
      this.#show(chat);
    } catch (error) {
      this.trouble = messageOf(error);
      this.status = error instanceof ApiError && error.status === 404 ? 'missing' : 'failed';
    }
  }

  /** Asks below the current message. Returns false when the server did not take it; `trouble` says why. */
  async send(text: string, model: string): Promise<boolean> {
    return this.#ask({ text, model }, this.history.currentId);
  }

  /** Keeps a question until the answer being written is done. */
  queue(text: string, model: string): void {
    const before = this.queued;
    this.queued = { text: before ? `${before.text}\n\n${text}` : text, model };
  }

  /** Gives the waiting question back to the composer. */
  takeBackQueued(): string {
    const text = this.queued?.text ?? '';
    this.queued = null;
    return text;
  }

  /** Asks something else in place of an earlier question; the old branch stays. */
  async edit(message: Message, text: string, model: string): Promise<boolean> {
    return this.#ask({ text, model }, message.parentId);
  }

  /** Asks for another answer beside this one. */
  async regenerate(answer: Message, model: string): Promise<boolean> {
    const { id } = this;
    if (id === null || answer.parentId === null) return false;
    return this.#start(id, { model, user_message_id: answer.parentId });
  }

  async stop(): Promise<void> {
    const turn = this.activeTurn;
    if (!turn || this.id === null) return;
    turn.isStopping = true;
    try {
      await need(
        api.POST('/api/v1/chats/{id}/turns/{turn_id}/stop', { params: { path: { id: this.id, turn_id: turn.id } } }),
      );
    } catch (error) {
      turn.isStopping = false;
      this.trouble = messageOf(error);
    }
  }

  /** The message and its alternatives, and which of them is shown. */
  branchesOf(message: Message): { ids: string[]; index: number } {
    const ids = siblings(this.history, message);
    return { ids, index: ids.indexOf(message.id) };
  }

  /** Shows the next (1) or previous (-1) alternative of a message, to its newest end. The server remembers it. */
  switchBranch(message: Message, step: 1 | -1): void {
    const { ids, index } = this.branchesOf(message);
    const target = ids[index + step];
    if (target === undefined || this.id === null) return;
    const currentId = leafUnder(this.history, target);
    this.history = { ...this.history, currentId };
    const call = api.POST('/api/v1/chats/{id}', { params: { path: { id: this.id } }, body: { chat: { history: { currentId } } } });
    need(call).catch((error: unknown) => (this.trouble = messageOf(error)));
  }

  /** Stops following. The answers go on being written on the server. */
  leave(): void {
    this.#abort.abort();
  }

  async #ask(outgoing: Outgoing, parentId: string | null): Promise<boolean> {
    this.trouble = '';
    this.sending = outgoing;
    try {
      const id = this.id ?? (await this.#create(outgoing.model));
      return await this.#start(id, { model: outgoing.model, parent_id: parentId, content: outgoing.text });
    } catch (error) {
      this.trouble = messageOf(error);
      return false;
    } finally {
      this.sending = null;
    }
  }

  async #create(model: string): Promise<string> {
    const chat = await need(api.POST('/api/v1/chats/new', { body: { chat: { models: [model] } } }));
    this.id = chat.id;
    this.title = chat.title;
    this.status = 'ready';
    return chat.id;
  }

  async #start(id: string, body: Schema<'NewTurn'>): Promise<boolean> {
    this.trouble = '';
    try {
      const started = await need(api.POST('/api/v1/chats/{id}/turns', { params: { path: { id } }, body }));
      let history = this.history;
      if (started.user_message) history = withMessage(history, { ...started.user_message, childrenIds: [] });
      this.history = withMessage(history, started.message);
      this.sending = null;
      this.#touch();
      void this.#follow(new Turn(started.turn_id, started.message.id));
      return true;
    } catch (error) {
      this.trouble = messageOf(error);
      return false;
    }
  }

  #show(chat: Schema<'Chat'>): void {
    this.title = chat.title;
    this.history = chat.chat.history;
    this.ownerId = chat.user_id;
    this.shareId = chat.share_id ?? null;
    this.adminReads = chat.admin_reads;
    this.status = 'ready';
    for (const { id, message_id } of chat.active_turns) {
      if (this.turns.get(message_id)?.isActive || this.#forgotten.has(id)) continue;
      void this.#follow(new Turn(id, message_id));
    }
  }

  async #follow(turn: Turn): Promise<void> {
    const { id } = this;
    if (id === null) return;
    this.turns.set(turn.messageId, turn);
    const outcome = await follow(id, turn, this.#abort.signal, (event) => this.#take(turn, event));
    if (outcome === 'left') return;
    if (outcome === 'forgotten') {
      this.#forgotten.add(turn.id);
      this.turns.delete(turn.messageId);
      await this.load();
      if (this.status !== 'ready') return; // Nobody is there to send to; what waits stays where it is.
    } else {
      this.history = withChange(this.history, turn.messageId, turn.outcome());
    }
    await this.#sendQueued();
  }

  #take(turn: Turn, event: TurnEvent): void {
    turn.apply(event);
    if (event.type !== 'title' || this.id === null) return;
    this.title = event.title;
    chatList.retitle(this.id, event.title);
  }

  async #sendQueued(): Promise<void> {
    const { queued } = this;
    if (!queued || this.isBusy) return;
    this.queued = null;
    const isTaken = await this.send(queued.text, queued.model);
    if (!isTaken) this.queued = queued; // Nothing written is ever lost.
  }

  #touch(): void {
    if (this.id === null) return;
    const now = Math.floor(Date.now() / 1000);
    chatList.touch({ id: this.id, title: this.title, updated_at: now, created_at: now, pinned: false, archived: false });
  }
}
