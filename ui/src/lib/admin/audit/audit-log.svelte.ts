/** A page of the audit log as the address asks for it, how the chain stands, and one record of it. */
import { audit, type AuditPage, type AuditQuery, type AuditRecord, type AuditStatus, type Outcome, type Verification } from '$lib/api/audit';
import { messageOf } from '$lib/api/client';
import { router } from '$lib/router.svelte';
import { Remote } from '../remote.svelte';

const OUTCOMES: Outcome[] = ['done', 'failed', 'denied'];

/** The filters, by their names in the address. */
export const FILTERS = ['actor', 'event', 'target', 'outcome', 'from', 'to'] as const;

export function queryOfAddress(): AuditQuery {
  const before = Number(router.query('before'));
  return {
    actor: router.query('actor'),
    event: router.query('event'),
    target: router.query('target'),
    outcome: OUTCOMES.find((outcome) => outcome === router.query('outcome')) ?? '',
    from: startOf(router.query('from')),
    to: dayAfter(router.query('to')),
    before: Number.isSafeInteger(before) && before > 0 ? before : null,
  };
}

export function isFiltered(): boolean {
  return FILTERS.some((name) => router.query(name) !== '');
}

/** The first second of a day (`YYYY-MM-DD`) in the browser's time zone, in Unix seconds; `null` for nonsense. */
export function startOf(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (!match) return null;
  const start = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return Number.isNaN(start.getTime()) ? null : Math.floor(start.getTime() / 1000);
}

/** Where the day after begins, so that "to 3 May" includes the third; days of a changing clock are not 24 hours long. */
export function dayAfter(date: string): number | null {
  const start = startOf(date);
  if (start === null) return null;
  const next = new Date(start * 1000);
  next.setDate(next.getDate() + 1);
  return Math.floor(next.getTime() / 1000);
}

export class AuditLog {
  page = new Remote<AuditPage>();
  status = new Remote<AuditStatus>();
  /** The record that is looked at; another one begins empty. */
  record = $state.raw(new Remote<AuditRecord>());
  verifying = $state(false);
  verification = $state.raw<Verification | null>(null);
  /** Why the log could not be verified, which says nothing about whether it is whole. */
  trouble = $state('');

  async load(query: AuditQuery): Promise<void> {
    await this.page.load(() => audit.list(query));
  }

  async loadStatus(): Promise<void> {
    await this.status.load(() => audit.status());
  }

  async show(seq: number): Promise<void> {
    const record = new Remote<AuditRecord>();
    this.record = record;
    await record.load(() => audit.find(seq));
  }

  async verify(): Promise<void> {
    if (this.verifying) return;
    [this.verifying, this.trouble, this.verification] = [true, '', null];
    try {
      this.verification = await audit.verify();
      await this.loadStatus();
    } catch (error) {
      this.trouble = messageOf(error);
    } finally {
      this.verifying = false;
    }
  }
}
