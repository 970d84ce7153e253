//! What the store can refuse, in words that never carry SQL, values or secrets.

use std::time::Duration;

use kernel::{Kind, Refusal};

/// Everything that can go wrong between us and the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be used at present; trying again later may help. Callers answer 503.
    #[error("the database cannot be used at present: {0}")]
    Unavailable(&'static str),
    /// Another row already has this value in a column that must be unique, or (column `updated_at`)
    /// the row was changed since the caller read it.
    #[error("another {table} already has this {column}")]
    Conflict {
        /// The table, by its name in the schema.
        table: String,
        /// The column at fault; the last one where several must be unique together.
        column: String,
    },
    /// A row refers to another that does not exist, or no longer.
    #[error("what this belongs to does not exist any more")]
    Orphan,
    /// A stored row does not parse.
    #[error("the row {id} of the table {table} is damaged; restore it from a backup or delete it")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row's first column.
        id: String,
    },
    /// The database was used by a newer version of the program.
    #[error(
        "the database has schema version {database}, this program knows up to {program}; start the newer version"
    )]
    NewerSchema {
        /// The newest migration that the database has seen.
        database: i64,
        /// The newest migration of this program.
        program: i64,
    },
    /// A migration that was already applied is not the one that this program carries.
    #[error(
        "migration {version} was applied in another form than this program knows; start the version that applied it"
    )]
    ChangedMigration {
        /// Its number.
        version: i64,
    },
    /// A migration failed and was rolled back as a whole.
    #[error("migration {version} ({name}) failed and was rolled back; the log names the cause")]
    Migration {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The database cannot be opened as it is configured.
    #[error("{0}")]
    Configuration(String),
    /// Our own mistake. The log names the cause.
    #[error("something went wrong on our side")]
    Internal,
}

/// What a caller of ours may read of it. Whoever knows a better word for a conflict (a taken name, a stale
/// edit) says it before; causes inside are logged here, once.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the database could not be used");
                let words = "The database cannot be used at present. Try again in a moment.";
                Self::new(Kind::Unavailable, "database_unavailable", words).after(Duration::from_secs(1))
            }
            StoreError::Conflict { table, column } => {
                Self::new(Kind::Conflict, "conflict", format!("Another {table} already has this {column}."))
            }
            StoreError::Orphan => {
                Self::new(Kind::Conflict, "gone", "What this belongs to does not exist any more.")
            }
            _ => {
                tracing::error!(%error, "the database answered in a way that we do not understand");
                Self::internal()
            }
        }
    }
}

impl StoreError {
    /// Whether this is a [`StoreError::Conflict`] about `table.column`.
    pub fn is_conflict_of(&self, table: &str, column: &str) -> bool {
        matches!(self, Self::Conflict { table: t, column: c } if t == table && c == column)
    }
}
