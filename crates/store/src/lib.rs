//! All SQL of Wardroom: SQLite and PostgreSQL from one text, one module per table family.
//!
//! **Invariants:** every change that a policy rules takes its [`kernel::Permit`] and writes one record into the
//! [`audit`] log in the same transaction, by whom the permit was given to; secrets arrive here
//! sealed or digested; every change of keys, connections, accounts or settings raises its
//! [`revision::Topic`] in the same transaction, so that other processes notice.

pub mod api_keys;
pub mod audit;
pub mod audit_response;
pub mod chats;
mod config;
pub mod connections;
mod db;
mod error;
pub mod factors;
pub mod grants;
pub mod groups;
pub mod keys;
mod migrate;
mod page;
pub mod passkeys;
mod postgres;
pub mod preferences;
pub mod revision;
mod row;
pub mod sealed;
pub mod sessions;
pub mod settings;
pub mod shares;
#[cfg(test)]
mod spec;
mod sqlite;
pub mod usage;
pub mod users;
mod value;

pub use config::{DatabaseConfig, PoolConfig};
pub use db::{Db, Tx};
pub use error::StoreError;
pub use migrate::{is_new, migrate, pending, schema_version};
pub use page::Page;
pub use sqlite::private_directory;
