//! Everything that the workspace can refuse, and the one place that gives it status and code.

use std::time::Duration;

use kernel::{Denied, Kind, Refusal};
use store::StoreError;

use crate::tree::TreeError;

/// Why not, in words that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// Not there, or somebody else's: nobody learns which.
    #[error("There is no such {0}.")]
    Missing(&'static str),
    /// One input is at fault.
    #[error("{words}")]
    Input {
        /// Which, as a path into the body.
        field: &'static str,
        /// What is wrong and the way out.
        words: &'static str,
    },
    /// The messages are no tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A message that a turn writes cannot be changed or answered.
    #[error("This answer is still being written. Stop it, or wait until it is done.")]
    StillWritten,
    /// Too many answers at once.
    #[error(
        "You have {0} answers being written at once, which is the most. Wait until one is done, or stop one."
    )]
    TooManyTurns(usize),
    /// The server is going down.
    #[error("The server is being stopped. Try again in a moment.")]
    ShuttingDown,
    /// Not a member.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A member, but without the permission.
    #[error("{0}")]
    NotAllowed(Refusal),
    /// The database.
    #[error(transparent)]
    Store(StoreError),
    /// Our own mistake.
    #[error("something went wrong on our side")]
    Failed,
}

impl From<StoreError> for WorkspaceError {
    fn from(error: StoreError) -> Self {
        match error {
            // The chat was deleted between looking and writing.
            StoreError::Orphan => Self::Missing("chat"),
            error => Self::Store(error),
        }
    }
}

impl From<WorkspaceError> for Refusal {
    fn from(error: WorkspaceError) -> Self {
        let words = error.to_string();
        match error {
            WorkspaceError::Missing(what) => Self::not_found(what),
            WorkspaceError::Input { field, words } => Self::field(field, "invalid_value", words),
            WorkspaceError::Tree(_) => Self::field("chat.history.messages", "invalid_tree", words),
            WorkspaceError::StillWritten => Self::new(Kind::Conflict, "still_being_written", words),
            WorkspaceError::TooManyTurns(_) => {
                Self::new(Kind::TooMany, "too_many_turns", words).after(Duration::from_secs(5))
            }
            WorkspaceError::ShuttingDown => {
                Self::new(Kind::Unavailable, "shutting_down", words).after(Duration::from_secs(1))
            }
            WorkspaceError::Denied(denied) => denied.into(),
            WorkspaceError::NotAllowed(refusal) => refusal,
            WorkspaceError::Store(error) => error.into(),
            WorkspaceError::Failed => Self::internal(),
        }
    }
}
