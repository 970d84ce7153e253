//! The note beside the log file: how many lines it has and how it ends, sealed, so that a file that was cut short is
//! found out.
//!
//! It is written after the lines it counts are on the disk, so it may lag behind the file and never runs ahead of
//! it: a crash leaves more lines than the note says, which their seals prove genuine, and never fewer.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use vault::{Notary, Paper};

use crate::chain::{Seal, hex, unhex};

/// Where the chain of the file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The name of the chain: the first line's previous seal.
    pub(crate) chain: Seal,
    /// The number of the present file's first line; lines are counted from 1 over all files.
    pub(crate) first: u64,
    /// The number of the last line, 0 before there is one.
    pub(crate) count: u64,
    /// The size of the present file with that line.
    pub(crate) bytes: u64,
    /// The seal of that line, or the chain's name before there is one.
    pub(crate) last: Seal,
    /// The newest record of the database that has a line.
    pub(crate) seq: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    chain: String,
    first: u64,
    count: u64,
    bytes: u64,
    last: String,
    seq: u64,
    seal: String,
}

/// Why there is no note to rely on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// There is no such file.
    Missing,
    /// There is one, and it is not ours as it stands.
    Changed,
}

/// The note's place.
pub(crate) fn path_of(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

impl Head {
    /// The head of a chain without lines.
    pub(crate) const fn new(chain: Seal) -> Self {
        Self { chain, first: 1, count: 0, bytes: 0, last: chain, seq: 0 }
    }

    fn seal(&self, notary: &Notary) -> Seal {
        let numbers = [self.first, self.count, self.bytes, self.seq].map(u64::to_be_bytes).concat();
        notary.seal(Paper::Head, &[&self.chain, &self.last, &numbers])
    }

    /// Reads the note beside this log.
    pub(crate) fn read(log: &Path, notary: &Notary) -> io::Result<Result<Self, NoHead>> {
        let text = match fs::read(path_of(log)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(NoHead::Missing)),
            other => other?,
        };
        Ok(Self::parse(&text, notary).ok_or(NoHead::Changed))
    }

    fn parse(text: &[u8], notary: &Notary) -> Option<Self> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let head = Self {
            chain: unhex(written.chain.as_bytes())?,
            first: written.first,
            count: written.count,
            bytes: written.bytes,
            last: unhex(written.last.as_bytes())?,
            seq: written.seq,
        };
        let seal: Seal = unhex(written.seal.as_bytes())?;
        vault::constant_time_eq(&seal, &head.seal(notary)).then_some(head)
    }

    /// Writes the note: all of it, or the former one stays.
    pub(crate) fn write(&self, log: &Path, notary: &Notary) -> io::Result<()> {
        let written = Written {
            chain: hex(&self.chain),
            first: self.first,
            count: self.count,
            bytes: self.bytes,
            last: hex(&self.last),
            seq: self.seq,
            seal: hex(&self.seal(notary)),
        };
        let text = serde_json::to_string(&written).expect("numbers and texts serialise");
        write_whole(&path_of(log), text.as_bytes())
    }
}

/// Replaces a small file at once, for its owner alone.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_data())?;
    fs::rename(&draft, path)
}

/// Opens the log for adding to its end, for its owner alone.
pub(crate) fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).read(true).create(true).mode(0o600).open(path)
}
