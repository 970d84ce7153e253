import { describe, expect, it } from 'vitest';
import { ModelDraft } from './model-draft.svelte';

const saved = {
  connection_id: 'connection_1',
  connection_name: 'Harbour',
  upstream_id: 'harbour-mini',
  id: 'mini',
  name: 'Mini',
  hidden: false,
  renamed: true,
  context_length: 8192,
  pricing: { prompt: 2.5, completion: 10, source: 'table' as const },
  available: true,
};
const which = { connection_id: 'connection_1', upstream_id: 'harbour-mini' };

describe('a model being edited', () => {
  it('sends nothing but which model it is when nothing was changed', () => {
    expect(new ModelDraft(saved).changes()).toEqual(which);
  });

  it('gives the names back to the provider, unless one is typed after all', () => {
    const draft = new ModelDraft(saved);
    draft.resetNames();
    expect(draft.changes()).toEqual({ ...which, id: null, name: null });

    draft.name = 'Mini, west';
    expect(draft.changes()).toEqual({ ...which, id: null, name: 'Mini, west' });
  });

  it('replaces the price of the table only by a different one', () => {
    const draft = new ModelDraft(saved);
    draft.input = '2.50';
    expect(draft.changes()).toEqual(which);
    draft.input = '3';
    expect(draft.changes()).toEqual({ ...which, pricing: { prompt: 3, completion: 10 } });
  });

  it('takes its own price back with null, and cannot take back one that is not its own', () => {
    const own = new ModelDraft({ ...saved, pricing: { prompt: 1, completion: 2, source: 'override' } });
    own.resetPrice();
    expect(own.changes()).toEqual({ ...which, pricing: null });

    const table = new ModelDraft(saved);
    table.resetPrice();
    expect(table.changes()).toEqual(which);
  });

  it('wants both prices or neither, as amounts', () => {
    const draft = new ModelDraft(saved);
    draft.output = '';
    expect(draft.outputProblem).toMatch(/both/);
    draft.output = 'cheap';
    expect(draft.outputProblem).toMatch(/US dollars/);
    draft.resetPrice();
    expect([draft.inputProblem, draft.outputProblem]).toEqual([null, null]);
  });

  it('refuses an id with a space in it', () => {
    const draft = new ModelDraft(saved);
    draft.id = 'two words';
    expect(draft.idProblem).toMatch(/spaces/);
  });
});
