//! What is known of the audit log at present, for the page that shows it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::Timestamp;

use crate::writer::State;

/// Of what is found wrong, so many sentences are kept.
const MOST_PROBLEMS: usize = 20;

/// The outcome of a verification.
#[derive(Debug, Clone)]
pub struct Verified {
    /// When it ended.
    pub at: Timestamp,
    /// The first problem, if there is one.
    pub problem: Option<String>,
}

/// A place that lines go to.
#[derive(Debug, Clone)]
pub struct Sink {
    /// `database`, `file` or `stdout`.
    pub kind: &'static str,
    /// Why it does not work, if it does not.
    pub error: Option<String>,
}

/// How the audit log is.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Where lines go.
    pub sinks: Vec<Sink>,
    /// The last signed place and when it was signed.
    pub checkpoint: Option<(i64, Timestamp)>,
    /// The last verification since the start.
    pub verified: Option<Verified>,
    /// What was found wrong in passing.
    pub problems: Vec<String>,
    /// Lines of usage that found no place in the file; the rows are in the database.
    pub lost_usage_lines: u64,
}

pub(crate) struct Status {
    kinds: [bool; 2],
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    checkpoint: Option<(i64, Timestamp)>,
    holds_checkpoint: bool,
    verified: Option<Verified>,
    problems: Vec<String>,
}

impl Status {
    /// Whether there is a file, and whether standard output is used.
    pub(crate) fn new(kinds: [bool; 2]) -> Self {
        Self { kinds, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn found(&self, problem: &str) {
        let mut seen = self.seen();
        if seen.problems.len() < MOST_PROBLEMS && !seen.problems.iter().any(|it| it == problem) {
            tracing::error!("{problem}");
            seen.problems.push(problem.to_owned());
        }
    }

    pub(crate) fn signed(&self, seq: i64, at: Timestamp) {
        self.seen().checkpoint = Some((seq, at));
    }

    /// From now on nothing is signed: that would bless what is wrong.
    pub(crate) fn hold_checkpoint(&self) {
        self.seen().holds_checkpoint = true;
    }

    pub(crate) fn holds_checkpoint(&self) -> bool {
        self.seen().holds_checkpoint
    }

    pub(crate) fn verified(&self, outcome: Verified) {
        self.seen().verified = Some(outcome);
    }

    pub(crate) fn condition(&self, state: &State) -> Condition {
        let seen = self.seen();
        let mut sinks = vec![Sink { kind: "database", error: None }];
        let file_error = state.file_error.clone().or_else(|| state.interference.clone());
        let others = [("file", file_error), ("stdout", None)];
        let used = self.kinds.into_iter().zip(others).filter(|(is_used, _)| *is_used);
        sinks.extend(used.map(|(_, (kind, error))| Sink { kind, error }));
        Condition {
            sinks,
            checkpoint: seen.checkpoint,
            verified: seen.verified.clone(),
            problems: seen.problems.clone(),
            lost_usage_lines: state.lost,
        }
    }
}
