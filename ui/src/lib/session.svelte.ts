/**
 * Who is signed in. The session itself is a cookie this code cannot read; the token in the server's answer is
 * dropped here, so nothing in the page ever holds it.
 */
import { api, ApiError, messageOf, need, whenUnauthorized, type Schema } from './api/client';
import { tellOtherTabs, whenAnotherTabTells } from './other-tabs';
import { router, type Guard } from './router.svelte';

export type Person = Omit<Schema<'Session'>, 'token' | 'token_type'>;

/** `signed out` is somebody's decision; `lost` may be the same person coming back in a minute. */
export type SessionEnd = 'signed out' | 'lost';
/** Why somebody who was signed in has to sign in again, without having asked for it. */
export type Farewell = 'ended' | 'signed out in another tab' | 'second factor wanted';
type EndListener = (how: SessionEnd) => void;

export class SessionState {
  status = $state<'starting' | 'ready' | 'unreachable'>('starting');
  /** Why the server could not be asked, when `status` is `unreachable`. */
  trouble = $state('');
  config = $state.raw<Schema<'AppConfig'> | null>(null);
  person = $state.raw<Person | null>(null);

  /** Why the page for signing in came up by itself; `null` when it did not. */
  farewell = $state<Farewell | null>(null);
  /** Whose this page is: who is signed in, or was until the session ended by itself. Empty after a sign-out. */
  owner = '';

  readonly #listeners: EndListener[] = [];
  #isChecking = false;

  /** Whoever keeps something of a person in memory forgets it here: the next one to sign in must not see it. */
  onEnd(listener: EndListener): void {
    this.#listeners.push(listener);
  }

  get isAdmin(): boolean {
    return this.person?.role === 'admin';
  }

  get isPending(): boolean {
    return this.person?.role === 'pending';
  }

  /** Whether this person's permissions contain `path`, e.g. `chat.share`. Administrators have them all. */
  allows(path: string): boolean {
    if (this.isAdmin) return true;
    let at: unknown = this.person?.permissions;
    for (const part of path.split('.')) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
    return at === true;
  }

  /** Whether this person may share chats by a link. */
  get mayShare(): boolean {
    return this.config?.features.enable_community_sharing === true && this.allows('chat.share');
  }

  /** `PENDING_USER_OVERLAY_TITLE` and `_CONTENT`: what people read who wait to be let in. */
  get pendingWords(): { title: string; content: string } {
    const ui = this.config?.ui;
    return { title: ui?.pending_user_overlay_title?.trim() ?? '', content: ui?.pending_user_overlay_content?.trim() ?? '' };
  }

  get productName(): string {
    return this.config?.name ?? 'Wardroom';
  }

  /** Asks the server what it is and who we are. Call once at start, and again to retry. */
  async start(): Promise<void> {
    this.status = 'starting';
    try {
      await this.refresh();
      // What the proxy's word is worth shows on the page for signing in, if it is worth nothing.
      if (this.isVouched && this.person === null) await this.enterByProxy().catch(() => undefined);
      this.status = 'ready';
    } catch (error) {
      this.trouble = messageOf(error);
      this.status = 'unreachable';
    }
  }

  /** Reads configuration and session anew, e.g. to see whether a pending account was approved. */
  async refresh(): Promise<void> {
    const [config, person] = await Promise.all([need(api.GET('/api/config')), this.#whoAmI()]);
    this.config = config;
    this.#welcome(person);
    router.product = this.productName;
  }

  /** Takes the session that a sign-in ended with; the caller goes to `afterSignIn()`. */
  async enter(session: Schema<'Session'>): Promise<void> {
    this.#welcome(withoutToken(session));
    await this.refresh();
    tellOtherTabs('in');
  }

  /** Whether a proxy in front says who somebody is. */
  get isVouched(): boolean {
    return this.config?.features.auth_trusted_header === true;
  }

  /** Signs in whom the proxy in front names; the server reads nothing else. Throws `ApiError`. */
  async enterByProxy(): Promise<void> {
    const answer = await need(api.POST('/api/v1/auths/signin', { body: { email: '', password: '' } }));
    if ('token' in answer) await this.enter(answer);
  }

  /** Ends the session on the server first: a page that merely forgot it would leave it open. */
  async signOut(): Promise<void> {
    await need(api.POST('/api/v1/auths/signout'));
    this.#end();
    tellOtherTabs('out');
    await this.refresh();
    router.navigate('/login');
  }

  /** Where to go once signed in: what `next` asked for when it is ours, else the chat. */
  afterSignIn(): string {
    return safeNext(router.query('next')) ?? '/';
  }

  /** A 401 came in. Pending people get it everywhere, so their session is looked at again before it is given up. */
  async lost(why: Farewell = 'ended'): Promise<void> {
    if (this.status !== 'ready' || this.person === null || this.#isChecking) return;
    const before = this.person;
    this.#isChecking = true; // The check itself is answered 401 when the session is over.
    try {
      await this.refresh();
    } catch {
      return; // The server is away; the page that called shows that.
    } finally {
      this.#isChecking = false;
    }
    if (this.person === null) this.farewell ??= why;
    if (this.person?.id !== before.id) this.#tell('lost');
    if (this.person?.id !== before.id || this.person.role !== before.role) router.recheck();
  }

  /** Another tab of this browser signed in or out, so the cookie is no longer what this page believes. */
  async hear(news: 'in' | 'out'): Promise<void> {
    if (this.status !== 'ready') return;
    if (this.person !== null) return this.lost('signed out in another tab');
    if (news === 'out') return;
    await this.refresh().catch(() => undefined); // The server is away; the form says so when it is used.
    if (this.person !== null) router.recheck();
  }

  #end(): void {
    this.person = null;
    [this.owner, this.farewell] = ['', null];
    this.#tell('signed out');
  }

  #tell(how: SessionEnd): void {
    for (const listener of this.#listeners) listener(how);
  }

  async #whoAmI(): Promise<Person | null> {
    try {
      return withoutToken(await need(api.GET('/api/v1/auths/')));
    } catch (error) {
      // The server wants a second factor from everybody now, and this session never saw one.
      if (error instanceof ApiError && error.code === 'second_factor_required') this.farewell = 'second factor wanted';
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null;
      throw error;
    }
  }

  #welcome(person: Person | null): void {
    this.person = person;
    if (person === null) return;
    [this.owner, this.farewell] = [person.id, null];
  }
}

function withoutToken(session: Schema<'Session'>): Person {
  const { token: _token, token_type: _type, ...person } = session;
  return person;
}

/** Accepts only a path of this origin: `//host`, `/\host` and full URLs would make sign-in an open redirect. */
export function safeNext(next: string): string | null {
  if (!next.startsWith('/') || /^\/[/\\]/.test(next)) return null;
  const url = new URL(next, location.origin);
  if (url.origin !== location.origin || /^\/(login|signup|pending)\b/.test(url.pathname)) return null;
  return url.pathname + url.search + url.hash;
}

export const session = new SessionState();
whenUnauthorized(() => void session.lost());
whenAnotherTabTells((news) => void session.hear(news));

/** Which pages a reader is sent away from, and where to. */
export const guard: Guard = (route, url) => {
  const { person, config } = session;
  switch (route.access) {
    case 'anybody':
      return null;
    case 'anonymous':
      if (person) return session.isPending ? '/pending' : session.afterSignIn();
      if (config?.onboarding && !session.isVouched && url.pathname !== '/signup') return '/signup';
      return null;
    case 'pending':
      if (!person) return '/login';
      return session.isPending ? null : '/';
    case 'person':
    case 'admin': // A person without the role sees the page's own "not for you", which explains more than a redirect.
      if (!person) return config?.onboarding && !session.isVouched ? '/signup' : signInFor(url);
      return session.isPending ? '/pending' : null;
    default:
      return route.access satisfies never;
  }
};

function signInFor(url: URL): string {
  const here = url.pathname + url.search;
  return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}
