-- When an administrator switched the account off; none while its owner may sign in.
ALTER TABLE account ADD COLUMN deactivated_at BIGINT;
