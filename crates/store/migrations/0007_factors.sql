-- Where a session is, when it was used last, and when its owner last proved to be there.
ALTER TABLE session ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
UPDATE session SET last_used_at = created_at, proved_at = created_at;

-- One authenticator app per account. Both seeds are sealed for their column and account.
CREATE TABLE totp (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    -- In force; none while the first one is still to be confirmed.
    seed BYTEA,
    added_at BIGINT,
    -- A step counts once, and none before it counts any more.
    used_step BIGINT NOT NULL,
    -- Shown, and to be confirmed until then.
    pending_seed BYTEA,
    pending_until BIGINT
);

-- A code that was used is gone.
CREATE TABLE recovery_code (
    digest BYTEA NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    made_at BIGINT NOT NULL
);
CREATE INDEX recovery_code_by_account ON recovery_code (account_id);

CREATE TABLE passkey (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- The authenticator's own name for it.
    credential BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    aaguid BYTEA NOT NULL,
    is_backup_eligible BIGINT NOT NULL,
    is_backed_up BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX passkey__credential ON passkey (credential);
CREATE INDEX passkey_by_account ON passkey (account_id, created_at);

-- Tickets that were used; kept until they would have ended anyway.
CREATE TABLE used_ticket (
    digest BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_ticket_by_end ON used_ticket (expires_at);

-- Proofs that were tried since the first one of a window.
CREATE TABLE proof_try (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    began_at BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
