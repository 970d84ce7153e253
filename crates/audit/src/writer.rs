//! The one thread of the process that writes lines: to the file, and to standard output where that is wanted.
//!
//! It may be slow or fail without holding up anything but the acknowledgement of a record's line. What it cannot write
//! of records is written later, from the database; lines of usage that find no place are counted, and their rows are
//! in the database.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use kernel::UsageRecord;
use tokio::sync::oneshot;
use vault::Notary;

use crate::{
    chain::{self, Seal},
    file::{Addition, FileError, LogFile},
    line,
};

/// How long the note beside the file may lag behind it.
const LAG: Duration = Duration::from_secs(1);
/// Rows of usage that may wait. Beyond, their lines are left out and counted.
const BACKLOG: usize = 100_000;

/// Writes finished lines elsewhere; must not block for long.
pub type Outlet = Box<dyn Fn(Vec<u8>) + Send>;

/// What to write, and where.
pub(crate) struct Sinks {
    /// The file and the size at which it gives way; none: no file.
    pub(crate) file: Option<(PathBuf, u64)>,
    /// Standard output, if wanted.
    pub(crate) stdout: Option<Outlet>,
    /// The level, for lines of usage.
    pub(crate) level: &'static str,
    /// Seals.
    pub(crate) notary: Arc<Notary>,
    /// The name of a chain that begins now.
    pub(crate) new_chain: Seal,
}

/// What is known of the sinks at present.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Why the file cannot be written.
    pub(crate) file_error: Option<String>,
    /// What somebody did to the file.
    pub(crate) interference: Option<String>,
    /// Lines of usage that found no place.
    pub(crate) lost: u64,
}

enum Order {
    Records(Vec<Addition>, oneshot::Sender<bool>),
    Usage(Vec<UsageRecord>),
    Remember(oneshot::Sender<()>),
    End,
}

/// The way to the thread. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    orders: Sender<Order>,
    waiting: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

/// The thread, and what it found when it opened its file.
pub(crate) struct Started {
    pub(crate) writer: Writer,
    pub(crate) thread: JoinHandle<()>,
    /// The newest record that has a line in the file; none without a file.
    pub(crate) seq: Option<u64>,
    /// What is wrong with the file as it was found.
    pub(crate) problem: Option<String>,
}

impl Writer {
    /// Opens the file and starts the thread. A file that another process holds is waited for.
    pub(crate) fn start(sinks: Sinks) -> Result<Started, std::io::Error> {
        let (orders, queue) = channel();
        let state = Arc::new(Mutex::new(State::default()));
        let waiting = Arc::new(AtomicUsize::new(0));
        let stdout_chain = sinks.new_chain;
        let mut desk = Desk {
            sinks,
            log: None,
            tried: None,
            stdout_chain,
            stdout_seq: 0,
            waiting: waiting.clone(),
            state: state.clone(),
        };
        let problem = match desk.open() {
            Ok(problem) => problem,
            Err(FileError::System(error)) => return Err(error),
            Err(error @ FileError::Taken) => {
                desk.failed(&error.to_string());
                None
            }
        };
        let seq = desk.log.as_ref().map(LogFile::seq);
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(move || desk.run(&queue))?;
        Ok(Started { writer: Self { orders, waiting, state }, thread, seq, problem })
    }

    /// Writes lines of records. `true` when they are where they belong.
    pub(crate) async fn records(&self, lines: Vec<Addition>) -> bool {
        let (done, wait) = oneshot::channel();
        self.orders.send(Order::Records(lines, done)).is_ok() && wait.await.unwrap_or(false)
    }

    /// Writes lines of usage, some time.
    pub(crate) fn usage(&self, rows: Vec<UsageRecord>) {
        let count = rows.len();
        if self.waiting.fetch_add(count, Ordering::Relaxed) > BACKLOG {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            lock(&self.state).lost += count as u64;
        } else if self.orders.send(Order::Usage(rows)).is_err() {
            lock(&self.state).lost += count as u64;
        }
    }

    /// Waits until everything handed over before is on the disk.
    pub(crate) async fn remember(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Remember(done)).is_ok() {
            // An error means that the thread is over, and it remembers before.
            drop(wait.await);
        }
    }

    /// Ends the thread after what was handed over before.
    pub(crate) fn end(&self) {
        drop(self.orders.send(Order::End));
    }

    /// How the sinks are.
    pub(crate) fn state(&self) -> State {
        lock(&self.state).clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Desk {
    sinks: Sinks,
    log: Option<LogFile>,
    /// When opening the file was last tried.
    tried: Option<Instant>,
    stdout_chain: Seal,
    stdout_seq: u64,
    waiting: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

impl Desk {
    fn open(&mut self) -> Result<Option<String>, FileError> {
        let Some((path, rotation)) = &self.sinks.file else { return Ok(None) };
        self.tried = Some(Instant::now());
        let (log, problem) = LogFile::open(path, *rotation, self.sinks.notary.clone(), self.sinks.new_chain)?;
        self.log = Some(log);
        Ok(problem)
    }

    fn run(mut self, queue: &Receiver<Order>) {
        loop {
            match queue.recv_timeout(LAG) {
                Ok(Order::Records(lines, done)) => {
                    self.print(&lines);
                    // Whoever asked may have gone away.
                    done.send(self.keep(lines)).ok();
                }
                Ok(Order::Usage(rows)) => self.usage(&rows),
                Ok(Order::Remember(done)) => {
                    self.remember();
                    done.send(()).ok();
                }
                Err(RecvTimeoutError::Timeout) => self.remember(),
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.remember();
    }

    fn usage(&mut self, rows: &[UsageRecord]) {
        self.waiting.fetch_sub(rows.len(), Ordering::Relaxed);
        let level = self.sinks.level;
        let lines: Vec<Addition> =
            rows.iter().map(|row| Addition { line: line::of_usage(row, level), seq: None }).collect();
        self.print(&lines);
        let count = lines.len() as u64;
        if self.sinks.file.is_some() && !self.keep(lines) {
            lock(&self.state).lost += count;
        }
    }

    /// Standard output has a chain of its own, which begins with the process.
    fn print(&mut self, lines: &[Addition]) {
        let Some(out) = &self.sinks.stdout else { return };
        let mut text = Vec::new();
        for Addition { line, seq } in lines {
            if seq.is_some_and(|seq| seq <= self.stdout_seq) {
                continue;
            }
            let mut line = line.clone();
            self.stdout_chain = chain::complete(&mut line, &self.stdout_chain, &self.sinks.notary);
            self.stdout_seq = seq.unwrap_or(self.stdout_seq);
            text.append(&mut line);
        }
        if !text.is_empty() {
            out(text);
        }
    }

    /// Adds lines to the file. `false` when not all of them are there.
    fn keep(&mut self, lines: Vec<Addition>) -> bool {
        if self.sinks.file.is_none() {
            return true;
        }
        if self.log.is_none() && self.tried.is_none_or(|at| at.elapsed() > LAG) {
            match self.open() {
                Ok(None) => {}
                Ok(Some(problem)) => self.meddled(problem),
                Err(error) => self.failed(&error.to_string()),
            }
        }
        let Some(log) = &mut self.log else { return false };
        // Written by another process while it held the file.
        let known = log.seq();
        let lines = lines.into_iter().filter(|it| it.seq.is_none_or(|seq| seq > known)).collect();
        match log.add(lines) {
            Ok(()) => {
                self.works();
                true
            }
            Err(error) => {
                self.failed(&error.to_string());
                false
            }
        }
    }

    fn remember(&mut self) {
        let Some(log) = &mut self.log else { return };
        if let Some(what) = log.interference() {
            self.meddled(what);
        } else if let Err(error) = log.remember() {
            self.failed(&error.to_string());
        }
    }

    fn works(&self) {
        let mut state = lock(&self.state);
        if state.file_error.take().is_some() {
            tracing::info!("the audit log file can be written again");
        }
    }

    fn failed(&self, why: &str) {
        let mut state = lock(&self.state);
        if state.file_error.as_deref() != Some(why) {
            tracing::error!(
                cause = why,
                "the audit log file cannot be written; the records are in the database"
            );
            state.file_error = Some(why.to_owned());
        }
    }

    fn meddled(&self, what: String) {
        let mut state = lock(&self.state);
        if state.interference.as_ref() != Some(&what) {
            tracing::error!("{what}; `wardroom audit verify` tells more");
            state.interference = Some(what);
        }
    }
}
