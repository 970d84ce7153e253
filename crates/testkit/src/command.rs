//! What a command of the binary said and how it ended.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// A command that ran to its end.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs a command; one that does not end within a minute is killed, and the test with it.
    pub(crate) fn of(mut command: Command) -> Self {
        // Files, because a pipe that nobody empties would stop a talkative command.
        let file = || tempfile::tempfile().expect("the directory for temporary files can be written");
        let (mut stdout, mut stderr) = (file(), file());
        let twin = |file: &File| file.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(twin(&stdout)).stderr(twin(&stderr));
        let mut child = command.spawn().expect("the binary starts");
        let deadline = Instant::now() + Duration::from_mins(1);
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child is ours") {
                break Some(status);
            }
            if Instant::now() > deadline {
                drop(child.kill());
                drop(child.wait());
                break None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let (stdout, stderr) = (read(&mut stdout), read(&mut stderr));
        assert!(status.is_some(), "the command hangs: {stdout}{stderr}");
        Self { code: status.and_then(|status| status.code()), stdout, stderr }
    }

    /// The command itself when it succeeded. Panics with what it said when not.
    #[expect(clippy::return_self_not_must_use, reason = "to have asserted is use enough")]
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.everything());
        self
    }

    /// The command itself when it failed with an exit code. Panics with what it said when not.
    #[expect(clippy::return_self_not_must_use, reason = "to have asserted is use enough")]
    #[track_caller]
    pub fn expect_failure(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "{:?}: {}", self.code, self.everything());
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        assert!(parsed.is_ok(), "no JSON: {}", self.everything());
        parsed.unwrap_or_default()
    }

    /// Standard output and standard error.
    pub fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).expect("the file is ours");
    String::from_utf8_lossy(&bytes).into_owned()
}
