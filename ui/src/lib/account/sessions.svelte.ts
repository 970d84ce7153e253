/** Where a person is signed in. */
import { Remote } from '$lib/admin/remote.svelte';
import { ownAccount, type SignedInSession } from '$lib/api/own-account';

export class Sessions {
  list = new Remote<SignedInSession[]>();

  /** This page's session first, then the one used last. */
  async load(): Promise<void> {
    await this.list.load(async () => inOrder((await ownAccount.sessions()).items));
  }

  async end(id: string): Promise<void> {
    await ownAccount.endSession(id);
    this.list.replace((this.list.value ?? []).filter((session) => session.id !== id));
  }

  /** Signs out everywhere else; returns how many sessions that were. */
  async endOthers(): Promise<number> {
    const { ended } = await ownAccount.endOtherSessions();
    await this.load();
    return ended;
  }
}

export function inOrder(sessions: SignedInSession[]): SignedInSession[] {
  return [...sessions].sort((a, b) => Number(b.current) - Number(a.current) || b.last_used_at - a.last_used_at);
}
