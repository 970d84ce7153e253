//! What the chores say, and how they fail. The only module here that prints.

use std::path::PathBuf;

/// Why a chore could not finish or found something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot read {path}: {cause}")]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("cannot write {path}: {cause}")]
    Write { path: PathBuf, cause: std::io::Error },
    #[error("cannot start '{command}': {cause}")]
    Start { command: String, cause: std::io::Error },
    #[error("'{command}' failed:\n{text}")]
    Failed { command: String, text: String },
    #[error("{path} is not what it should be: {cause}")]
    Shape { path: PathBuf, cause: String },
    #[error("{0} finding(s)")]
    Findings(usize),
    #[error("stale, run 'cargo xtask openapi' and commit the result: {}", .0.join(", "))]
    Stale(Vec<String>),
}

/// One broken rule: where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A path below the root, with a line where there is one, or a crate's name.
    pub(crate) place: String,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

#[expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command line tool complains on standard error")]
pub(crate) fn complaint(text: &str) {
    eprintln!("{text}");
}
