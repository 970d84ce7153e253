/** One account and what belongs to it, each part fetched when it is first looked at. */
import type { ApiKey } from '$lib/api/api-keys';
import { groups, type Group } from '$lib/api/groups';
import type { SignedInSession } from '$lib/api/own-account';
import { people, type AccessReport, type AdminUser, type UserDetail } from '$lib/api/people';
import { Remote } from '../remote.svelte';

export class Person {
  readonly id: string;
  account = new Remote<UserDetail>();
  /** The groups the person is in, and all there are. */
  groups = new Remote<{ joined: Group[]; all: Group[] }>();
  sessions = new Remote<SignedInSession[]>();
  keys = new Remote<ApiKey[]>();
  access = new Remote<AccessReport>();

  constructor(id: string) {
    this.id = id;
  }

  async load(): Promise<void> {
    await this.account.load(() => people.find(this.id));
  }

  /** Puts in what a change answered. */
  put(changed: AdminUser): void {
    const account = this.account.value;
    if (account) this.account.replace({ ...account, ...changed });
  }

  async loadGroups(): Promise<void> {
    await this.groups.load(async () => {
      const [joined, all] = await Promise.all([people.groups(this.id), groups.list()]);
      return { joined, all };
    });
  }

  async join(group: string): Promise<void> {
    await groups.addMembers(group, [this.id]);
    await this.loadGroups();
  }

  async leave(group: string): Promise<void> {
    await groups.removeMembers(group, [this.id]);
    await this.loadGroups();
  }

  async loadSessions(): Promise<void> {
    await this.sessions.load(async () => (await people.sessions(this.id)).items);
  }

  async endSession(id: string): Promise<void> {
    await people.endSession(this.id, id);
    await Promise.all([this.load(), this.loadSessions()]);
  }

  async endSessions(): Promise<void> {
    await people.endSessions(this.id);
    await Promise.all([this.load(), this.loadSessions()]);
  }

  async resetSecondFactor(): Promise<void> {
    await people.resetSecondFactor(this.id);
    await this.load();
  }

  async loadKeys(): Promise<void> {
    await this.keys.load(async () => (await people.apiKeys(this.id)).items);
  }

  async revokeKey(id: string): Promise<void> {
    await people.revokeApiKey(this.id, id);
    await this.loadKeys();
  }

  async loadAccess(): Promise<void> {
    await this.access.load(() => people.access(this.id));
  }
}
