//! The log file and those put aside before it: their seals, their order, and that none of them was cut short.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use vault::Notary;

use super::Report;
use crate::{
    chain::{self, Seal},
    head::{Head, NoHead},
    parts::{self, Part},
};

/// The longest line that is read; ours are far shorter.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// Verifies a log with everything that was put aside. Another process may write it meanwhile.
pub fn log(path: &Path, notary: &Notary) -> io::Result<Report> {
    let mut report = Report::default();
    // Read first: lines that come later only make the files longer than the note says.
    let head = Head::read(path, notary)?;
    let files = opened(path)?;
    if files.is_empty() {
        if head.is_ok_and(|head| head.count > 0) {
            report.problem(format!("The log file {} is missing.", path.display()));
        }
        return Ok(report);
    }
    let head = match head {
        Ok(head) => Some(head),
        Err(why) => {
            let what =
                if why == NoHead::Missing { "is missing" } else { "was changed: its seal does not fit" };
            report.problem(format!("The note {}.head beside the log file {what}.", path.display()));
            None
        }
    };
    let begin = head.as_ref().map(|head| head.chain);
    let mut walk = Walk { report: &mut report, notary, head, number: 1, previous: begin, newest: None };
    for (part, file) in files {
        walk.file(&part, file)?;
    }
    walk.end();
    Ok(report)
}

/// Verifies one file by itself: what is inside it, not what may be missing around it.
pub fn single_file(path: &Path, notary: &Notary) -> io::Result<Report> {
    let mut report = Report::default();
    let part = Part { path: path.to_owned(), first: None };
    let mut walk = Walk { report: &mut report, notary, head: None, number: 1, previous: None, newest: None };
    walk.file(&part, File::open(path)?)?;
    walk.end();
    Ok(report)
}

/// Opens all files at once, so that none is put aside between being listed and being read.
fn opened(path: &Path) -> io::Result<Vec<(Part, File)>> {
    loop {
        let listed = parts::find(path)?;
        let files: io::Result<Vec<File>> = listed.iter().map(|part| File::open(&part.path)).collect();
        match files {
            Ok(files) if parts::find(path)? == listed => return Ok(listed.into_iter().zip(files).collect()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

struct Walk<'a> {
    report: &'a mut Report,
    notary: &'a Notary,
    head: Option<Head>,
    /// Of the next line.
    number: u64,
    /// The seal before it, where it is known.
    previous: Option<Seal>,
    newest: Option<u64>,
}

impl Walk<'_> {
    fn file(&mut self, part: &Part, file: File) -> io::Result<()> {
        let name = part.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(first) = part.first.filter(|first| *first != self.number) {
            let number = self.number;
            self.report.problem(if first > number {
                format!(
                    "The lines {number} to {} are missing: there is no file with them before {name}.",
                    first - 1
                )
            } else {
                format!("The file {name} should begin with line {number} of the log.")
            });
            self.number = first;
            self.previous = None;
        }
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = io::Read::take(&mut reader, LONGEST_LINE);
            if limited.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            match line.strip_suffix(b"\n") {
                Some(whole) => self.line(&name, whole),
                None => self.half_line(&name),
            }
        }
    }

    fn line(&mut self, name: &str, text: &[u8]) {
        let number = self.number;
        self.report.lines += 1;
        self.number += 1;
        match chain::link(text, self.notary) {
            None => self
                .report
                .problem(format!("Line {number} in {name} was changed or inserted: it has no seal.")),
            Some(link) if !link.is_genuine => {
                self.report.problem(format!(
                    "Line {number} in {name} was changed or inserted: its seal does not fit."
                ));
                // Were it only changed, the next line would still name the seal that this one had.
                self.previous = Some(link.seal);
            }
            Some(link) => {
                if self.previous.is_some_and(|previous| previous != link.previous) {
                    self.report.problem(format!(
                        "Before line {number} in {name} lines are missing, or it stands in the wrong place."
                    ));
                }
                self.previous = Some(link.seal);
                self.newest = parts::seq_of(text).or(self.newest);
            }
        }
        let is_other = |head: &Head| head.count == number && self.previous != Some(head.last);
        if self.head.as_ref().is_some_and(is_other) {
            self.report.problem(format!(
                "Line {number} in {name} is not the one that the note beside the log knows."
            ));
        }
    }

    fn half_line(&mut self, name: &str) {
        let number = self.number;
        if self.head.is_some_and(|head| head.count >= number) {
            self.report.problem(format!("Line {number} in {name} was cut short."));
        } else {
            self.report
                .notes
                .push(format!("Line {number} in {name} is still being written, or a crash cut it short."));
        }
    }

    fn end(&mut self) {
        let count = self.number - 1;
        if let Some(head) = self.head.filter(|head| head.count > count) {
            self.report.problem(format!(
                "The newest lines are missing: the log ends with line {count} of {}.",
                head.count
            ));
        }
        self.report.newest_line = self.newest;
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::*;
    use crate::{
        file::{Addition, LogFile},
        head,
        testing::notary,
    };

    /// A log of so many lines, in files of at most this size.
    fn log_of(count: u64, rotation: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let (mut log, _) = LogFile::open(&path, rotation, Arc::new(notary()), [7; 32]).unwrap();
        for seq in 1..=count {
            let line = format!("{{\"seq\":{seq},\"event\":\"x\"").into_bytes();
            log.add(vec![Addition { line, seq: Some(seq) }]).unwrap();
        }
        log.remember().unwrap();
        (folder, path)
    }

    fn problems(path: &Path) -> Vec<String> {
        log(path, &notary()).unwrap().problems
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    fn put(path: &Path, lines: &[String]) {
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }

    #[test]
    fn an_untouched_log_passes_in_one_file_and_in_many() {
        for rotation in [1 << 20, 700] {
            let (_folder, path) = log_of(20, rotation);
            let report = log(&path, &notary()).unwrap();
            assert_eq!((report.problems, report.lines, report.newest_line), (vec![], 20, Some(20)));
        }
    }

    /// Does something to the ten lines of a log, and expects a sentence with these words.
    fn tampered(with: impl FnOnce(&mut Vec<String>), words: &str) {
        let (_folder, path) = log_of(10, 1 << 20);
        let mut all = lines(&path);
        with(&mut all);
        put(&path, &all);
        let found = problems(&path);
        assert!(found.iter().any(|it| it.contains(words)), "{words:?} is not in {found:#?}");
    }

    #[test]
    fn each_way_of_tampering_with_lines_is_found_and_named() {
        tampered(|all| all[4] = all[4].replace("\"seq\":5", "\"seq\":6"), "Line 5 in audit.log was changed");
        tampered(|all| drop(all.remove(4)), "Before line 5");
        tampered(
            |all| all.insert(4, "{\"seq\":5}".to_owned()),
            "Line 5 in audit.log was changed or inserted",
        );
        tampered(|all| all.insert(4, all[2].clone()), "Before line 5");
        tampered(|all| all.swap(4, 5), "Before line 5");
        tampered(|all| all.truncate(7), "The newest lines are missing: the log ends with line 7 of 10");
        tampered(Vec::clear, "no seal");
        tampered(|all| drop(all.remove(0)), "Before line 1");
    }

    #[test]
    fn a_file_that_was_put_aside_and_deleted_or_changed_is_missed() {
        let (_folder, path) = log_of(20, 700);
        let parts = parts::find(&path).unwrap();
        let victim = &parts[1];
        let (next, first) = (parts[2].first.unwrap(), victim.first.unwrap());
        fs::remove_file(&victim.path).unwrap();
        let found = problems(&path);
        assert!(found[0].contains(&format!("The lines {first} to {} are missing", next - 1)), "{found:#?}");
    }

    #[test]
    fn a_log_without_its_note_or_with_an_older_one_does_not_pass_for_whole() {
        let (_folder, path) = log_of(10, 1 << 20);
        fs::remove_file(head::path_of(&path)).unwrap();
        assert!(problems(&path)[0].contains("note"));

        let (_folder, path) = log_of(10, 1 << 20);
        fs::write(head::path_of(&path), "{}").unwrap();
        assert!(problems(&path)[0].contains("was changed"));

        let (_folder, path) = log_of(10, 1 << 20);
        fs::remove_file(&path).unwrap();
        assert!(problems(&path)[0].contains("is missing"));
    }

    #[test]
    fn lines_that_are_newer_than_the_note_are_no_problem() {
        let (_folder, path) = log_of(10, 1 << 20);
        let note = fs::read(head::path_of(&path)).unwrap();
        let (mut log, _) = LogFile::open(&path, 1 << 20, Arc::new(notary()), [7; 32]).unwrap();
        log.add(vec![Addition { line: b"{\"seq\":11".to_vec(), seq: Some(11) }]).unwrap();
        drop(log);
        fs::write(head::path_of(&path), note).unwrap();
        assert_eq!(problems(&path), Vec::<String>::new());
    }

    #[test]
    fn one_file_can_be_verified_by_itself() {
        let (_folder, path) = log_of(20, 700);
        let part = &parts::find(&path).unwrap()[1];
        assert!(single_file(&part.path, &notary()).unwrap().is_ok());
        let mut all = lines(&part.path);
        all.swap(0, 1);
        put(&part.path, &all);
        assert!(!single_file(&part.path, &notary()).unwrap().is_ok());
    }
}
