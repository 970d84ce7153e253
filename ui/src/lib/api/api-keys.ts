/** A person's own keys to the API. Empty lists in a key mean no limit of that kind. */
import { api, need, type Schema } from './client';

export type ApiKey = Schema<'OwnApiKey'>;
export type NewApiKey = Schema<'NewApiKey'>;
/** Fields that are left out stay; `expires_at: null` is never. */
export type ApiKeyChanges = Schema<'ApiKeyChanges'>;
/** With the secret, which is never to be had again. */
export type CreatedApiKey = Schema<'MadeApiKey'>;

export const apiKeys = {
  list: () => need(api.GET('/api/v1/auths/api_keys')),
  create: (key: NewApiKey) => need(api.POST('/api/v1/auths/api_keys', { body: key })),
  change: (id: string, changes: ApiKeyChanges) => need(api.PATCH('/api/v1/auths/api_keys/{id}', { params: { path: { id } }, body: changes })),
  revoke: (id: string) => need(api.DELETE('/api/v1/auths/api_keys/{id}', { params: { path: { id } } })),
};
