/** The audit log: who did what, when, and whether anybody has touched the record since. Times are Unix seconds. */
import { ask, path, send } from './direct';
import { queryOf } from './people';

export type Outcome = 'done' | 'failed' | 'denied';

export interface AuditItem {
  /** Its number in the chain. */
  seq: number;
  id: string;
  at: number;
  /** "account.role_changed" */
  event: string;
  outcome: Outcome;
  actor: { kind: string; id: string | null; name: string | null; email: string | null; role: string | null; credential: string | null };
  target: { kind: string; id: string } | null;
  address: string | null;
  user_agent: string | null;
  request_id: string | null;
  method: string | null;
  uri: string | null;
  status: number | null;
  detail: Record<string, unknown>;
}

export interface AuditRecord extends AuditItem {
  level: string;
  request_object: string | null;
  response_object: string | null;
  hash: string;
  /** The hash of the record before it; `null` for the first. */
  previous: string | null;
}

export interface AuditQuery {
  actor: string;
  event: string;
  target: string;
  outcome: string;
  /** Unix seconds. */
  from: number | null;
  /** Records from this moment on are left out. */
  to: number | null;
  /** Only records with a smaller number. */
  before: number | null;
}

export interface AuditPage {
  items: AuditItem[];
  /** `before` of the next page; `null` at the beginning of the log. */
  next: number | null;
}

export interface Sink {
  kind: string;
  ok: boolean;
  error: string | null;
}

export interface AuditStatus {
  level: string;
  records: number;
  head: { seq: number; hash: string; at: number };
  checkpoint: { seq: number; at: number } | null;
  verified: { at: number; ok: boolean; problem: string | null } | null;
  sinks: Sink[];
  /** What was found wrong in passing, without anybody having asked. */
  problems: string[];
  /** Checks the signatures of checkpoints; in hexadecimal digits. */
  public_key: string;
}

export interface Verification {
  ok: boolean;
  records: number;
  /** Lines of the log file, where there is one. */
  lines: number;
  problems: string[];
}

export type ExportFormat = 'jsonl' | 'csv';

export const audit = {
  list: (query: AuditQuery) => ask<AuditPage>('GET', `/api/v1/audit${queryOf({ ...query, limit: 50 })}`),
  find: (seq: number) => ask<AuditRecord>('GET', path`/api/v1/audit/${String(seq)}`),
  status: () => ask<AuditStatus>('GET', '/api/v1/audit/status'),
  verify: () => ask<Verification>('POST', '/api/v1/audit/verify'),
  export: (from: number | null, to: number | null, format: ExportFormat) =>
    send<Blob>('GET', `/api/v1/audit/export${queryOf({ from, to, format })}`, null, 'blob'),
};
