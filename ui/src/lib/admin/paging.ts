/** Pages of lists that the server cuts. */
import { router } from '$lib/router.svelte';

/** Rows on a page, as the server counts them. */
export const PAGE_SIZE = 30;

/** At least one page, even of nothing. */
export function pagesFor(total: number): number {
  return Math.max(1, Math.ceil(total / PAGE_SIZE));
}

/** The page that the address asks for, from 1; nonsense is page 1. */
export function pageOfAddress(): number {
  const page = Number(router.query('page'));
  return Number.isSafeInteger(page) && page > 0 ? page : 1;
}

/** One page of a list that is here as a whole; a page beyond the end is the last one. */
export function pageOf<T>(items: T[], wanted: number): { items: T[]; number: number } {
  const number = Math.min(Math.max(1, wanted), pagesFor(items.length));
  return { items: items.slice((number - 1) * PAGE_SIZE, number * PAGE_SIZE), number };
}
