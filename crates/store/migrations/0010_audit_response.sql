-- What a recorded request was answered, kept at AUDIT_LOG_LEVEL=REQUEST_RESPONSE only. `seal` binds status and body to
-- the record.
CREATE TABLE audit_response (
    seq BIGINT NOT NULL PRIMARY KEY,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    seal BYTEA NOT NULL
);
