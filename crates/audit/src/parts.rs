//! The files of one log: the present one, and those that were put aside when they were full.

use std::{
    fs, io,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// One file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    /// The number of its first line; none for the present file, whose name does not say.
    pub(crate) first: Option<u64>,
}

/// Where a full file goes: `audit-000000000001.log` beside `audit.log`, by the number of its first line.
pub(crate) fn aside(log: &Path, first: u64) -> PathBuf {
    sibling(log, &format!("-{first:012}"))
}

/// Where somebody else's file goes.
pub(crate) fn before(log: &Path) -> PathBuf {
    sibling(log, "-before-wardroom")
}

fn sibling(log: &Path, suffix: &str) -> PathBuf {
    let mut name = log.file_stem().unwrap_or_default().to_owned();
    name.push(suffix);
    if let Some(extension) = log.extension() {
        name.push(".");
        name.push(extension);
    }
    log.with_file_name(name)
}

/// All files of a log, oldest first, the present one last where there is one.
pub(crate) fn find(log: &Path) -> io::Result<Vec<Part>> {
    let folder = log.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(first) = number_in(log, &path) {
            parts.push(Part { path, first: Some(first) });
        }
    }
    parts.sort_by_key(|part| part.first);
    if log.exists() {
        parts.push(Part { path: log.to_owned(), first: None });
    }
    Ok(parts)
}

fn number_in(log: &Path, path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let digits = stem.strip_prefix(log.file_stem()?.to_str()?)?.strip_prefix('-')?;
    let is_ours = path.extension() == log.extension() && digits.len() >= 12;
    (is_ours && digits.bytes().all(|it| it.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// How many whole lines a file has.
pub(crate) fn lines_of(path: &Path) -> io::Result<u64> {
    let mut reader = BufReader::new(fs::File::open(path)?);
    let mut count = 0;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        count += u64::from(line.last() == Some(&b'\n'));
        line.clear();
    }
    Ok(count)
}

/// The record that a line is of.
pub(crate) fn seq_of(line: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Seq {
        seq: Option<u64>,
    }
    serde_json::from_slice::<Seq>(line).ok()?.seq
}
