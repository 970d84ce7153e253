/** The catalogue: every model of every connection, and which of them a search and the filters leave over. */
import { api, need, type Schema } from '$lib/api/client';
import { Remote } from './remote.svelte';

type CatalogModel = Schema<'CatalogModel'>;

export type Show = 'all' | 'offered' | 'hidden' | 'unavailable';

export interface Filter {
  /** Found in ids and names, whatever the case; several words must all be found. */
  text: string;
  show: Show;
  /** A connection's id, or '' for all. */
  connection: string;
}

export class Catalog {
  list = new Remote<CatalogModel[]>();

  async load(): Promise<void> {
    await this.list.load(async () => (await need(api.GET('/api/v1/catalog/models'))).items);
  }

  async change(change: Schema<'CatalogChange'>): Promise<void> {
    const changed = await need(api.PATCH('/api/v1/catalog/models', { body: change }));
    this.list.replace((this.list.value ?? []).map((model) => (sameModel(model, changed) ? changed : model)));
  }
}

/** A model is known by where it comes from and by what it is called there; the public id may change. */
export function modelKey(model: CatalogModel): string {
  return `${model.connection_id} ${model.upstream_id}`;
}

export function matching(models: CatalogModel[], filter: Filter): CatalogModel[] {
  const words = filter.text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    if (filter.connection && model.connection_id !== filter.connection) return false;
    if (filter.show === 'offered' && (model.hidden || !model.available)) return false;
    if (filter.show === 'hidden' && !model.hidden) return false;
    if (filter.show === 'unavailable' && model.available) return false;
    const text = `${model.id} ${model.name} ${model.upstream_id}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sameModel(left: CatalogModel, right: CatalogModel): boolean {
  return modelKey(left) === modelKey(right);
}
