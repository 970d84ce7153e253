/** The groups of this server, and one of them with its members. */
import { groups, type Group, type GroupForm, type MemberPage } from '$lib/api/groups';
import { permissions, type PermissionTree } from '$lib/api/permissions';
import { Remote } from '../remote.svelte';
import { PermissionDraft } from '../permissions/draft.svelte';
import { messageOf } from '$lib/api/client';

export class Groups {
  list = new Remote<Group[]>();

  async load(): Promise<void> {
    await this.list.load(async () => (await groups.list()).sort((left, right) => left.name.localeCompare(right.name)));
  }

  async make(form: GroupForm): Promise<Group> {
    const made = await groups.make(form);
    void this.load();
    return made;
  }

  async change(id: string, form: GroupForm): Promise<Group> {
    const changed = await groups.change(id, form);
    void this.load();
    return changed;
  }

  async remove(id: string): Promise<void> {
    await groups.remove(id);
    await this.load();
  }
}

/** The groups above one, nearest first. Stops where a circle would begin, whatever the server says. */
export function ancestorsOf(group: Group, all: Group[]): Group[] {
  const above: Group[] = [];
  let next = group.parent_group_id;
  while (next !== null) {
    const parent = all.find(({ id }) => id === next);
    if (!parent || parent.id === group.id || above.includes(parent)) return above;
    above.push(parent);
    next = parent.parent_group_id;
  }
  return above;
}

/** Which groups may stand above `group`: all but itself and those below it. */
export function possibleParents(group: Group | null, all: Group[]): Group[] {
  if (!group) return all;
  return all.filter((other) => other.id !== group.id && !ancestorsOf(other, all).some(({ id }) => id === group.id));
}

/** One group: who is in it, and what it gives. */
export class OneGroup {
  readonly id: string;
  /** All groups, because what one gives depends on those above it. */
  all = new Remote<Group[]>();
  members = new Remote<MemberPage>();
  defaults = new Remote<PermissionTree>();
  draft = $state.raw(new PermissionDraft({}));
  busy = $state(false);
  /** Why saving the permissions failed. */
  trouble = $state('');
  #query = { page: 1, query: '' };

  constructor(id: string) {
    this.id = id;
  }

  get group(): Group | null {
    return this.all.value?.find(({ id }) => id === this.id) ?? null;
  }

  async load(): Promise<void> {
    await this.all.load(async () => {
      const all = await groups.list();
      // Asked for by itself, so that a group that is gone is answered like any other missing thing.
      const mine = await groups.find(this.id);
      return [...all.filter(({ id }) => id !== mine.id), mine];
    });
    this.draft = new PermissionDraft(this.group?.permissions ?? {});
  }

  async loadDefaults(): Promise<void> {
    await this.defaults.load(() => permissions.defaults());
  }

  async loadMembers(page: number, query: string): Promise<void> {
    this.#query = { page, query };
    await this.members.load(() => groups.members(this.id, page, query));
  }

  async add(users: string[]): Promise<void> {
    await groups.addMembers(this.id, users);
    await this.#reloadMembers();
  }

  async takeOut(users: string[]): Promise<void> {
    await groups.removeMembers(this.id, users);
    await this.#reloadMembers();
  }

  async #reloadMembers(): Promise<void> {
    await Promise.all([this.load(), this.loadMembers(this.#query.page, this.#query.query)]);
  }

  /** Whether it was saved; why not is in `trouble`. */
  async savePermissions(): Promise<boolean> {
    const group = this.group;
    if (!group) return false;
    [this.busy, this.trouble] = [true, ''];
    try {
      await groups.change(group.id, { name: group.name, description: group.description, permissions: this.draft.given() });
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
