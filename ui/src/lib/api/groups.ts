/** Groups of people: what their members may do beyond the defaults. Times are Unix seconds. */
import { api, need, type Schema } from './client';
import { filled } from './query';

export type Group = Schema<'Group'>;
export type GroupForm = Schema<'NewGroup'>;
export type Member = Schema<'GroupMembers'>['users'][number];
export type MemberPage = Schema<'GroupMembers'>;

/** The parameters of a path that names one group. */
const of = (id: string) => ({ params: { path: { id } } });

export const groups = {
  list: (): Promise<Group[]> => need(api.GET('/api/v1/groups/')),
  find: (id: string) => need(api.GET('/api/v1/groups/id/{id}', of(id))),
  make: (form: GroupForm) => need(api.POST('/api/v1/groups/create', { body: form })),
  /** What is left out stays. */
  change: (id: string, change: Schema<'GroupUpdate'>) => need(api.POST('/api/v1/groups/id/{id}/update', { ...of(id), body: change })),
  remove: (id: string) => need(api.DELETE('/api/v1/groups/id/{id}/delete', of(id))),
  members: (id: string, page: number, query: string): Promise<MemberPage> =>
    need(api.GET('/api/v1/groups/id/{id}/members', { params: { path: { id }, query: filled({ page, query }) } })),
  addMembers: (id: string, user_ids: string[]) => need(api.POST('/api/v1/groups/id/{id}/users/add', { ...of(id), body: { user_ids } })),
  removeMembers: (id: string, user_ids: string[]) => need(api.POST('/api/v1/groups/id/{id}/users/remove', { ...of(id), body: { user_ids } })),
};
