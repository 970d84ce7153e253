/** What administrators do with other people's accounts. Times are Unix seconds. */
import type { Schema } from './client';
import { ask, path, send } from './direct';
import type { ApiKey } from './api-keys';
import type { Group } from './groups';
import type { SignedInSession } from './own-account';

export type Role = Schema<'User'>['role'];

/** An account as administrators see it. */
export interface AdminUser {
  id: string;
  name: string;
  email: string;
  role: Role;
  profile_image_url: string;
  created_at: number;
  last_active_at: number;
  /** `false` for a deactivated account, which cannot sign in. */
  is_active: boolean;
  group_ids: string[];
  second_factor: boolean;
  has_password: boolean;
}

export interface UserDetail extends AdminUser {
  /** How many places the person is signed in at. */
  sessions: number;
}

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

export interface UserPage {
  users: AdminUser[];
  /** Of all pages. */
  total: number;
}

export interface NewUser {
  name: string;
  email: string;
  password: string;
  role: Role;
}

export interface UserChange {
  name?: string;
  email?: string;
  role?: Role;
  /** Empty takes the picture away. */
  profile_image_url?: string;
  password?: string;
  is_active?: boolean;
}

/** A line of an import that was not taken over; all others were. */
export interface RefusedLine {
  /** In the file, from 1; the header is line 1. */
  line: number;
  detail: string;
  code: string;
}

export interface ImportResult {
  made: number;
  refused: RefusedLine[];
}

/** What decides about a permission or a model. */
export interface Because {
  kind: 'admin' | 'default' | 'environment' | 'group' | 'grant' | 'everybody' | 'bypass';
  /** The group that gives it. */
  group?: { id: string; name: string };
}

/** What a person can do, and why. */
export interface AccessReport {
  permissions: { path: string; allowed: boolean; because: Because[] }[];
  groups: { id: string; name: string }[];
  models: { id: string; allowed: boolean; because: Because[] }[];
}

/** Query strings leave out what is empty. */
export function queryOf(values: Record<string, string | number | null>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== '') query.set(name, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export const people = {
  list: (query: Partial<UserQuery>) => ask<UserPage>('GET', `/api/v1/users/${queryOf({ ...query })}`),
  find: (id: string) => ask<UserDetail>('GET', path`/api/v1/users/${id}`),
  add: (user: NewUser) => ask<AdminUser>('POST', '/api/v1/auths/add', user),
  change: (id: string, change: UserChange) => ask<AdminUser>('POST', path`/api/v1/users/${id}/update`, change),
  remove: (id: string) => ask<boolean>('DELETE', path`/api/v1/users/${id}`),
  importCsv: (csv: Blob) => send<ImportResult>('POST', '/api/v1/users/import', { content: csv, type: 'text/csv' }),
  resetSecondFactor: (id: string) => ask<null>('POST', path`/api/v1/users/${id}/second-factor/reset`),

  sessions: (id: string) => ask<{ items: SignedInSession[] }>('GET', path`/api/v1/users/${id}/sessions`),
  endSession: (id: string, session: string) => ask<null>('DELETE', path`/api/v1/users/${id}/sessions/${session}`),
  endSessions: (id: string) => ask<boolean>('POST', path`/api/v1/users/${id}/sessions/revoke`),

  apiKeys: (id: string) => ask<{ items: ApiKey[] }>('GET', path`/api/v1/users/${id}/api_keys`),
  revokeApiKey: (id: string, key: string) => ask<null>('DELETE', path`/api/v1/users/${id}/api_keys/${key}`),

  groups: (id: string) => ask<Group[]>('GET', path`/api/v1/users/${id}/groups`),
  access: (id: string) => ask<AccessReport>('GET', path`/api/v1/users/${id}/access`),
  chats: (id: string, page: number) => ask<Schema<'ChatTitle'>[]>('GET', path`/api/v1/chats/list/user/${id}` + queryOf({ page })),
};
