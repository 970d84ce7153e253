/** The form of one model of the catalogue: its public names and its price. Knows nothing of dialogs or of the network. */
import type { Schema } from '$lib/api/client';

type CatalogModel = Schema<'CatalogModel'>;
type CatalogChange = Schema<'CatalogChange'>;

export class ModelDraft {
  id = $state('');
  name = $state('');
  /** US dollars per million tokens, as typed. */
  input = $state('');
  output = $state('');
  /** Asks for the provider's own id and name; ends when either is typed again. */
  #resetNames = $state(false);
  readonly saved: CatalogModel;

  constructor(saved: CatalogModel) {
    this.saved = saved;
    this.id = saved.id;
    this.name = saved.name;
    this.input = saved.pricing ? String(saved.pricing.prompt) : '';
    this.output = saved.pricing ? String(saved.pricing.completion) : '';
  }

  resetNames(): void {
    this.id = this.saved.upstream_id;
    this.name = this.saved.upstream_id;
    this.#resetNames = true;
  }

  /** Gives the price back to the table or the provider. */
  resetPrice(): void {
    this.input = '';
    this.output = '';
  }

  get idProblem(): string | null {
    const id = this.id.trim();
    if (id === '') return 'Enter the id that programs ask for.';
    return /\s/.test(id) ? 'An id has no spaces.' : null;
  }

  get inputProblem(): string | null {
    return priceProblem(this.input, this.output);
  }

  get outputProblem(): string | null {
    return priceProblem(this.output, this.input);
  }

  /** Only what differs from the saved model, besides the two fields that say which model it is. */
  changes(): CatalogChange {
    const saved = this.saved;
    const changes: CatalogChange = { connection_id: saved.connection_id, upstream_id: saved.upstream_id };
    const reset = this.#resetNames && this.id === saved.upstream_id && this.name === saved.upstream_id;
    if (reset) return { ...changes, id: null, name: null, ...this.#priceChange() };
    if (this.id.trim() !== saved.id) changes.id = this.id.trim();
    if (this.name.trim() !== saved.name) changes.name = this.name.trim() || null;
    return { ...changes, ...this.#priceChange() };
  }

  #priceChange(): Pick<CatalogChange, 'pricing'> {
    const saved = this.saved.pricing;
    if (this.input.trim() === '' && this.output.trim() === '') return saved?.source === 'override' ? { pricing: null } : {};
    const [prompt, completion] = [Number(this.input), Number(this.output)];
    if (saved && saved.prompt === prompt && saved.completion === completion) return {};
    return { pricing: { prompt, completion } };
  }
}

function priceProblem(text: string, other: string): string | null {
  if (text.trim() === '') return other.trim() === '' ? null : 'Enter both prices, or neither.';
  const amount = Number(text);
  return Number.isFinite(amount) && amount >= 0 ? null : 'Enter US dollars per million tokens, for example 2.50.';
}
