//! The trail: follows the chain of records in the database and gives each its line, in order and without gaps.
//!
//! Lines are made from what is committed, never from what was meant to be: a change that was rolled back leaves no
//! line, one that another process made (the command line, a replica) gets one, and what a crash kept from being
//! written is written after the next start.

use std::{sync::Arc, time::Duration};

use kernel::{Permit, ReadAudit, RequestId, Timestamp, UsageRecord, World, audit::Level};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chain::hex,
    follow::{Follower, Order},
    keep::Keeping,
    prover::{ProofError, Prover},
    status::{Status, Verified},
    verify::Report,
    writer::{Outlet, Sinks, Writer},
};

/// The newest records that a log file which begins late still gets.
const CATCH_UP: i64 = 10_000;

/// What a trail is made from.
pub struct TrailParts {
    /// Clock and dice.
    pub world: World,
    /// The records, the keys and the files.
    pub prover: Prover,
    /// How much is kept.
    pub keeping: Keeping,
    /// The size at which the log file gives way to a new one, in bytes.
    pub rotation: u64,
    /// Standard output, if wanted.
    pub stdout: Option<Outlet>,
    /// Holds the task.
    pub tasks: TaskTracker,
    /// When everything is written and the last checkpoint signed.
    pub shutdown: CancellationToken,
}

/// The audit log of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Trail(Arc<Inner>);

struct Inner {
    keeping: Keeping,
    prover: Prover,
    orders: mpsc::UnboundedSender<Order>,
    writer: Writer,
    status: Arc<Status>,
    has_lines: bool,
}

/// The body of an answer, as it may be kept.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The request it answers.
    pub request: RequestId,
    /// Its status.
    pub status: u16,
    /// Without secrets, cut.
    pub body: Arc<str>,
}

impl Trail {
    /// Opens the log file and begins to follow. Also says what is wrong with file and records as they were found, if
    /// anything is: the caller records it.
    pub async fn start(parts: TrailParts) -> Result<(Self, Vec<String>), TrailError> {
        let TrailParts { world, prover, keeping, rotation, stdout, tasks, shutdown } = parts;
        let is_on = keeping.level() > Level::None;
        let file = prover.log.clone().filter(|_| is_on);
        let stdout = stdout.filter(|_| is_on);
        let kinds = [file.is_some(), stdout.is_some()];
        let has_lines = kinds != [false, false];
        let path = file.as_ref().map(|path| path.display().to_string());
        let sinks = Sinks {
            file: file.map(|path| (path, rotation)),
            stdout,
            level: keeping.level().as_str(),
            notary: prover.notary.clone(),
            new_chain: world.bytes(),
        };
        let started = Writer::start(sinks)
            .map_err(|error| TrailError::File { path: path.unwrap_or_default(), cause: error.to_string() })?;
        let head = store::audit::head(&prover.db).await?;
        let next = match started.seq.and_then(|seq| i64::try_from(seq).ok()) {
            Some(0) => (head.seq - CATCH_UP).max(0) + 1,
            Some(seq) => seq + 1,
            None => head.seq + 1,
        };
        let known = started.seq.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(0);
        let ahead = (known > head.seq).then(|| {
            format!("the log file tells about record {known}, and the database ends with record {}", head.seq)
        });
        let status = Arc::new(Status::new(kinds));
        let (orders, queue) = mpsc::unbounded_channel();
        let mut follower = Follower::new(world, prover.clone(), started.writer.clone(), status.clone());
        let mut problems: Vec<String> = started.problem.into_iter().chain(ahead).collect();
        problems.extend(follower.look_back(next, has_lines).await?);
        for problem in &problems {
            tracing::error!("{problem}; `wardroom audit verify` tells more");
            status.found(problem);
        }
        let inner = Inner { keeping, prover, orders, writer: started.writer, status, has_lines };
        tasks.spawn(follower.run(queue, started.thread, shutdown));
        Ok((Self(Arc::new(inner)), problems))
    }

    /// What is kept of which request.
    pub fn keeping(&self) -> &Keeping {
        &self.0.keeping
    }

    /// Waits until each record that is committed by now has its line, or cannot have one at present.
    pub async fn caught_up(&self) {
        if !self.0.has_lines {
            return;
        }
        let (done, wait) = oneshot::channel();
        if self.0.orders.send(Order::CatchUp(done)).is_ok() {
            // An error means that the task is over; then the next start writes the line.
            drop(wait.await);
        }
    }

    /// From now on the lines of this request wait a moment for its answer.
    pub fn expect_answer(&self, request: RequestId) {
        drop(self.0.orders.send(Order::Expect(request)));
    }

    /// The answer, whole or its first bytes. Comes it later than its record's line, it gets a line of its own.
    pub fn answered(&self, answer: Answered) {
        drop(self.0.orders.send(Order::Answered(answer)));
    }

    /// There is nothing of the answer to be kept yet: lines need not wait. It may still come.
    pub fn answers_later(&self, request: RequestId) {
        drop(self.0.orders.send(Order::Later(request)));
    }

    /// The request left no record, so its answer matters to nobody.
    pub fn answers_never(&self, request: RequestId) {
        drop(self.0.orders.send(Order::Never(request)));
    }

    /// Lines for rows of usage that are in the database. Does not block.
    pub fn usage(&self, rows: Vec<UsageRecord>) {
        if self.0.keeping.level() > Level::None {
            self.0.writer.usage(rows);
        }
    }

    /// How the sinks are and what was found.
    pub fn status(&self) -> crate::Condition {
        self.0.status.condition(&self.0.writer.state())
    }

    /// Verifies everything, and remembers the outcome for [`Trail::status`].
    pub async fn verify(&self, at: Timestamp, permit: &Permit<ReadAudit>) -> Result<Report, ProofError> {
        // So that the note beside the file knows as much as the file.
        self.caught_up().await;
        self.0.writer.remember().await;
        let (report, _) = self.0.prover.verify(None, permit).await?;
        self.0.status.verified(Verified { at, problem: report.problems.first().cloned() });
        Ok(report)
    }

    /// The key that checks the signatures of checkpoints; no secret.
    pub fn public_key(&self) -> String {
        hex(&self.0.prover.notary.public_key())
    }
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trail")
    }
}

/// Why the audit log cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The file cannot be opened.
    #[error(
        "the audit log file {path} cannot be opened: {cause}. Set AUDIT_LOGS_FILE_PATH to a place that this user may \
         write, or ENABLE_AUDIT_LOGS_FILE=false"
    )]
    File {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// The records cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// How long a record's line may wait for the answer.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);
