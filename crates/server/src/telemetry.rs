//! The log: one line per event, text or JSON, written by a thread of its own so that a slow terminal or
//! pipe never holds up a request.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use audit::Outlet;
use settings::{LogFormat, LogLevel};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Lines that may wait for the writer. Beyond, lines are dropped and counted: serving goes before logging.
const BACKLOG: usize = 16_384;

/// How long the writer lets lines gather before it writes them. Waking it for each line costs a busy server
/// half as much CPU again as answering the request does; a killed process loses this much of its log.
const LINGER: Duration = Duration::from_millis(5);

/// Starts the log. Keep the guard until the end of `main`: dropping it writes what is still waiting.
pub(crate) fn start(format: LogFormat, level: LogLevel) -> LogGuard {
    let (lines, queue) = sync_channel(BACKLOG);
    let dropped = Arc::new(AtomicU64::new(0));
    let thread = spawn_writer(queue, dropped.clone());
    let writer = LineSender { lines: lines.clone(), dropped: dropped.clone() };
    // What the libraries below us say is about bytes and sockets; warnings of theirs are enough.
    let filter = EnvFilter::try_new(format!("warn,{}", ours(level.as_str())))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
        LogFormat::Text => builder.with_ansi(false).init(),
    }
    LogGuard { lines: Some(lines), dropped, thread }
}

/// The filter that sets the level of our own crates.
fn ours(level: &str) -> String {
    [
        "request",
        "audit",
        "egress",
        "gateway",
        "identity",
        "settings",
        "store",
        "vault",
        "wardroom",
        "web",
        "workspace",
    ]
    .map(|target| format!("{target}={level}"))
    .join(",")
}

/// Writes the rest of the log when dropped.
pub(crate) struct LogGuard {
    lines: Option<SyncSender<Line>>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl LogGuard {
    /// Writes finished lines in between, never half of one. Where the log is behind, they are dropped and counted.
    pub(crate) fn outlet(&self) -> Outlet {
        let (lines, dropped) = (self.lines.clone(), self.dropped.clone());
        Box::new(move |text| {
            let is_taken = lines.as_ref().is_some_and(|lines| lines.try_send(Line::Text(text)).is_ok());
            if !is_taken {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        })
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // The global subscriber keeps its own sender for ever, so the end has to be said.
        if let Some(lines) = self.lines.take() {
            drop(lines.send(Line::End));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

enum Line {
    Text(Vec<u8>),
    End,
}

fn spawn_writer(queue: Receiver<Line>, dropped: Arc<AtomicU64>) -> Option<JoinHandle<()>> {
    let run = move || {
        let mut out = io::stdout().lock();
        while let Ok(Line::Text(first)) = queue.recv() {
            let mut batch = first;
            let mut is_over = false;
            std::thread::sleep(LINGER);
            for line in queue.try_iter() {
                match line {
                    Line::Text(text) => batch.extend_from_slice(&text),
                    Line::End => is_over = true,
                }
                if is_over || batch.len() > 256 * 1024 {
                    break;
                }
            }
            // A closed terminal is no reason to stop serving.
            drop(out.write_all(&batch).and_then(|()| out.flush()));
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                drop(writeln!(
                    out,
                    "{lost} log lines were dropped because the log could not be written fast enough"
                ));
            }
            if is_over {
                return;
            }
        }
    };
    std::thread::Builder::new().name("log".to_owned()).spawn(run).ok()
}

/// Collects one event and hands it to the writer.
struct LineSender {
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

struct LineBuffer<'a> {
    text: Vec<u8>,
    to: &'a LineSender,
}

impl<'a> MakeWriter<'a> for LineSender {
    type Writer = LineBuffer<'a>;

    fn make_writer(&'a self) -> LineBuffer<'a> {
        LineBuffer { text: Vec::with_capacity(256), to: self }
    }
}

impl Write for LineBuffer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineBuffer<'_> {
    fn drop(&mut self) {
        if self.text.is_empty() {
            return;
        }
        match self.to.lines.try_send(Line::Text(std::mem::take(&mut self.text))) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.to.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
