/** The audit log: who did what, when, and whether anybody has touched the record since. Times are Unix seconds. */
import { api, need, type Schema } from './client';
import { send } from './direct';
import { filled, queryOf } from './query';

export type Outcome = Schema<'AuditOutcome'>;
export type AuditItem = Schema<'AuditRecord'>;
export type AuditRecord = Schema<'AuditDetail'>;
export type AuditPage = Schema<'AuditList'>;
export type AuditStatus = Schema<'AuditStatus'>;
export type Verification = Schema<'AuditReport'>;

/** Empty texts and `null` leave everything over. */
export interface AuditQuery {
  /** An id, or a kind of actor. */
  actor: string;
  /** A name, or the part up to the dot for all that begin with it. */
  event: string;
  /** An id, or a kind of thing. */
  target: string;
  outcome: Outcome | '';
  from: number | null;
  /** Records from this moment on are left out. */
  to: number | null;
  /** Only records with a smaller number. */
  before: number | null;
}

export type ExportFormat = 'jsonl' | 'csv';

export const audit = {
  list: (query: AuditQuery) => need(api.GET('/api/v1/audit', { params: { query: filled(query) } })),
  find: (seq: number): Promise<AuditRecord> => need(api.GET('/api/v1/audit/{seq}', { params: { path: { seq } } })),
  status: () => need(api.GET('/api/v1/audit/status')),
  verify: () => need(api.POST('/api/v1/audit/verify')),
  export: (from: number | null, to: number | null, format: ExportFormat) =>
    send<Blob>('GET', `/api/v1/audit/export${queryOf({ from, to, format })}`, null, 'blob'),
};
