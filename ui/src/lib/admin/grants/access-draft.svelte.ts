/** Who may use a model, while it is being changed. Knows nothing of dialogs or of the network. */
import type { AccessGrant } from '$lib/api/permissions';

/** `default` follows the setting of the server; `everyone` is everybody who is signed in; `chosen` may be nobody. */
export type Openness = 'default' | 'everyone' | 'chosen';

/** Somebody the model is open to. */
export interface Entry {
  kind: 'user' | 'group';
  id: string;
  /** `write` also lets them change the model's entry. */
  permission: 'read' | 'write';
}

export class AccessDraft {
  openness = $state<Openness>('default');
  entries = $state.raw<Entry[]>([]);
  readonly #saved: AccessGrant[] | null;

  constructor(grants: AccessGrant[] | null) {
    this.#saved = grants;
    if (grants === null) return;
    this.openness = grants.some(isEverybody) ? 'everyone' : 'chosen';
    this.entries = entriesOf(grants);
  }

  has(kind: Entry['kind'], id: string): boolean {
    return this.entries.some((entry) => entry.kind === kind && entry.id === id);
  }

  add(kind: Entry['kind'], id: string): void {
    if (!this.has(kind, id)) this.entries = [...this.entries, { kind, id, permission: 'read' }];
  }

  remove(entry: Entry): void {
    this.entries = this.entries.filter((other) => !isSame(other, entry));
  }

  allow(entry: Entry, permission: Entry['permission']): void {
    this.entries = this.entries.map((other) => (isSame(other, entry) ? { ...other, permission } : other));
  }

  /** Whom the list below the choice is about: with everybody reading, only who may change is worth naming. */
  get listed(): Entry[] {
    return this.openness === 'default' ? [] : this.entries;
  }

  get isForNobody(): boolean {
    return this.openness === 'chosen' && this.entries.length === 0;
  }

  /** To write implies to read; the server is told both, as Open WebUI's clients do. */
  grants(): AccessGrant[] | null {
    if (this.openness === 'default') return null;
    const everybody: AccessGrant[] = this.openness === 'everyone' ? [{ principal_type: 'user', principal_id: '*', permission: 'read' }] : [];
    return [...everybody, ...this.entries.flatMap(grantsOf)];
  }

  get isChanged(): boolean {
    const text = (grants: AccessGrant[] | null) => grants && JSON.stringify(entriesOf(grants).map(keyOf).sort().concat(grants.some(isEverybody) ? '*' : ''));
    return text(this.grants()) !== text(this.#saved);
  }
}

function isEverybody(grant: AccessGrant): boolean {
  return grant.principal_type === 'user' && grant.principal_id === '*';
}

function isSame(left: Entry, right: Entry): boolean {
  return left.kind === right.kind && left.id === right.id;
}

function keyOf(entry: Entry): string {
  return `${entry.kind} ${entry.id} ${entry.permission}`;
}

function grantsOf({ kind, id, permission }: Entry): AccessGrant[] {
  const read: AccessGrant = { principal_type: kind, principal_id: id, permission: 'read' };
  return permission === 'write' ? [read, { ...read, permission }] : [read];
}

/** One entry for each person or group, with the most that any grant gives. */
function entriesOf(grants: AccessGrant[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const grant of grants) {
    if (isEverybody(grant)) continue;
    const key = `${grant.principal_type} ${grant.principal_id}`;
    const permission = grant.permission === 'write' || entries.get(key)?.permission === 'write' ? 'write' : 'read';
    entries.set(key, { kind: grant.principal_type, id: grant.principal_id, permission });
  }
  return [...entries.values()];
}
