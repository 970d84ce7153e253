-- Keys that people make for programs of theirs. A key ends with its owner's account.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    last_four TEXT NOT NULL,
    name TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    models TEXT NOT NULL,
    addresses TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE INDEX api_key_account ON api_key (account_id, created_at);
