/** What administrators do with other people's accounts. Times are Unix seconds. */
import { api, need, type Schema } from './client';
import { ask, path, send } from './direct';
import { filled } from './query';
import type { ApiKey } from './api-keys';

export type Role = Schema<'Role'>;

/** An account as administrators see it; whether it has a second factor is said in lists, not after a change. */
export type AdminUser = Schema<'User'> & { second_factor?: boolean };

/** With how many places the person is signed in at, and whether by a second factor. */
export type UserDetail = Schema<'UserDetails'>;

export const ORDERS = ['name', 'email', 'role', 'created_at', 'last_active_at'] as const;
export type Order = (typeof ORDERS)[number];

export interface UserQuery {
  page: number;
  query: string;
  order_by: Order;
  direction: 'asc' | 'desc';
  role: Role | '';
  state: 'active' | 'deactivated' | '';
}

export type UserPage = Schema<'UserPage'>;
export type NewUser = Schema<'AddUser'>;
/** Without what stays; an empty picture takes it away. */
export type UserChange = Schema<'UserChange'>;
/** A line that is refused was not taken over; all others were. */
export type ImportResult = Schema<'ImportedUsers'>;

/** What decides about a permission or a model. */
export type Because = Schema<'Cause'>;
/** What a person can do, and why. */
export type AccessReport = Schema<'UserAccess'>;

/** The parameters of a path that names one account. */
const of = (id: string) => ({ params: { path: { id } } });

export const people = {
  list: (query: Partial<UserQuery>) => need(api.GET('/api/v1/users/', { params: { query: filled(query) } })),
  find: (id: string): Promise<UserDetail> => need(api.GET('/api/v1/users/{id}', of(id))),
  add: (user: NewUser): Promise<AdminUser> => need(api.POST('/api/v1/auths/add', { body: user })),
  change: (id: string, change: UserChange): Promise<AdminUser> => need(api.POST('/api/v1/users/{id}/update', { ...of(id), body: change })),
  remove: (id: string) => need(api.DELETE('/api/v1/users/{id}', of(id))),
  /** The file goes as it is. */
  importCsv: (csv: Blob) => send<ImportResult>('POST', '/api/v1/users/import', { content: csv, type: 'text/csv' }),
  resetSecondFactor: (id: string) => need(api.POST('/api/v1/users/{id}/second-factor/reset', of(id))),

  sessions: (id: string) => need(api.GET('/api/v1/users/{id}/sessions', of(id))),
  endSession: (id: string, session_id: string) =>
    need(api.DELETE('/api/v1/users/{id}/sessions/{session_id}', { params: { path: { id, session_id } } })),
  endSessions: (id: string) => need(api.POST('/api/v1/users/{id}/sessions/revoke', of(id))),

  apiKeys: (id: string) => ask<{ items: ApiKey[] }>('GET', path`/api/v1/users/${id}/api_keys`),
  revokeApiKey: (id: string, key: string) => ask<null>('DELETE', path`/api/v1/users/${id}/api_keys/${key}`),

  groups: (id: string) => need(api.GET('/api/v1/users/{id}/groups', of(id))),
  access: (id: string): Promise<AccessReport> => need(api.GET('/api/v1/users/{id}/access', of(id))),
  chats: (user_id: string, page: number) =>
    need(api.GET('/api/v1/chats/list/user/{user_id}', { params: { path: { user_id }, query: { page } } })),
};
