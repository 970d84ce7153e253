/** A person's own keys to the API. */
import { ask, path } from './direct';

/** Empty lists mean no limit of that kind. Times are Unix seconds. */
export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  last_four: string;
  /** "GET /api/models", "/v1/*" */
  endpoints: string[];
  /** Patterns, `*` for anything. */
  models: string[];
  /** Addresses and networks, "10.20.0.0/16". */
  addresses: string[];
  expires_at: number | null;
  created_at: number;
  last_used_at: number | null;
  state: 'active' | 'expired' | 'revoked';
}

export type NewApiKey = Pick<ApiKey, 'name' | 'endpoints' | 'models' | 'addresses' | 'expires_at'>;

export interface CreatedApiKey {
  /** The secret; never to be had again. */
  api_key: string;
  item: ApiKey;
}

export const apiKeys = {
  list: () => ask<{ items: ApiKey[] }>('GET', '/api/v1/auths/api_keys'),
  create: (key: NewApiKey) => ask<CreatedApiKey>('POST', '/api/v1/auths/api_keys', key),
  change: (id: string, changes: Partial<NewApiKey>) => ask<ApiKey>('PATCH', path`/api/v1/auths/api_keys/${id}`, changes),
  revoke: (id: string) => ask<null>('DELETE', path`/api/v1/auths/api_keys/${id}`),
};
