//! What is kept of which request: the settings of the audit log, asked in one place.

use std::sync::Arc;

use kernel::audit::Level;
use settings::{PathList, Settings};

use crate::redact::{self, Piece, Presented};

/// What the settings say. They hold until the next start.
#[derive(Debug, Clone)]
pub struct Keeping {
    level: Level,
    most: usize,
    get_requests: bool,
    excluded: PathList,
    included: PathList,
}

impl Keeping {
    /// From the settings.
    pub fn of(settings: &Settings) -> Self {
        Self {
            level: level(settings),
            most: usize::try_from(settings.max_body_log_size.value.bytes()).unwrap_or(usize::MAX),
            get_requests: settings.enable_audit_get_requests.value,
            excluded: settings.audit_excluded_paths.value.clone(),
            included: settings.audit_included_paths.value.clone(),
        }
    }

    /// How much is kept.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Whether bodies of requests are kept, so that somebody has to look at them.
    pub fn keeps_requests(&self) -> bool {
        self.level >= Level::Request && self.most > 0
    }

    /// Whether bodies of answers are kept.
    pub fn keeps_answers(&self) -> bool {
        self.level >= Level::RequestResponse && self.most > 0
    }

    /// Whether a successful GET of the API leaves a record of its own.
    pub fn keeps_get_requests(&self) -> bool {
        self.get_requests && self.level > Level::None
    }

    /// Whether the path lists leave requests of this path out. What happens there to accounts, credentials, rights,
    /// keys, connections and settings is recorded all the same.
    pub fn leaves_out(&self, path: &str) -> bool {
        self.excluded.covers(path) || !self.included.is_empty() && !self.included.covers(path)
    }

    /// A body as it may be kept.
    pub fn body(&self, piece: &Piece<'_>, presented: &Presented) -> Arc<str> {
        redact::body(piece, presented, self.most).into()
    }
}

/// The level that the settings name.
pub fn level(settings: &Settings) -> Level {
    match settings.audit_log_level.value {
        settings::AuditLevel::None => Level::None,
        settings::AuditLevel::Metadata => Level::Metadata,
        settings::AuditLevel::Request => Level::Request,
        settings::AuditLevel::RequestResponse => Level::RequestResponse,
    }
}
