import { cleanup, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditStatus } from '$lib/api/audit';
import { AuditLog } from './audit-log.svelte';
import ChainStatus from './ChainStatus.svelte';

const status: AuditStatus = {
  level: 'METADATA',
  records: 12,
  head: { seq: 12, hash: 'ab12', at: 1_790_000_000 },
  checkpoint: null,
  verified: null,
  sinks: [{ kind: 'database', ok: true, error: null }],
  problems: [],
  lost_usage_lines: 0,
  public_key: 'cd34',
};

let verification: object = { ok: true, records: 12, problems: [] };
beforeEach(() => {
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.method === 'GET') return Response.json(status);
    return 'detail' in verification ? Response.json(verification, { status: 503 }) : Response.json(verification);
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function verified(answer: object): Promise<void> {
  verification = answer;
  const log = new AuditLog();
  render(ChainStatus, { log, status });
  screen.getByRole('button', { name: 'Verify now' }).click();
  await vi.waitFor(() => expect(log.verifying).toBe(false));
}

describe('the state of the audit log', () => {
  it('never claims that an unverified chain is whole', () => {
    render(ChainStatus, { log: new AuditLog(), status });
    expect(screen.getByRole('status').textContent).toContain('has not been verified');
  });

  it('says how many records were checked when all is well', async () => {
    await verified({ ok: true, records: 12, problems: [] });
    await screen.findByText(/Nothing was changed, removed or added: 12 records checked/);
  });

  it('names every problem as an alert when it is not', async () => {
    await verified({ ok: false, records: 12, problems: ['record 4 was changed', 'record 5 does not follow record 4'] });
    await screen.findByText('The log was tampered with, or damaged');
    expect(screen.getByRole('alert').textContent).toContain('record 4 was changed');
    expect(screen.getByRole('alert').textContent).toContain('record 5 does not follow record 4');
  });

  it('does not take a failure to verify for a broken chain', async () => {
    await verified({ detail: 'the database is away', code: 'unavailable' });
    expect((await screen.findByRole('alert')).textContent).toContain('could not be verified: the database is away');
    expect(screen.queryByText(/tampered/)).toBeNull();
  });

  it('does not hide what was found in passing', () => {
    render(ChainStatus, { log: new AuditLog(), status: { ...status, problems: ['the log file was cut off'] } });
    expect(screen.getByRole('alert').textContent).toContain('the log file was cut off');
  });

  it('says which sink takes no records, and why', () => {
    const sinks = [...status.sinks, { kind: 'file', ok: false, error: 'no space left on device' }];
    render(ChainStatus, { log: new AuditLog(), status: { ...status, sinks } });
    expect(screen.getByRole('alert').textContent).toContain('File: no space left on device');
    screen.getByText('File: failing');
  });
});
