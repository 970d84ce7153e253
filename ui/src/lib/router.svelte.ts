/**
 * A small typed router on the History API: lazy pages and layouts, guards, titles, focus. It knows addresses and
 * components, not who is signed in: guards are handed in at start.
 */
import type { Component, Snippet } from 'svelte';

export type Params = Record<string, string>;
/** A page declares `params` when its address has some, and nothing else; `any` because most declare nothing. */
export type Page = Component<any>;
export type Layout = Component<{ children: Snippet }>;

/** Who may see a page. The server decides again on every call; this only spares people pages that would be empty. */
export type Access = 'anybody' | 'anonymous' | 'pending' | 'person' | 'admin';

export interface Route {
  /** Pattern such as `/c/:id`. */
  path: string;
  title: string;
  access: Access;
  load: () => Promise<{ default: Page }>;
  layout?: () => Promise<{ default: Layout }>;
}

export interface Match {
  route: Route;
  params: Params;
}

/** Returns where to go instead, or null when the page may be shown. */
export type Guard = (route: Route, url: URL) => string | null;

interface Shown {
  page: Page;
  layout: Layout | null;
  params: Params;
}

export interface NavigateOptions {
  replace?: boolean;
  /** `keep` leaves the focus where it is, for changes that are not a new page to the reader. */
  focus?: 'main' | 'keep';
}

/** Finds the route for a path; parameters are decoded. */
export function matchRoute(routes: Route[], fallback: Route, pathname: string): Match {
  for (const route of routes) {
    const names: string[] = [];
    const pattern = route.path.replace(/:([a-z]+)/g, (_, name: string) => (names.push(name), '([^/]+)'));
    const found = new RegExp(`^${pattern}/?$`).exec(pathname);
    if (!found) continue;
    try {
      return { route, params: Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? '')])) };
    } catch {
      return { route: fallback, params: {} }; // A broken percent escape names no page of ours.
    }
  }
  return { route: fallback, params: {} };
}

export class Router {
  shown = $state.raw<Shown | null>(null);
  failed = $state(false);
  loading = $state(false);
  url = $state.raw(new URL(location.href));
  /** Product name behind the page's title; an administrator may change it. */
  product = $state('Wardroom');

  #routes: Route[] = [];
  #fallback!: Route;
  #guard: Guard = () => null;
  #sequence = 0;

  /** Takes over navigation and shows the current address. */
  start(routes: Route[], fallback: Route, guard: Guard): void {
    this.#routes = routes;
    this.#fallback = fallback;
    this.#guard = guard;
    addEventListener('popstate', () => void this.#show('main'));
    document.addEventListener('click', (event) => this.#followLink(event));
    void this.#show('keep');
  }

  navigate(to: string, options: NavigateOptions = {}): void {
    history[options.replace ? 'replaceState' : 'pushState'](null, '', to);
    void this.#show(options.focus ?? 'main');
  }

  /** Changes query parameters in place (null or '' removes one); the URL holds filters and pages. */
  setQuery(changes: Record<string, string | number | null>): void {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') url.searchParams.delete(name);
      else url.searchParams.set(name, String(value));
    }
    history.replaceState(null, '', url.pathname + url.search + url.hash);
    this.url = url;
  }

  /** A query parameter of the current address, '' when absent. */
  query(name: string): string {
    return this.url.searchParams.get(name) ?? '';
  }

  /** Lets a page name itself more exactly than its route does. */
  setTitle(title: string): void {
    document.title = `${title} · ${this.product}`;
  }

  /** Asks the guard again, after sign-in, sign-out or a change of role. */
  recheck(): void {
    void this.#show('main');
  }

  #followLink(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || !link.href || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    const samePage = link.pathname === location.pathname && link.search === location.search;
    if (samePage && link.hash) return; // An anchor inside the page is the browser's to follow.
    event.preventDefault();
    this.navigate(link.pathname + link.search + link.hash, { replace: samePage });
  }

  async #show(focus: 'main' | 'keep'): Promise<void> {
    const sequence = ++this.#sequence;
    const url = new URL(location.href);
    const { route, params } = matchRoute(this.#routes, this.#fallback, url.pathname);
    const elsewhere = this.#guard(route, url);
    if (elsewhere !== null) {
      this.navigate(elsewhere, { replace: true });
      return;
    }
    this.loading = true;
    try {
      const [page, layout] = await Promise.all([route.load(), route.layout?.()]);
      if (sequence !== this.#sequence) return; // The reader has already gone elsewhere.
      const isSamePage = this.shown?.page === page.default;
      this.url = url;
      this.failed = false;
      this.shown = { page: page.default, layout: layout?.default ?? null, params };
      this.setTitle(route.title);
      if (focus === 'main') queueMicrotask(() => focusMain(isSamePage));
    } catch {
      if (sequence === this.#sequence) this.failed = true; // A chunk did not arrive: offline, or a newer version is served.
    } finally {
      if (sequence === this.#sequence) this.loading = false;
    }
  }
}

/** A screen reader announces the new page from here; the scroll position of a page that stays is its own business. */
function focusMain(isSamePage: boolean): void {
  if (!isSamePage) scrollTo(0, 0);
  document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
}

export const router = new Router();
