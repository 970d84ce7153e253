CREATE TABLE chat (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    is_pinned BIGINT NOT NULL,
    is_archived BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    current_id TEXT,
    models TEXT NOT NULL,
    extra TEXT NOT NULL,
    meta TEXT NOT NULL
);
CREATE INDEX chat_by_account ON chat (account_id, updated_at, id);

-- A tree by parent_id. The parent is no foreign key: imported chats may name one that is gone.
CREATE TABLE chat_message (
    chat_id TEXT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    parent_id TEXT,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    model TEXT,
    is_done BIGINT NOT NULL,
    reasoning TEXT,
    tool_calls TEXT NOT NULL,
    error TEXT,
    is_stopped BIGINT NOT NULL,
    provenance TEXT,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (chat_id, id)
);
CREATE INDEX chat_message_by_parent ON chat_message (chat_id, parent_id);
-- Answers that a process left unfinished when it died; nearly always empty.
CREATE INDEX chat_message_unfinished ON chat_message (chat_id) WHERE is_done = 0;
