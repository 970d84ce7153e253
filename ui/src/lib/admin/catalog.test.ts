import { describe, expect, it } from 'vitest';
import { matching, type Filter } from './catalog.svelte';

function model(id: string, more: object = {}) {
  return {
    connection_id: 'west',
    connection_name: 'West',
    upstream_id: id,
    id,
    name: id,
    hidden: false,
    renamed: false,
    context_length: null,
    pricing: null,
    available: true,
    ...more,
  };
}

const models = [
  model('harbour-mini', { name: 'Harbour Mini' }),
  model('harbour-large', { hidden: true }),
  model('lighthouse', { connection_id: 'east', available: false }),
  model('parrot', { upstream_id: 'demo/echo' }),
];
const everything: Filter = { text: '', show: 'all', connection: '' };
const found = (filter: Partial<Filter>) => matching(models, { ...everything, ...filter }).map(({ id }) => id);

describe('the catalogue', () => {
  it('is searched by id, name and the provider’s own id, whatever the case', () => {
    expect(found({ text: 'HARBOUR m' })).toEqual(['harbour-mini']);
    expect(found({ text: 'echo' })).toEqual(['parrot']);
    expect(found({ text: 'harbour parrot' })).toEqual([]);
  });

  it('is narrowed by connection and by state', () => {
    expect(found({ connection: 'east' })).toEqual(['lighthouse']);
    expect(found({ show: 'hidden' })).toEqual(['harbour-large']);
    expect(found({ show: 'unavailable' })).toEqual(['lighthouse']);
    expect(found({ show: 'offered' })).toEqual(['harbour-mini', 'parrot']);
  });
});
