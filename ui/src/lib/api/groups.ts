/** Groups of people: what their members may do beyond the defaults. Times are Unix seconds. */
import { ask, path } from './direct';
import type { PermissionTree } from './permissions';
import type { AdminUser } from './people';
import { queryOf } from './query';

export interface Group {
  id: string;
  name: string;
  description: string;
  /** What the group gives; what is left out, or `false`, is not decided here. */
  permissions: PermissionTree | null;
  /** Its members also have what that group gives. */
  parent_group_id: string | null;
  member_count: number;
  created_at: number;
  updated_at: number;
}

export interface GroupForm {
  name: string;
  description: string;
  permissions?: PermissionTree | null;
  parent_group_id?: string | null;
}

export type Member = Pick<AdminUser, 'id' | 'name' | 'email' | 'role'>;

export interface MemberPage {
  users: Member[];
  /** Of all pages. */
  total: number;
}

export const groups = {
  list: () => ask<Group[]>('GET', '/api/v1/groups/'),
  find: (id: string) => ask<Group>('GET', path`/api/v1/groups/id/${id}`),
  make: (form: GroupForm) => ask<Group>('POST', '/api/v1/groups/create', form),
  change: (id: string, form: GroupForm) => ask<Group>('POST', path`/api/v1/groups/id/${id}/update`, form),
  remove: (id: string) => ask<boolean>('DELETE', path`/api/v1/groups/id/${id}/delete`),
  members: (id: string, page: number, query: string) =>
    ask<MemberPage>('GET', path`/api/v1/groups/id/${id}/members` + queryOf({ page, query })),
  addMembers: (id: string, user_ids: string[]) => ask<Group>('POST', path`/api/v1/groups/id/${id}/users/add`, { user_ids }),
  removeMembers: (id: string, user_ids: string[]) => ask<Group>('POST', path`/api/v1/groups/id/${id}/users/remove`, { user_ids }),
};
