-- Groups, and what they add to the permissions of their members. parent_id may not lead in a circle; see groups.rs.
CREATE TABLE user_group (
    id TEXT NOT NULL PRIMARY KEY,
    creator_id TEXT REFERENCES account (id) ON DELETE SET NULL,
    parent_id TEXT REFERENCES user_group (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT,
    data TEXT NOT NULL,
    meta TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_group__name ON user_group (name);
CREATE INDEX user_group_by_parent ON user_group (parent_id);

CREATE TABLE group_member (
    group_id TEXT NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, account_id)
);
CREATE INDEX group_member_by_account ON group_member (account_id);

-- A resource about which somebody decided: the grants count from then on, also when there are none left.
CREATE TABLE access_decision (
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (resource_type, resource_id)
);

CREATE TABLE access_grant (
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (resource_type, resource_id, principal_type, principal_id, permission),
    FOREIGN KEY (resource_type, resource_id)
        REFERENCES access_decision (resource_type, resource_id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX access_grant_by_principal ON access_grant (principal_type, principal_id);

-- A chat as it was when it was shared. The id is the secret of the link.
CREATE TABLE chat_share (
    id TEXT NOT NULL PRIMARY KEY,
    chat_id TEXT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX chat_share__chat_id ON chat_share (chat_id);
CREATE INDEX chat_share_by_account ON chat_share (account_id, updated_at);

-- Each time an administrator read somebody's chat, for that person to see. The name stays when the account goes.
CREATE TABLE chat_reading (
    seq BIGINT NOT NULL,
    chat_id TEXT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    reader_id TEXT NOT NULL,
    reader_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (chat_id, seq)
);

-- What Open WebUI's interface keeps about a person, JSON.
CREATE TABLE account_preferences (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

INSERT INTO revision (topic, value) VALUES ('access', 0);
