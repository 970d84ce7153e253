-- With which API key of theirs a person asked. Last, because the digests of rows from before do not know it.
ALTER TABLE usage_record ADD COLUMN api_key_id TEXT;
-- Rows of virtual keys, which are nearly all, cost nothing here.
CREATE INDEX usage_record_by_api_key ON usage_record (api_key_id, id) WHERE api_key_id IS NOT NULL;

-- API keys are read anew when one of them changes, and not at every sign-in.
INSERT INTO revision (topic, value) VALUES ('api_keys', 0);
