import { describe, expect, it } from 'vitest';
import { ancestorsOf, possibleParents } from './groups.svelte';

const group = (id: string, parent: string | null) => ({
  id,
  name: id,
  description: '',
  permissions: null,
  parent_group_id: parent,
  member_count: 0,
  user_id: '',
  data: {},
  meta: {},
  created_at: 0,
  updated_at: 0,
});
const [fleet, ship, watch, shore] = [group('fleet', null), group('ship', 'fleet'), group('watch', 'ship'), group('shore', null)];
const all = [fleet, ship, watch, shore];
const ids = (groups: { id: string }[]) => groups.map(({ id }) => id);

describe('groups above groups', () => {
  it('are found up to the top, nearest first', () => {
    expect(ids(ancestorsOf(watch, all))).toEqual(['ship', 'fleet']);
    expect(ancestorsOf(fleet, all)).toEqual([]);
  });

  it('end where one is missing or stands above itself', () => {
    expect(ancestorsOf(group('lost', 'gone'), all)).toEqual([]);
    const [one, two] = [group('one', 'two'), group('two', 'one')];
    expect(ids(ancestorsOf(one, [one, two]))).toEqual(['two']);
  });

  it('are neither the group itself nor one below it', () => {
    expect(ids(possibleParents(ship, all))).toEqual(['fleet', 'shore']);
    expect(ids(possibleParents(watch, all))).toEqual(['fleet', 'ship', 'shore']);
    expect(ids(possibleParents(null, all))).toEqual(['fleet', 'ship', 'watch', 'shore']);
  });
});
