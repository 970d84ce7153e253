/** What everybody may do, and where each answer comes from. */
import { api, messageOf, need, type Schema } from '$lib/api/client';
import { permissions, type PermissionTree } from '$lib/api/permissions';
import { Remote } from '../remote.svelte';
import { PermissionDraft } from './draft.svelte';

type Setting = Schema<'Setting'>;

interface Defaults {
  tree: PermissionTree;
  /** By the name of the variable. */
  settings: Map<string, Setting>;
}

export class DefaultPermissions {
  defaults = new Remote<Defaults>();
  draft = $state.raw(new PermissionDraft({}));
  busy = $state(false);
  /** Why saving failed. */
  trouble = $state('');

  async load(): Promise<void> {
    await this.defaults.load(async () => {
      const [tree, settings] = await Promise.all([permissions.defaults(), need(api.GET('/api/v1/settings'))]);
      return { tree, settings: new Map(settings.items.map((setting) => [setting.name, setting])) };
    });
    if (this.defaults.value) this.draft = new PermissionDraft(this.defaults.value.tree);
  }

  setting(variable: string | null): Setting | null {
    return variable === null ? null : (this.defaults.value?.settings.get(variable) ?? null);
  }

  /** Whether it was saved; why not is in `trouble`. */
  async save(): Promise<boolean> {
    [this.busy, this.trouble] = [true, ''];
    try {
      await permissions.changeDefaults(this.draft.changes());
      await this.load();
      return true;
    } catch (error) {
      this.trouble = messageOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
