/** A page of the people of this server, who waits to be let in, and what can be done with an account. */
import { ORDERS, people, type AdminUser, type NewUser, type Order, type Role, type UserChange, type UserPage, type UserQuery } from '$lib/api/people';
import { router } from '$lib/router.svelte';
import { pageOfAddress } from '../paging';
import { Remote } from '../remote.svelte';

/** Which people the address asks for; nonsense is left out. */
export function queryOfAddress(): UserQuery {
  const pick = <T extends string>(name: string, known: readonly T[]): T | '' => known.find((value) => value === router.query(name)) ?? '';
  return {
    page: pageOfAddress(),
    query: router.query('query'),
    order_by: pick<Order>('order', ORDERS) || 'created_at',
    direction: router.query('direction') === 'desc' ? 'desc' : 'asc',
    role: pick<Role>('role', ['admin', 'user', 'pending']),
    state: pick('state', ['active', 'deactivated']),
  };
}

export function isFiltered(query: UserQuery): boolean {
  return query.query !== '' || query.role !== '' || query.state !== '';
}

export class People {
  list = new Remote<UserPage>();
  /** Who signed up and cannot do anything yet. */
  #waiting = new Remote<UserPage>();
  #query: Partial<UserQuery> = {};

  async load(query: UserQuery): Promise<void> {
    this.#query = query;
    await this.reload();
  }

  async reload(): Promise<void> {
    const query = this.#query;
    await Promise.all([
      this.list.load(() => people.list(query)),
      this.#waiting.load(() => people.list({ page: 1, role: 'pending', order_by: 'created_at' })),
    ]);
  }

  get waiting(): AdminUser[] {
    // Somebody let in a moment ago is still on the fetched page.
    return (this.#waiting.value?.users ?? []).filter((person) => person.role === 'pending' && person.is_active);
  }

  async add(user: NewUser): Promise<AdminUser> {
    const added = await people.add(user);
    void this.reload();
    return added;
  }

  async change(id: string, change: UserChange): Promise<AdminUser> {
    const changed = await people.change(id, change);
    for (const remote of [this.list, this.#waiting]) {
      const page = remote.value;
      if (page) remote.replace({ ...page, users: page.users.map((user) => (user.id === id ? { ...user, ...changed } : user)) });
    }
    return changed;
  }

  async remove(id: string): Promise<void> {
    await people.remove(id);
    await this.reload();
  }
}

/** The roles in words, most powerful first. */
export const ROLES: { value: Role; label: string }[] = [
  { value: 'admin', label: 'Administrator' },
  { value: 'user', label: 'Member' },
  { value: 'pending', label: 'Waiting' },
];

export function roleName(role: Role): string {
  return ROLES.find(({ value }) => value === role)?.label ?? role;
}

/** What a change of role means for the person, for the passing message. */
export function roleMessage(name: string, role: Role): string {
  switch (role) {
    case 'admin':
      return `${name} is an administrator now.`;
    case 'user':
      return `${name} can chat now.`;
    case 'pending':
      return `${name} has to wait for approval now.`;
    default:
      return role satisfies never;
  }
}
