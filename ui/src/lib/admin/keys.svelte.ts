/** A page of virtual keys and what can be done with each. A secret passes through `create` once and is not kept here. */
import { api, need, type Schema } from '$lib/api/client';
import { Remote } from './remote.svelte';

type VirtualKey = Schema<'VirtualKey'>;
type KeyPage = Schema<'VirtualKeyPage'>;

export class Keys {
  list = new Remote<KeyPage>();
  #query: { page: number; query: string } = { page: 1, query: '' };

  /** Fetches the page of the list that the address names. */
  async load(page: number, query: string): Promise<void> {
    this.#query = { page, query };
    await this.reload();
  }

  async reload(): Promise<void> {
    const { page, query } = this.#query;
    await this.list.load(() => need(api.GET('/api/v1/keys', { params: { query: { page, ...(query ? { query } : {}) } } })));
  }

  /** Returns the secret; it is never to be had again. */
  async create(key: Schema<'NewVirtualKey'>): Promise<Schema<'CreatedVirtualKey'>> {
    const created = await need(api.POST('/api/v1/keys', { body: key }));
    void this.reload();
    return created;
  }

  async change(id: string, changes: Schema<'VirtualKeyChange'>): Promise<void> {
    if (Object.keys(changes).length === 0) return;
    this.#put(await need(api.PATCH('/api/v1/keys/{id}', { params: { path: { id } }, body: changes })));
  }

  async block(id: string): Promise<void> {
    this.#put(await need(api.POST('/api/v1/keys/{id}/block', { params: { path: { id } } })));
  }

  async unblock(id: string): Promise<void> {
    this.#put(await need(api.POST('/api/v1/keys/{id}/unblock', { params: { path: { id } } })));
  }

  async revoke(id: string): Promise<void> {
    await need(api.DELETE('/api/v1/keys/{id}', { params: { path: { id } } }));
    await this.reload();
  }

  #put(changed: VirtualKey): void {
    const page = this.list.value;
    if (!page) return;
    this.list.replace({ ...page, items: page.items.map((key) => (key.id === changed.id ? changed : key)) });
  }
}

/** The id of a model that a key with these patterns may use, or `null` when none is offered. For the examples. */
export async function exampleModel(patterns: string[]): Promise<string | null> {
  try {
    const { data } = await need(api.GET('/api/models'));
    return data.find((model) => matchesAny(model.id, patterns))?.id ?? null;
  } catch {
    return null; // An example with a placeholder is better than none.
  }
}

/** Whether `id` fits one of the patterns, where `*` stands for anything; no pattern at all allows everything. */
export function matchesAny(id: string, patterns: string[]): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => {
    const expression = pattern.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${expression.join('.*')}$`).test(id);
  });
}
