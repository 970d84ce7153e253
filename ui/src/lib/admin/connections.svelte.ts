/** The connections of this server: their list in order, and what can be done with each. Knows no dialogs. */
import { api, messageOf, need, type Schema } from '$lib/api/client';
import { Remote } from './remote.svelte';

type Connection = Schema<'Connection'>;

/** What trying a connection said, or that it is being tried. */
export type Trial = { status: 'running' } | { status: 'done'; result: Schema<'ConnectionTest'> } | { status: 'failed'; message: string };

export class Connections {
  list = new Remote<Connection[]>();
  /** Base addresses that the operator allows. */
  allowed = $state.raw<string[]>([]);
  /** The last trial of each connection on this page, by its id. */
  trials = $state<Record<string, Trial>>({});

  async load(): Promise<void> {
    await this.list.load(async () => {
      const { items, allowed_base_urls: allowed } = await need(api.GET('/api/v1/connections'));
      this.allowed = allowed ?? [];
      return items;
    });
  }

  async add(connection: Schema<'NewConnection'>): Promise<void> {
    const added = await need(api.POST('/api/v1/connections', { body: connection }));
    this.list.replace([...this.#items, added]);
  }

  async change(id: string, changes: Schema<'ConnectionChange'>): Promise<void> {
    if (Object.keys(changes).length === 0) return;
    this.#put(await need(api.PATCH('/api/v1/connections/{id}', { params: { path: { id } }, body: changes })));
    delete this.trials[id];
  }

  async remove(id: string): Promise<void> {
    await need(api.DELETE('/api/v1/connections/{id}', { params: { path: { id } } }));
    this.list.replace(this.#items.filter((connection) => connection.id !== id));
  }

  /** Moves a connection one place up (-1) or down (+1). */
  async move(id: string, step: -1 | 1): Promise<void> {
    const ids = this.#items.map((connection) => connection.id);
    const from = ids.indexOf(id);
    const to = from + step;
    if (from < 0 || to < 0 || to >= ids.length) return;
    ids.splice(to, 0, ...ids.splice(from, 1));
    const { items } = await need(api.POST('/api/v1/connections/order', { body: { ids } }));
    this.list.replace(items);
  }

  /** Asks the provider for its models again. */
  async refresh(id: string): Promise<void> {
    this.#put(await need(api.POST('/api/v1/connections/{id}/refresh', { params: { path: { id } } })));
  }

  /** Tries a saved connection with the key the server holds; the result is in `trials`. */
  async test(id: string): Promise<void> {
    this.trials[id] = { status: 'running' };
    this.trials[id] = await probeSaved(id);
  }

  get #items(): Connection[] {
    return this.list.value ?? [];
  }

  #put(changed: Connection): void {
    this.list.replace(this.#items.map((connection) => (connection.id === changed.id ? changed : connection)));
  }
}

/** Tries an address and a key that are not saved. */
export function probe(baseUrl: string, apiKey: string): Promise<Trial> {
  const body: Schema<'ConnectionProbe'> = { base_url: baseUrl.trim() };
  if (apiKey.trim()) body.api_key = apiKey.trim();
  return conclude(need(api.POST('/api/v1/connections/test', { body })));
}

/** Tries a saved connection as it is saved. */
export function probeSaved(id: string): Promise<Trial> {
  return conclude(need(api.POST('/api/v1/connections/{id}/test', { params: { path: { id } } })));
}

async function conclude(test: Promise<Schema<'ConnectionTest'>>): Promise<Trial> {
  try {
    return { status: 'done', result: await test };
  } catch (error) {
    return { status: 'failed', message: messageOf(error) };
  }
}
