/** The chats in the sidebar: pages as the reader scrolls, pinned ones apart, search on the server. */
import { api, messageOf, need } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import { writeDraft } from './drafts';
import type { ChatTitle } from './groups';

/** What the server returns per page. */
const PAGE = 60;

export class ChatList {
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  trouble = $state('');
  /** Newest first, without the pinned ones. */
  recent = $state.raw<ChatTitle[]>([]);
  pinned = $state.raw<ChatTitle[]>([]);
  hasMore = $state(false);
  isLoadingMore = $state(false);
  /** What the search field says; results follow a moment later. */
  query = $state('');
  /** Null while nothing is searched for. */
  found = $state.raw<ChatTitle[] | null>(null);

  #page = 1;
  #searches = 0;

  async load(): Promise<void> {
    try {
      const [pinned, recent] = await Promise.all([need(api.GET('/api/v1/chats/pinned')), this.#fetchPage(1)]);
      this.pinned = pinned;
      this.recent = recent;
      this.#page = 1;
      this.hasMore = recent.length === PAGE;
      this.status = 'ready';
    } catch (error) {
      this.trouble = messageOf(error);
      if (this.status === 'loading') this.status = 'failed';
    }
  }

  async loadMore(): Promise<void> {
    if (!this.hasMore || this.isLoadingMore) return;
    this.isLoadingMore = true;
    try {
      const more = await this.#fetchPage(this.#page + 1);
      const known = new Set(this.recent.map((chat) => chat.id));
      this.recent = [...this.recent, ...more.filter((chat) => !known.has(chat.id))];
      this.#page += 1;
      this.hasMore = more.length === PAGE;
    } catch {
      this.hasMore = false; // The next load of the list tries again.
    } finally {
      this.isLoadingMore = false;
    }
  }

  /** Asks the server; an answer that a later search overtook is dropped. */
  async search(text: string): Promise<void> {
    const search = ++this.#searches;
    if (text.trim() === '') {
      this.found = null;
      return;
    }
    try {
      const found = await need(api.GET('/api/v1/chats/search', { params: { query: { text: text.trim(), page: 1 } } }));
      if (search === this.#searches) this.found = found;
    } catch (error) {
      if (search !== this.#searches) return;
      this.found = [];
      this.trouble = messageOf(error);
    }
  }

  /** A chat was started or answered: it goes to the top. */
  touch(chat: ChatTitle): void {
    if (this.pinned.some((other) => other.id === chat.id)) {
      this.#update(chat.id, { title: chat.title, updated_at: chat.updated_at });
      return;
    }
    this.recent = [chat, ...this.recent.filter((other) => other.id !== chat.id)];
  }

  /** Shows a title the server chose. */
  retitle(id: string, title: string): void {
    this.#update(id, { title });
  }

  /** Throws `ApiError`; the old title stays then. */
  async rename(id: string, title: string): Promise<void> {
    await need(api.POST('/api/v1/chats/{id}', { params: { path: { id } }, body: { chat: { title } } }));
    this.#update(id, { title });
  }

  /** Throws `ApiError`. */
  async togglePin(id: string): Promise<void> {
    await need(api.POST('/api/v1/chats/{id}/pin', { params: { path: { id } } }));
    await this.load();
  }

  /** Deletes for ever, the draft too. Throws `ApiError`. */
  async remove(id: string): Promise<void> {
    await need(api.DELETE('/api/v1/chats/{id}', { params: { path: { id } } }));
    writeDraft(id, '');
    const others = (chat: ChatTitle) => chat.id !== id;
    this.recent = this.recent.filter(others);
    this.pinned = this.pinned.filter(others);
    this.found = this.found?.filter(others) ?? null;
  }

  /** Forgets everything, at sign-out. */
  clear(): void {
    this.status = 'loading';
    this.recent = [];
    this.pinned = [];
    this.query = '';
    this.found = null;
  }

  #update(id: string, change: Partial<ChatTitle>): void {
    const changed = (chat: ChatTitle) => (chat.id === id ? { ...chat, ...change } : chat);
    this.recent = this.recent.map(changed);
    this.pinned = this.pinned.map(changed);
    this.found = this.found?.map(changed) ?? null;
  }

  async #fetchPage(page: number): Promise<ChatTitle[]> {
    return need(api.GET('/api/v1/chats/', { params: { query: { page, include_pinned: false } } }));
  }
}

export const chatList = new ChatList();
session.onEnd(() => chatList.clear());
