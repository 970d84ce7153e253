//! What administrators can do wrong, and what can go wrong while they do it.

use kernel::Refusal;
use store::StoreError;

/// Why a change was not made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AdminError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(refusal) => refusal,
            AdminError::Store(error) => error.into(),
        }
    }
}
