-- Each record is sealed together with the seal of the one before; see audit.rs. `body` is what is sealed, the other
-- columns are its index. Targets and actors are no foreign keys: a record outlives them.
CREATE TABLE audit_record (
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    target_kind TEXT,
    target_id TEXT,
    address TEXT,
    request_id TEXT,
    body TEXT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX audit_record_by_time ON audit_record (at, seq);
CREATE INDEX audit_record_by_event ON audit_record (event, seq);
CREATE INDEX audit_record_by_actor ON audit_record (actor_id, seq);
CREATE INDEX audit_record_by_target ON audit_record (target_kind, target_id, seq);
CREATE INDEX audit_record_by_request ON audit_record (request_id);

-- One row. Taking it is taking the turn to write the next record.
CREATE TABLE audit_head (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,
    hash BYTEA,
    at BIGINT NOT NULL
);
INSERT INTO audit_head (one, seq, hash, at) VALUES (1, 0, NULL, 0);

CREATE TABLE audit_checkpoint (
    seq BIGINT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL,
    at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);

-- Which batch a row of the ledger was written with: a record of the event `usage.recorded` names it, with a digest
-- over its rows. No index: proving the ledger reads all of it.
ALTER TABLE usage_record ADD COLUMN batch BIGINT;
