/** Sorts chats under headings by age: Today, Yesterday, Previous 7 days, Previous 30 days, then months. */
import type { Schema } from '$lib/api/client';

/** A line of the sidebar; search results bring the words that were found. */
export type ChatTitle = Schema<'ChatTitle'> & { snippet?: string | null };

export interface ChatGroup {
  name: string;
  chats: ChatTitle[];
}

/** `chats` newest first; empty groups are left out. Days are the reader's calendar days. */
export function groupByAge(chats: ChatTitle[], now: Date = new Date()): ChatGroup[] {
  const groups: ChatGroup[] = [];
  for (const chat of chats) {
    const name = ageName(new Date(chat.updated_at * 1000), now);
    const last = groups[groups.length - 1];
    if (last?.name === name) last.chats.push(chat);
    else groups.push({ name, chats: [chat] });
  }
  return groups;
}

function ageName(at: Date, now: Date): string {
  const days = calendarDaysBetween(at, now);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days <= 7) return 'Previous 7 days';
  if (days <= 30) return 'Previous 30 days';
  const sameYear = at.getFullYear() === now.getFullYear();
  return at.toLocaleDateString(undefined, sameYear ? { month: 'long' } : { month: 'long', year: 'numeric' });
}

/** Whole calendar days, so that 23:59 yesterday is yesterday at 00:01; rounding absorbs clock changes. */
function calendarDaysBetween(earlier: Date, later: Date): number {
  const start = new Date(earlier.getFullYear(), earlier.getMonth(), earlier.getDate());
  const end = new Date(later.getFullYear(), later.getMonth(), later.getDate());
  return Math.round((end.getTime() - start.getTime()) / 86_400_000);
}
