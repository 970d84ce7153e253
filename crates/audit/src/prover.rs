//! Everything a verification needs, for whoever asks for one: a page, or the command line.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::{Permit, ReadAudit, audit::Sealer};
use store::{Db, StoreError, audit::Head};
use vault::Notary;

use crate::verify::{self, Expected, Report};

/// Verifies records, log and checkpoints. Cheap to clone.
#[derive(Clone)]
pub struct Prover {
    /// Where the records are.
    pub db: Db,
    /// Proves the seals of records.
    pub sealer: Arc<dyn Sealer>,
    /// Proves the seals of lines and the signatures.
    pub notary: Arc<Notary>,
    /// The file of signed places.
    pub checkpoint: PathBuf,
    /// The log file, where there is one.
    pub log: Option<PathBuf>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error("the file {path} cannot be read: {cause}")]
    File {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
}

impl Prover {
    /// Verifies everything, also against a place that somebody wrote down elsewhere. Says where the chain ends too.
    pub async fn verify(
        &self,
        expected: Option<Expected>,
        _permit: &Permit<ReadAudit>,
    ) -> Result<(Report, Head), ProofError> {
        // The log first: a record whose line it holds was in the database before.
        let lines = match &self.log {
            Some(path) => read(path, &self.notary, verify::log).await?,
            None => Report::default(),
        };
        let (records, head) =
            verify::records(&self.db, &*self.sealer, &self.notary, &self.checkpoint, expected).await?;
        let now = store::audit::head(&self.db).await?;
        let report = records.and(lines).closed(u64::try_from(now.seq).unwrap_or(0));
        Ok((report, head))
    }

    /// Verifies one log file by itself.
    pub async fn single_file(&self, path: &Path, _permit: &Permit<ReadAudit>) -> Result<Report, ProofError> {
        Ok(read(path, &self.notary, verify::single_file).await?.closed(u64::MAX))
    }
}

async fn read(
    path: &Path,
    notary: &Arc<Notary>,
    with: fn(&Path, &Notary) -> std::io::Result<Report>,
) -> Result<Report, ProofError> {
    let (owned, notary) = (path.to_owned(), notary.clone());
    let failed = |cause: String| ProofError::File { path: path.display().to_string(), cause };
    let done = tokio::task::spawn_blocking(move || with(&owned, &notary)).await;
    done.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prover")
    }
}
