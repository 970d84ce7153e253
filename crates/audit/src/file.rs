//! The log file: lines are added to its end, each sealed to the one before, and it gives way to a new file when it is
//! full. Never half a line stays, also when the disk is full.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use vault::Notary;

use crate::{
    chain,
    head::{self, Head, NoHead},
    parts::{self, Part},
};

/// An open log file. One process at a time has it.
pub(crate) struct LogFile {
    path: PathBuf,
    rotation: u64,
    notary: Arc<Notary>,
    file: File,
    head: Head,
    /// How long the file really is. The same as the head says, unless somebody was at it.
    size: u64,
    has_news: bool,
    /// Files that were put aside and may not be on the disk yet.
    full: Vec<File>,
    /// Held for its lock.
    _lock: File,
}

/// Why the file cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// Another process writes it.
    #[error("another process writes it")]
    Taken,
    /// The system says no.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// A line to add: an open object, and the record it is of.
pub(crate) struct Addition {
    /// Without its seals.
    pub(crate) line: Vec<u8>,
    /// The record of the database, if it is one.
    pub(crate) seq: Option<u64>,
}

impl LogFile {
    /// Opens the log, or begins one. Also says what is wrong with the file that it finds, if anything is: then the
    /// chain goes on from where the note beside it knew it to be, so that the gap stays visible for ever.
    pub(crate) fn open(
        path: &Path,
        rotation: u64,
        notary: Arc<Notary>,
        new_chain: [u8; 32],
    ) -> Result<(Self, Option<String>), FileError> {
        let lock = lock(path)?;
        let known = Head::read(path, &notary)?;
        let (head, problem) = match known {
            Ok(head) => follow(path, head, &notary)?,
            Err(why) => without_note(path, &why, new_chain, &notary)?,
        };
        let file = head::open_log(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let size = file.metadata()?.len();
        let mut log = Self {
            path: path.to_owned(),
            rotation,
            notary,
            file,
            head,
            size,
            has_news: true,
            full: Vec::new(),
            _lock: lock,
        };
        log.remember()?;
        Ok((log, problem))
    }

    /// The newest record that has a line.
    pub(crate) const fn seq(&self) -> u64 {
        self.head.seq
    }

    /// Where the chain stands.
    #[cfg(test)]
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// Adds lines. On an error those after [`LogFile::seq`] are not in the file, not even in part.
    pub(crate) fn add(&mut self, additions: Vec<Addition>) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut after = self.head;
        for Addition { mut line, seq } in additions {
            let seal = chain::complete(&mut line, &after.last, &self.notary);
            let would_be = after.bytes + line.len() as u64;
            if would_be > self.rotation && after.bytes > 0 {
                self.write(&mut batch, after)?;
                self.rotate()?;
                after = self.head;
            }
            after = Head {
                count: after.count + 1,
                bytes: after.bytes + line.len() as u64,
                last: seal,
                seq: seq.unwrap_or(after.seq),
                ..after
            };
            batch.extend_from_slice(&line);
        }
        self.write(&mut batch, after)
    }

    /// Writes whole lines, or none of them.
    fn write(&mut self, batch: &mut Vec<u8>, after: Head) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all(batch) {
            // Whatever part of it is there is no line. Cutting a file needs no space.
            self.file.set_len(self.size)?;
            return Err(error);
        }
        self.size += batch.len() as u64;
        self.head = after;
        self.has_news = true;
        batch.clear();
        Ok(())
    }

    /// Puts the full file aside under the number of its first line, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let aside = parts::aside(&self.path, self.head.first);
        fs::rename(&self.path, &aside)?;
        let new = match head::open_log(&self.path) {
            Ok(new) => new,
            // Back under its name, so that the next try finds everything as it was.
            Err(error) => return fs::rename(&aside, &self.path).and(Err(error)),
        };
        self.full.push(std::mem::replace(&mut self.file, new));
        self.head = Head { first: self.head.count + 1, bytes: 0, ..self.head };
        self.size = 0;
        self.has_news = true;
        Ok(())
    }

    /// Brings the lines to the disk and the note beside them up to date.
    pub(crate) fn remember(&mut self) -> io::Result<()> {
        if self.has_news {
            for full in &self.full {
                full.sync_data()?;
            }
            self.full.clear();
            self.file.sync_data()?;
            self.head.write(&self.path, &self.notary)?;
            self.has_news = false;
        }
        Ok(())
    }

    /// What somebody else did to the file while we have it, if anything.
    pub(crate) fn interference(&self) -> Option<String> {
        let found = fs::metadata(&self.path);
        match found {
            Ok(found) if found.len() == self.size => None,
            Ok(_) => Some("the log file has another size than what was written to it".to_owned()),
            Err(_) => Some("the log file was moved or deleted while it was written".to_owned()),
        }
    }
}

fn lock(path: &Path) -> Result<File, FileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = head::open_log(Path::new(&name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FileError::Taken),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Goes on from the note: reads the lines that came after it was written, also where files were put aside since.
fn follow(path: &Path, mut head: Head, notary: &Notary) -> io::Result<(Head, Option<String>)> {
    let mut problem = None;
    if parts::aside(path, head.first).exists() {
        for part in parts::find(path)? {
            let Some(first) = part.first.filter(|first| *first >= head.first) else { continue };
            if first > head.first {
                head = Head { first, bytes: 0, ..head };
            }
            problem = read_on(&part.path, &mut head, notary)?.or(problem);
        }
        // Whatever is in the present file comes after them.
        head = Head { first: head.count + 1, bytes: 0, ..head };
    }
    if !path.exists() {
        problem = (head.bytes > 0).then(|| "the log file is missing".to_owned()).or(problem);
        return Ok((Head { bytes: 0, ..head }, problem));
    }
    let whole = read_on(path, &mut head, notary)?;
    Ok((head, whole.or(problem)))
}

/// Reads the lines of one file behind those that the head counts. Half a line at its end is taken away: a crash left
/// it, it was never whole, and nobody was told that it is there.
fn read_on(path: &Path, head: &mut Head, notary: &Notary) -> io::Result<Option<String>> {
    let mut file = head::open_log(path)?;
    let size = file.metadata()?.len();
    if size < head.bytes {
        head.bytes = size;
        return Ok(Some("the log file was cut short".to_owned()));
    }
    let mut problem = None;
    if let Some(before) = head.bytes.checked_sub(1) {
        let mut end = [0];
        file.seek(SeekFrom::Start(before))?;
        file.read_exact(&mut end)?;
        problem = (end != [b'\n']).then(|| "the log file was changed".to_owned());
    }
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text)? > 0 {
        let Some(whole) = text.strip_suffix(b"\n") else {
            head::open_log(path)?.set_len(head.bytes)?;
            break;
        };
        match chain::link(whole, notary) {
            Some(link) if link.is_genuine && link.previous == head.last => {
                head.seq = parts::seq_of(whole).unwrap_or(head.seq);
                (head.count, head.last) = (head.count + 1, link.seal);
            }
            _ => problem = Some("the log file has lines that are not ours".to_owned()),
        }
        head.bytes += text.len() as u64;
        text.clear();
    }
    Ok(problem)
}

/// There is no note: a first start, or somebody took it away.
fn without_note(
    path: &Path,
    why: &NoHead,
    new_chain: [u8; 32],
    notary: &Notary,
) -> io::Result<(Head, Option<String>)> {
    let parts = parts::find(path)?;
    let has_lines = |part: &Part| fs::metadata(&part.path).is_ok_and(|it| it.len() > 0);
    let Some(newest) = parts.iter().rfind(|part| has_lines(part)) else {
        let problem =
            (*why == NoHead::Changed).then(|| "the note beside the log file was changed".to_owned());
        return Ok((Head::new(new_chain), problem));
    };
    let text = fs::read(&newest.path)?;
    let begin = text.split(|byte| *byte == b'\n').next().and_then(|line| chain::link(line, notary));
    let Some(link) = begin.filter(|link| link.is_genuine) else {
        // Somebody else's log, such as Open WebUI's, whose place we take.
        fs::rename(path, parts::before(path))?;
        let words = "a log file that is not ours was put aside".to_owned();
        return Ok((Head::new(new_chain), Some(words)));
    };
    let first = newest.first.unwrap_or_else(|| {
        parts
            .iter()
            .filter_map(|part| Some(part.first? + parts::lines_of(&part.path).ok()?))
            .max()
            .unwrap_or(1)
    });
    let head = Head { chain: link.previous, first, count: first - 1, bytes: 0, last: link.previous, seq: 0 };
    let (head, problem) = follow(path, head, notary)?;
    let words = "the note beside the log file was missing or changed";
    Ok((head, Some(problem.unwrap_or_else(|| words.to_owned()))))
}

#[cfg(test)]
mod spec;
