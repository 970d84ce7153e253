/** The API keys of the person who is signed in. */
import { Remote } from '$lib/admin/remote.svelte';
import { apiKeys, type ApiKey, type ApiKeyChanges, type CreatedApiKey, type NewApiKey } from '$lib/api/api-keys';

export class OwnKeys {
  list = new Remote<ApiKey[]>();

  async load(): Promise<void> {
    await this.list.load(async () => (await apiKeys.list()).items);
  }

  /** Returns the secret; it is never to be had again. */
  async create(key: NewApiKey): Promise<CreatedApiKey> {
    const created = await apiKeys.create(key);
    void this.load();
    return created;
  }

  async change(id: string, changes: ApiKeyChanges): Promise<void> {
    await apiKeys.change(id, changes);
    await this.load();
  }

  async revoke(id: string): Promise<void> {
    await apiKeys.revoke(id);
    await this.load();
  }
}
