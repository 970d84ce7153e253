/** A page of the people of this server, and their roles. */
import { api, need, type Schema } from '$lib/api/client';
import { pagesFor } from './paging';
import { Remote } from './remote.svelte';

type User = Schema<'User'>;

export class Users {
  list = new Remote<Schema<'UserPage'>>();
  /** People on the last page of everybody: accounts are listed by age, so whoever just signed up is there. */
  #newest = $state.raw<User[]>([]);
  #query: { page: number; query: string } = { page: 1, query: '' };

  /** Fetches the page of the list that the address names. */
  async load(page: number, query: string): Promise<void> {
    this.#query = { page, query };
    await this.reload();
  }

  async reload(): Promise<void> {
    const { page, query } = this.#query;
    await this.list.load(() => fetchPage(page, query));
    const shown = this.list.value;
    if (query !== '' || !shown || page === pagesFor(shown.total)) return;
    try {
      this.#newest = (await fetchPage(pagesFor(shown.total), '')).users;
    } catch {
      // The list itself is here; it says who waits on this page.
    }
  }

  /** Who waits to be let in, as far as they are on this page or among the newest accounts. */
  get waiting(): User[] {
    const people = new Map([...this.#newest, ...(this.list.value?.users ?? [])].map((user) => [user.id, user]));
    return [...people.values()].filter((user) => user.role === 'pending');
  }

  async setRole(id: string, role: User['role']): Promise<void> {
    const changed = await need(api.POST('/api/v1/users/{id}/update', { params: { path: { id } }, body: { role } }));
    const put = (users: User[]) => users.map((user) => (user.id === changed.id ? changed : user));
    this.#newest = put(this.#newest);
    const page = this.list.value;
    if (page) this.list.replace({ ...page, users: put(page.users) });
  }
}

function fetchPage(page: number, query: string): Promise<Schema<'UserPage'>> {
  return need(api.GET('/api/v1/users/', { params: { query: { page, ...(query ? { query } : {}) } } }));
}

/** The roles in words, most powerful first. */
export const ROLES: { value: User['role']; label: string }[] = [
  { value: 'admin', label: 'Administrator' },
  { value: 'user', label: 'Member' },
  { value: 'pending', label: 'Waiting' },
];

/** What a change of role means for the person, for the passing message. */
export function roleMessage(name: string, role: User['role']): string {
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
