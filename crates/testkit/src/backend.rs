//! Which database stands behind a test.

use std::{future::Future, path::PathBuf};

use tempfile::TempDir;

use crate::{TestApp, postgres::Database, stage::Stage};

/// A database of a test's own, and the binary that is tested.
pub struct Backend {
    pub(crate) binary: PathBuf,
    pub(crate) database: Option<Database>,
    pub(crate) home: TempDir,
}

impl Backend {
    /// The embedded database.
    pub fn sqlite(binary: &str) -> Self {
        Self { binary: binary.into(), database: None, home: new_home() }
    }

    /// A database of a PostgreSQL server; none where PostgreSQL is not installed.
    pub fn postgres(binary: &str) -> Option<Self> {
        let database = Database::create()?;
        Some(Self { binary: binary.into(), database: Some(database), home: new_home() })
    }
}

fn new_home() -> TempDir {
    tempfile::tempdir().expect("the directory for temporary files can be written")
}

/// What a sentence is given: a stage, or an app that runs on it.
pub trait Given: Sized {
    /// Prepares it.
    fn on(backend: Backend) -> impl Future<Output = Self>;
}

impl Given for Stage {
    async fn on(backend: Backend) -> Self {
        Self::new(backend)
    }
}

impl Given for TestApp {
    async fn on(backend: Backend) -> Self {
        Stage::new(backend).start().await
    }
}
