/**
 * The form of one connection while somebody edits it: what was typed, what is wrong with it, and what would be sent.
 * Knows nothing of dialogs or of the network.
 */
import type { Schema } from '$lib/api/client';

type Connection = Schema<'Connection'>;
type NewConnection = Schema<'NewConnection'>;
type ConnectionChange = Schema<'ConnectionChange'>;

export class ConnectionDraft {
  name = $state('');
  baseUrl = $state('');
  /** Write-only: empty means "leave the stored key as it is". */
  apiKey = $state('');
  prefix = $state('');
  /** `null` for a connection that does not exist yet. */
  readonly saved: Connection | null;

  constructor(saved: Connection | null) {
    this.saved = saved;
    if (!saved) return;
    this.name = saved.name;
    this.baseUrl = saved.base_url;
    this.prefix = saved.prefix ?? '';
  }

  /** The address and its key come from the environment, which wins over anything typed here. */
  get locked(): boolean {
    return this.saved?.source === 'environment' || this.saved?.kind === 'demo';
  }

  get urlChanged(): boolean {
    return this.saved !== null && tidyUrl(this.baseUrl) !== tidyUrl(this.saved.base_url);
  }

  /** A key belongs to the address it was entered for; saving now would clear it. */
  get clearsKey(): boolean {
    return this.urlChanged && this.saved?.key != null && this.apiKey.trim() === '';
  }

  get urlProblem(): string | null {
    const text = this.baseUrl.trim();
    if (text === '') return 'Enter the address of the provider, for example https://api.openai.com/v1.';
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      return 'That is not an address. It starts with https:// and usually ends with /v1.';
    }
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'The address must start with https:// or http://.';
    if (url.username || url.password) return 'Leave user names and passwords out of the address; the key has its own field.';
    return null;
  }

  creation(): NewConnection {
    const creation: NewConnection = { base_url: this.baseUrl.trim() };
    if (this.name.trim()) creation.name = this.name.trim();
    if (this.apiKey.trim()) creation.api_key = this.apiKey.trim();
    if (this.prefix.trim()) creation.prefix = this.prefix.trim();
    return creation;
  }

  /** Only what differs from the saved connection. */
  changes(): ConnectionChange {
    const saved = this.saved;
    const changes: ConnectionChange = {};
    if (!saved) return changes;
    if (this.name.trim() !== saved.name) changes.name = this.name.trim();
    if ((this.prefix.trim() || null) !== saved.prefix) changes.prefix = this.prefix.trim() || null;
    if (this.locked) return changes;
    if (this.urlChanged) changes.base_url = this.baseUrl.trim();
    if (this.apiKey.trim()) changes.api_key = this.apiKey.trim();
    return changes;
  }
}

/** Whether `url` is, or lies below, one of the addresses that the operator allows. An empty list allows none. */
export function isAllowed(url: string, allowed: string[]): boolean {
  const wanted = tidyUrl(url);
  return allowed.some((base) => wanted === tidyUrl(base) || wanted.startsWith(`${tidyUrl(base)}/`));
}

/** Addresses are the same when only the case of the host or a final slash differs. */
function tidyUrl(text: string): string {
  try {
    return new URL(text.trim()).href.replace(/\/+$/, '');
  } catch {
    return text.trim();
  }
}
