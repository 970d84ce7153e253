//! Which database, and how many connections to it.

use std::{path::PathBuf, time::Duration};

use kernel::Secret;

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// Embedded in this process.
    Sqlite {
        /// The database file; made when missing.
        path: PathBuf,
    },
    /// A server of its own.
    Postgres {
        /// `postgres://` or `postgresql://`, with the password.
        url: Secret<String>,
        /// The schema of our tables; made by the migrations when missing. None for the server's default.
        schema: Option<String>,
        /// How many connections.
        pool: PoolConfig,
    },
}

/// Connections to a database server.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Kept open.
    pub size: usize,
    /// Opened beyond that for a peak, and closed after use.
    pub overflow: usize,
    /// Longest wait for a free connection, and for a new one.
    pub acquire_timeout: Duration,
    /// Connections older than this are replaced; none keeps them for ever.
    pub recycle: Option<Duration>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            size: 10,
            overflow: 10,
            acquire_timeout: Duration::from_secs(30),
            recycle: Some(Duration::from_hours(1)),
        }
    }
}
