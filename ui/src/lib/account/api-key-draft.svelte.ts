/**
 * The form of one API key while somebody writes it: fields as typed, what is wrong with each, and what would be sent.
 * Knows nothing of dialogs or of the network, and never holds the key's secret.
 */
import type { ApiKey, ApiKeyChanges, NewApiKey } from '$lib/api/api-keys';
import { Expiry } from '$lib/ui/expiry.svelte';
import { linesOf, sameSet, wordsOf } from '$lib/ui/lists';

export class ApiKeyDraft {
  name = $state('');
  /** One to a line: "GET /api/models". */
  endpoints = $state('');
  /** Patterns parted by lines, commas or spaces. */
  models = $state('');
  /** Addresses and networks, parted likewise. */
  addresses = $state('');
  readonly expiry: Expiry;
  readonly saved: ApiKey | null;

  constructor(saved: ApiKey | null) {
    this.saved = saved;
    this.expiry = new Expiry(saved?.expires_at);
    if (!saved) return;
    this.name = saved.name;
    this.endpoints = saved.endpoints.join('\n');
    this.models = saved.models.join('\n');
    this.addresses = saved.addresses.join('\n');
  }

  get nameProblem(): string {
    return this.name.trim() === '' ? 'Give the key a name that says what uses it.' : '';
  }

  /** Only what can never be right; the server knows the rest. */
  get endpointProblem(): string {
    const wrong = linesOf(this.endpoints).find((line) => !/^([A-Z]+ +)?\/\S*$/.test(line));
    return wrong === undefined ? '' : `“${wrong}” is no endpoint. Write a path, with a method before it if you like: GET /api/models.`;
  }

  /** Whether nothing in it is wrong. `now` in Unix seconds. */
  isFit(now: number): boolean {
    return !this.nameProblem && !this.endpointProblem && !this.expiry.problem(now);
  }

  creation(now: number): NewApiKey {
    return {
      name: this.name.trim(),
      endpoints: linesOf(this.endpoints),
      models: wordsOf(this.models),
      addresses: wordsOf(this.addresses),
      expires_at: this.expiry.at(now),
    };
  }

  /** Only what differs from the saved key, so that saving a name widens nothing. */
  changes(now: number): ApiKeyChanges {
    const { saved } = this;
    const changes: ApiKeyChanges = {};
    if (!saved) return changes;
    const { name, endpoints = [], models = [], addresses = [], expires_at } = this.creation(now);
    if (name !== saved.name) changes.name = name;
    if (!sameSet(endpoints, saved.endpoints)) changes.endpoints = endpoints;
    if (!sameSet(models, saved.models)) changes.models = models;
    if (!sameSet(addresses, saved.addresses)) changes.addresses = addresses;
    if (expires_at !== saved.expires_at) changes.expires_at = expires_at;
    return changes;
  }
}
