//! What Wardroom promises, tried on the real binary from outside, with SQLite and with PostgreSQL.

// Says to clippy that everything here is a test, where `unwrap` is allowed.
#![cfg(test)]

mod account_administration;
mod accounts;
mod admin_chat_access;
mod api_key_limits;
mod api_keys;
mod attacks;
mod audit_every_route;
mod audit_flood;
mod audit_log;
mod audit_records;
mod audit_tampering;
mod bad_input;
mod browser_headers;
mod budget;
mod catalog;
mod chats;
mod command_line;
mod connections;
mod cors;
mod demo;
mod email_forms;
mod full_disk;
mod gateway;
mod grants;
mod groups;
mod headers;
mod host;
mod hostile_addresses;
mod hostile_bodies;
mod key_administration;
mod key_rotation;
mod keys;
mod kill;
mod litellm;
mod openai_config;
mod passkeys;
mod passwords;
mod permissions;
mod provider_failures;
mod revocation;
mod route_matrix;
mod second_factor;
mod secrets;
mod sessions;
mod sharing;
mod start;
mod step_up;
mod stream;
mod switches;
mod throttling;
mod tokens;
mod trusted_header;
mod turns;
