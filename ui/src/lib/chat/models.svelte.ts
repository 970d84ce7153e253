/** The models this person may use, and the one that new questions go to. */
import { api, messageOf, need, type Schema } from '$lib/api/client';
import { session } from '$lib/session.svelte';
import { readText, writeText } from '$lib/storage';

export type Model = Schema<'Model'>;

const LAST_CHOSEN = 'model';

export class Models {
  items = $state.raw<Model[]>([]);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  trouble = $state('');
  #lastChosen = $state(readText(LAST_CHOSEN));

  /** Reads the list. Called again when the picker opens, because an administrator may have added one meanwhile. */
  async load(): Promise<void> {
    try {
      this.items = (await need(api.GET('/api/models'))).data;
      this.status = 'ready';
    } catch (error) {
      this.trouble = messageOf(error);
      if (this.status === 'loading') this.status = 'failed';
    }
  }

  async retry(): Promise<void> {
    this.status = 'loading';
    await this.load();
  }

  /** Forgets everything, at sign-out. */
  clear(): void {
    this.items = [];
    this.status = 'loading';
  }

  find(id: string | null | undefined): Model | null {
    return this.items.find((model) => model.id === id) ?? null;
  }

  /** The first of `wanted` that exists, else the one chosen last, the server's default, or the first there is. */
  choose(...wanted: (string | null | undefined)[]): Model | null {
    const candidates = [...wanted, this.#lastChosen, session.config?.default_models?.split(',')[0]];
    for (const id of candidates) {
      const model = this.find(id);
      if (model) return model;
    }
    return this.items[0] ?? null;
  }

  remember(id: string): void {
    this.#lastChosen = id;
    writeText(LAST_CHOSEN, id);
  }
}

/** Models whose name, id or connection contains every word of `query`. */
export function matching(models: Model[], query: string): Model[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return models;
  return models.filter((model) => {
    const text = `${model.name} ${model.id} ${model.connection.name}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export const models = new Models();
session.onEnd(() => models.clear());
