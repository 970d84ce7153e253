/** The form of one model of the catalogue: its public names and its price. Knows nothing of dialogs or of the network. */
import type { Schema } from '$lib/api/client';

type CatalogModel = Schema<'CatalogModel'>;
type CatalogChange = Schema<'CatalogChange'>;

export class ModelDraft {
  /** Empty gives it back to the provider's own. */
  id = $state('');
  /** Empty gives it back to the provider's own. */
  name = $state('');
  /** US dollars per million tokens, as typed. */
  input = $state('');
  output = $state('');
  readonly saved: CatalogModel;

  constructor(saved: CatalogModel) {
    this.saved = saved;
    this.id = saved.id;
    this.name = saved.name;
    this.input = saved.pricing ? String(saved.pricing.prompt) : '';
    this.output = saved.pricing ? String(saved.pricing.completion) : '';
  }

  resetNames(): void {
    this.id = '';
    this.name = '';
  }

  /** Gives the price back to the table or the provider. */
  resetPrice(): void {
    this.input = '';
    this.output = '';
  }

  get idProblem(): string | null {
    return /\s/.test(this.id.trim()) ? 'An id has no spaces.' : null;
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
    if (this.id.trim() !== saved.id) changes.id = this.id.trim() || null;
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
