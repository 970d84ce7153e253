/** What people may do beyond their role, and who may use which model. */
import { api, need, type Schema } from './client';

/** `{chat: {delete: true}}`: branch, leaf, answer. */
export type PermissionTree = Record<string, Record<string, boolean>>;
export type AccessGrant = Schema<'AccessGrant'>;

export const permissions = {
  defaults: (): Promise<PermissionTree> => need(api.GET('/api/v1/users/default/permissions')),
  /** What is left out stays. */
  changeDefaults: (tree: PermissionTree) => need(api.POST('/api/v1/users/default/permissions', { body: tree })),
};

export const modelAccess = {
  /** Exactly these grants; `null` when nobody decided, and the model follows `DEFAULT_MODEL_ACCESS`. */
  grants: async (id: string): Promise<AccessGrant[] | null> =>
    (await need(api.GET('/api/v1/models/model', { params: { query: { id } } }))).access_grants ?? null,
  change: (id: string, access_grants: AccessGrant[] | null) =>
    need(api.POST('/api/v1/models/model/access/update', { body: { id, access_grants } })),
};
