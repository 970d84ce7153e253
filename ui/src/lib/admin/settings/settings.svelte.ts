/** Every setting of the server with its source, and the changes that are not saved yet. */
import { api, ApiError, messageOf, need, type Schema } from '$lib/api/client';
import { Remote } from '../remote.svelte';

export type Setting = Schema<'Setting'>;
/** `null` gives a setting back to its default. */
export type Wanted = string | number | boolean | null;

export interface SettingGroup {
  name: string;
  settings: Setting[];
}

export class Settings {
  list = new Remote<Setting[]>();
  busy = $state(false);
  /** Why saving failed, when it was not one setting's fault. */
  trouble = $state('');
  /** What the server says about one of the wanted values, by name. */
  refused = $state<Record<string, string>>({});
  #wanted = $state<Record<string, Wanted>>({});

  async load(): Promise<void> {
    await this.list.load(async () => (await need(api.GET('/api/v1/settings'))).items);
  }

  /** What the field shows: the wish, or else the value in force. */
  value(setting: Setting): unknown {
    return setting.name in this.#wanted ? (this.#wanted[setting.name] ?? setting.default) : setting.value;
  }

  isChanged(setting: Setting): boolean {
    return setting.name in this.#wanted;
  }

  get count(): number {
    return Object.keys(this.#wanted).length;
  }

  want(setting: Setting, value: Wanted): void {
    delete this.refused[setting.name];
    const isSame = value === null ? setting.source !== 'stored' : value === shown(setting.value);
    if (isSame) delete this.#wanted[setting.name];
    else this.#wanted[setting.name] = value;
  }

  discard(): void {
    [this.#wanted, this.refused, this.trouble] = [{}, {}, ''];
  }

  /** Whether everything was saved, and whether some of it waits for a restart. */
  async save(): Promise<'failed' | 'saved' | 'waits for a restart'> {
    [this.busy, this.trouble, this.refused] = [true, '', {}];
    const wanted = { ...this.#wanted };
    const waits = (this.list.value ?? []).some((setting) => setting.name in wanted && setting.needs_restart);
    try {
      const answer = await need(api.PATCH('/api/v1/settings', { body: wanted }));
      this.list.replace(answer.items);
      this.discard();
      return waits ? 'waits for a restart' : 'saved';
    } catch (error) {
      this.#refuse(error, wanted);
      return 'failed';
    } finally {
      this.busy = false;
    }
  }

  #refuse(error: unknown, wanted: Record<string, Wanted>): void {
    if (error instanceof ApiError && error.field && error.field in wanted) {
      this.refused = { [error.field]: error.message };
      this.trouble = `${error.field}: ${error.message}`;
    } else this.trouble = messageOf(error);
  }
}

/** A value as its field holds it: switches are booleans, everything else is text. */
export function shown(value: unknown): string | boolean {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  return value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export type Origin = '' | 'stored' | 'environment' | 'default';

/** The settings that a search leaves over, under their headings in the order of the manual. Permissions have a page of
    their own. */
export function groupsOf(settings: Setting[], text: string, origin: Origin): SettingGroup[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Setting[]>();
  for (const setting of settings) {
    if (setting.group === 'Permissions' || (origin !== '' && setting.source !== origin)) continue;
    const haystack = `${setting.group} ${setting.name} ${setting.doc}`.toLocaleLowerCase();
    if (!words.every((word) => haystack.includes(word))) continue;
    groups.set(setting.group, [...(groups.get(setting.group) ?? []), setting]);
  }
  return [...groups].map(([name, members]) => ({ name, settings: members }));
}
