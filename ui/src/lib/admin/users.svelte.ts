/** A page of the people of this server, and their roles. */
import { api, need, type Schema } from '$lib/api/client';
import { Remote } from './remote.svelte';

type User = Schema<'User'>;

export class Users {
  list = new Remote<Schema<'UserPage'>>();
  #query: { page: number; query: string } = { page: 1, query: '' };

  /** Fetches the page of the list that the address names. */
  async load(page: number, query: string): Promise<void> {
    this.#query = { page, query };
    await this.reload();
  }

  async reload(): Promise<void> {
    const { page, query } = this.#query;
    await this.list.load(() => need(api.GET('/api/v1/users/', { params: { query: { page, ...(query ? { query } : {}) } } })));
  }

  async setRole(id: string, role: User['role']): Promise<void> {
    const changed = await need(api.POST('/api/v1/users/{id}/update', { params: { path: { id } }, body: { role } }));
    const page = this.list.value;
    if (page) this.list.replace({ ...page, users: page.users.map((user) => (user.id === changed.id ? changed : user)) });
  }
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
