//! The log file after crashes, full disks and hands that should not have been at it.

use std::io::{Read, Seek, SeekFrom};

use super::*;
use crate::testing::notary;

fn additions(from: u64, count: u64) -> Vec<Addition> {
    let one =
        |seq| Addition { line: format!("{{\"seq\":{seq},\"event\":\"x\"").into_bytes(), seq: Some(seq) };
    (from..from + count).map(one).collect()
}

fn open(folder: &Path, rotation: u64) -> (LogFile, Option<String>) {
    LogFile::open(&folder.join("audit.log"), rotation, Arc::new(notary()), [7; 32]).unwrap()
}

#[test]
fn a_log_goes_on_where_it_ended_also_without_a_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, problem) = open(folder.path(), 1 << 20);
    assert_eq!(problem, None);
    log.add(additions(1, 3)).unwrap();
    // Dropped without `remember`: the note still says that there is nothing.
    drop(log);

    let (log, problem) = open(folder.path(), 1 << 20);

    assert_eq!((problem, log.head().count, log.seq()), (None, 3, 3));
}

#[test]
fn half_a_line_of_a_crash_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), 1 << 20);
    log.add(additions(1, 2)).unwrap();
    log.file.write_all(b"{\"seq\":3,\"eve").unwrap();
    drop(log);

    let (mut log, problem) = open(folder.path(), 1 << 20);
    log.add(additions(3, 1)).unwrap();

    assert_eq!((problem, log.head().count), (None, 3));
    let mut text = String::new();
    log.file.seek(SeekFrom::Start(0)).and_then(|_| log.file.read_to_string(&mut text)).unwrap();
    assert_eq!((text.lines().count(), text.ends_with('\n')), (3, true));
}

#[test]
fn a_full_file_gives_way_to_a_new_one_between_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), 1_000);
    for seq in 1..=20 {
        log.add(additions(seq, 1)).unwrap();
    }
    log.add(additions(21, 20)).unwrap();
    drop(log);

    let parts = parts::find(&folder.path().join("audit.log")).unwrap();
    assert!(parts.len() > 5, "{parts:?}");
    let mut next = 1;
    for part in &parts {
        assert!(part.first.is_none_or(|first| first == next), "{part:?} should begin with line {next}");
        assert!(fs::metadata(&part.path).unwrap().len() <= 1_000);
        assert_eq!(fs::metadata(&part.path).unwrap().permissions().mode() & 0o777, 0o600);
        next += parts::lines_of(&part.path).unwrap();
    }
    assert_eq!(next, 41);
    let (log, problem) = open(folder.path(), 1_000);
    assert_eq!((problem, log.head().count, log.seq()), (None, 40, 40));
}

#[test]
fn a_crash_while_a_file_is_put_aside_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let (mut log, _) = open(folder.path(), 1 << 20);
    log.add(additions(1, 3)).unwrap();
    log.remember().unwrap();
    fs::rename(&path, parts::aside(&path, 1)).unwrap();
    drop(log);

    let (mut log, problem) = open(folder.path(), 1 << 20);
    log.add(additions(4, 1)).unwrap();

    assert_eq!((problem, log.head().first, log.head().count), (None, 4, 4));
}

#[test]
fn two_processes_never_write_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path(), 1 << 20);
    let second = || LogFile::open(&folder.path().join("audit.log"), 1 << 20, Arc::new(notary()), [8; 32]);
    assert!(matches!(second(), Err(FileError::Taken)));
    drop(log);
    assert!(second().is_ok());
}

#[test]
fn what_was_cut_off_or_taken_away_is_noticed_at_the_next_start() {
    let prepare = || {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = open(folder.path(), 1 << 20);
        log.add(additions(1, 3)).unwrap();
        log.remember().unwrap();
        (folder.path().join("audit.log"), folder)
    };
    let (path, folder) = prepare();
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let (log, problem) = open(folder.path(), 1 << 20);
    assert_eq!((problem.as_deref(), log.head().count), (Some("the log file was cut short"), 3));

    let (path, folder) = prepare();
    fs::remove_file(&path).unwrap();
    assert!(open(folder.path(), 1 << 20).1.unwrap().contains("missing"));

    let (path, folder) = prepare();
    fs::remove_file(head::path_of(&path)).unwrap();
    let (log, problem) = open(folder.path(), 1 << 20);
    assert!(problem.unwrap().contains("note") && log.head().count == 3);

    let (path, folder) = prepare();
    fs::write(&path, [text.as_slice(), b"{\"seq\":4}\n"].concat()).unwrap();
    assert!(open(folder.path(), 1 << 20).1.unwrap().contains("not ours"));
}

#[test]
fn a_log_of_another_program_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    fs::write(&path, "{\"id\":\"1\",\"verb\":\"POST\"}\n").unwrap();
    let (log, problem) = open(folder.path(), 1 << 20);
    assert!(problem.unwrap().contains("put aside") && log.head().count == 0);
    assert!(parts::before(&path).exists());
}

#[test]
fn interference_with_a_file_in_use_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), 1 << 20);
    log.add(additions(1, 3)).unwrap();
    assert_eq!(log.interference(), None);
    fs::write(folder.path().join("audit.log"), "").unwrap();
    assert!(log.interference().is_some());
}
