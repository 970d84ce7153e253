/** A person's own keys to the API. Empty lists in a key mean no limit of that kind. */
import { api, need, type Schema } from './client';

export type ApiKey = Schema<'OwnApiKey'>;
export type NewApiKey = Schema<'NewApiKey'>;
/** With the secret, which is never to be had again. */
export type CreatedApiKey = Schema<'MadeApiKey'>;

export const apiKeys = {
  list: () => need(api.GET('/api/v1/auths/api_keys')),
  create: (key: NewApiKey) => need(api.POST('/api/v1/auths/api_keys', { body: key })),
  revoke: (id: string) => need(api.DELETE('/api/v1/auths/api_keys/{id}', { params: { path: { id } } })),
};
