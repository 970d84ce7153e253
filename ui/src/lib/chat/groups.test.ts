import { describe, expect, it } from 'vitest';
import { groupByAge } from './groups';

const now = new Date(2026, 10, 21, 0, 30);
const chat = (...date: [number, number, number, number?, number?]) => ({
  id: date.join('-'),
  title: '',
  updated_at: new Date(...date).getTime() / 1000,
  created_at: 0,
  pinned: false,
  archived: false,
});
const names = (...chats: ReturnType<typeof chat>[]) => groupByAge(chats, now).map((group) => group.name);

describe('chats are grouped', () => {
  it('by calendar day, not by hours', () => {
    expect(names(chat(2026, 10, 21, 0, 1), chat(2026, 10, 20, 23, 59))).toEqual(['Today', 'Yesterday']);
  });

  it('into weeks, then months, with the year once it is another', () => {
    expect(names(chat(2026, 10, 14), chat(2026, 10, 13), chat(2026, 9, 22), chat(2026, 9, 21), chat(2025, 9, 30))).toEqual([
      'Previous 7 days',
      'Previous 30 days',
      'October',
      'October 2025',
    ]);
  });

  it('under one heading each, in their order', () => {
    const [group] = groupByAge([chat(2026, 10, 21, 0, 20), chat(2026, 10, 21, 0, 10)], now);
    expect(group?.chats.map((each) => each.id)).toEqual(['2026-10-21-0-20', '2026-10-21-0-10']);
  });

  it('with clocks that differ: a chat from the near future is of today', () => {
    expect(names(chat(2026, 10, 21, 0, 35))).toEqual(['Today']);
  });
});
