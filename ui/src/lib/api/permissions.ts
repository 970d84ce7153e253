/** What people may do beyond their role, and who may use which model. */
import { ask } from './direct';
import { queryOf } from './query';

/** `{chat: {delete: true}}`: branch, leaf, answer. */
export type PermissionTree = Record<string, Record<string, boolean>>;

export interface AccessGrant {
  /** `user` with the id `*` is everybody who is signed in. */
  principal_type: 'user' | 'group';
  principal_id: string;
  permission: 'read' | 'write';
}

export interface ModelAccess {
  id: string;
  /** Exactly these; `null` when nobody decided, and the model follows `DEFAULT_MODEL_ACCESS`. */
  access_grants: AccessGrant[] | null;
}

export const permissions = {
  defaults: () => ask<PermissionTree>('GET', '/api/v1/users/default/permissions'),
  /** What is left out stays. */
  changeDefaults: (tree: PermissionTree) => ask<PermissionTree>('POST', '/api/v1/users/default/permissions', tree),
};

export const modelAccess = {
  find: (id: string) => ask<ModelAccess>('GET', `/api/v1/models/model${queryOf({ id })}`),
  change: (id: string, access_grants: AccessGrant[] | null) => ask<ModelAccess>('POST', '/api/v1/models/model/access/update', { id, access_grants }),
};
