CREATE TABLE virtual_key (
    id TEXT NOT NULL PRIMARY KEY,
    -- A keyed digest; the secret itself was shown once and is stored nowhere.
    digest BYTEA NOT NULL,
    prefix TEXT NOT NULL,
    last_four TEXT NOT NULL,
    name TEXT NOT NULL,
    owner_id TEXT REFERENCES account (id) ON DELETE SET NULL,
    models TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    expires_at BIGINT,
    max_budget BIGINT,
    spend BIGINT NOT NULL,
    is_blocked BIGINT NOT NULL,
    revoked_at BIGINT,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX virtual_key__digest ON virtual_key (digest);
-- A revoked key gives its name free.
CREATE UNIQUE INDEX virtual_key__name ON virtual_key (name) WHERE revoked_at IS NULL AND name <> '';
CREATE INDEX virtual_key_by_age ON virtual_key (created_at, id);
CREATE INDEX virtual_key_by_owner ON virtual_key (owner_id);

-- The ledger. No foreign keys: it outlives what it names.
CREATE TABLE usage_record (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    connection_id TEXT,
    key_id TEXT,
    account_id TEXT,
    outcome TEXT NOT NULL,
    status BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    is_estimated BIGINT NOT NULL,
    cost BIGINT,
    milliseconds BIGINT NOT NULL,
    first_byte_milliseconds BIGINT,
    is_stream BIGINT NOT NULL,
    error TEXT
);
-- Few indexes: this table takes thousands of rows per second. Lists go by id, which sorts by time.
CREATE INDEX usage_record_by_key ON usage_record (key_id, id);
CREATE INDEX usage_record_by_account ON usage_record (account_id, id);
