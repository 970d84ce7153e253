CREATE TABLE connection (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    base_url TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    is_enabled BIGINT NOT NULL,
    position BIGINT NOT NULL,
    prefix TEXT,
    -- Sealed for exactly this row and column; never plain.
    sealed_key BYTEA,
    key_tail TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE model_override (
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    upstream_id TEXT NOT NULL,
    public_id TEXT,
    name TEXT,
    is_hidden BIGINT NOT NULL,
    pricing TEXT,
    PRIMARY KEY (connection_id, upstream_id)
);

-- The last list of models that each provider gave, so that a start without a network still knows them.
CREATE TABLE model_list (
    connection_id TEXT NOT NULL PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
    models TEXT NOT NULL,
    fetched_at BIGINT,
    tried_at BIGINT NOT NULL,
    error TEXT
);
