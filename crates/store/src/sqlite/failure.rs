//! What SQLite's errors mean to us.

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// Turns an error into ours; what is our own mistake is logged here, once.
pub(super) fn from_sqlite(error: &Error) -> StoreError {
    let Error::SqliteFailure(failure, message) = error else {
        tracing::error!(cause = %error, "A statement does not fit its SQLite driver.");
        return StoreError::Internal;
    };
    match (failure.code, failure.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            conflict(message.as_deref().unwrap_or_default())
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Orphan,
        (ErrorCode::DiskFull, _) => StoreError::Unavailable("the disk is full"),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            StoreError::Unavailable("another process holds the database file for too long")
        }
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
            StoreError::Unavailable("the database file cannot be opened; check its owner and mode")
        }
        (ErrorCode::ReadOnly, _) => StoreError::Unavailable(
            "the database file cannot be written; check its owner, mode and file system",
        ),
        (ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted, _) => {
            StoreError::Unavailable("reading or writing the database file failed")
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Unavailable(
            "the database file is damaged or is no database; restore it from a backup",
        ),
        (_, code) => {
            // SQLite's messages name tables, columns and syntax; values are bound and do not appear.
            tracing::error!(code, cause = message.as_deref(), "A statement failed in SQLite.");
            StoreError::Internal
        }
    }
}

/// `UNIQUE constraint failed: virtual_key.name`, or several columns separated by commas: the last counts.
fn conflict(message: &str) -> StoreError {
    let last = message.rsplit([' ', ',']).next().unwrap_or_default();
    let (table, column) = last.split_once('.').unwrap_or((last, "id"));
    StoreError::Conflict { table: table.to_owned(), column: column.to_owned() }
}
