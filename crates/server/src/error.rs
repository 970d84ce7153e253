//! Why the program cannot do what it was asked, in words for the operator.

use gateway::AdminError;
use kernel::Refusal;
use settings::Problem;
use store::StoreError;
use vault::WeakSecret;

/// Why the program cannot start or a command cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Settings that do not parse, all of them at once.
    #[error("{}", list(.0))]
    Settings(Vec<Problem>),
    /// The `.env` file is there but cannot be read.
    #[error("the file .env cannot be read: {0}")]
    EnvFile(String),
    /// A root secret that guards nothing.
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
    /// The data directory cannot be made or entered.
    #[error(
        "the data directory {path} cannot be used: {cause}. Set DATA_DIR to a directory that this user may write"
    )]
    DataDirectory {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// The generated key cannot be kept.
    #[error(
        "the key file {path} cannot be used: {cause}. Set WEBUI_SECRET_KEY, or let this user write there"
    )]
    KeyFile {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// The database says no.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The keys are not those of this data.
    #[error("{0}")]
    Sealed(String),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {cause}. Set HOST and PORT to an address that is free")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        cause: String,
    },
    /// The audit log cannot be kept.
    #[error(transparent)]
    AuditLog(#[from] audit::TrailError),
    /// A rule says no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The runtime cannot start.
    #[error("the runtime cannot start: {0}")]
    Runtime(std::io::Error),
    /// Something an operator asked for on the command line makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl From<AdminError> for StartError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(refusal) => Self::Refused(refusal),
            AdminError::Store(error) => Self::Store(error),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    format!("these settings need attention:\n{}", lines.join("\n"))
}
