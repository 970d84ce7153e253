//! The embedded database: one writer thread with group commit, a few readers, no waiting on async threads.
//! Refuses to know tables.

mod failure;
mod files;
mod places;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, Statement as Prepared, ToSql,
    functions::FunctionFlags,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::oneshot;

pub use self::files::private_directory;
use self::{failure::from_sqlite, writer::Job};
use crate::{
    StoreError,
    db::{Answer, Statement},
    row::Row,
    value::Value,
};

/// How long a statement waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that each connection keeps prepared.
const PREPARED: usize = 128;
const CLOSED: StoreError = StoreError::Unavailable("it is closed");

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The threads that own the connections. Dropping it ends them; [`Sqlite::close`] also waits for them.
pub(crate) struct Sqlite {
    writer: mpsc::Sender<Job>,
    readers: mpsc::Sender<Read>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    reader_count: usize,
}

enum Read {
    Statement(Statement, Reply<Answer>),
    Close,
}

impl Sqlite {
    /// Opens or creates the file. Blocks for the time of a few file operations.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        files::prepare(path).map_err(|error| {
            StoreError::Configuration(format!(
                "the database file {} cannot be made or opened: {error}",
                path.display()
            ))
        })?;
        let connection = open_writer(path)?;
        let (writer, jobs) = mpsc::channel();
        let mut threads = vec![spawn("store-writer", move || writer::run(&connection, &jobs))?];

        let reader_count = thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
        let (readers, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..reader_count {
            let (connection, jobs) = (open_reader(path)?, Arc::clone(&jobs));
            threads.push(spawn("store-reader", move || read(&connection, &jobs))?);
        }
        Ok(Self { writer, readers, threads: Mutex::new(threads), reader_count })
    }

    pub(crate) async fn query(&self, statement: Statement) -> Result<Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.readers.send(Read::Statement(statement, reply)).map_err(|_| CLOSED)?;
        answer.await.map_err(|_| CLOSED)?
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Job::Statement(statement, reply)).map_err(|_| CLOSED)?;
        answer.await.map_err(|_| CLOSED)?
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTx, StoreError> {
        let (steps, inbox) = mpsc::channel();
        let (started, answer) = oneshot::channel();
        self.writer.send(Job::Begin(inbox, started)).map_err(|_| CLOSED)?;
        answer.await.map_err(|_| CLOSED)??;
        Ok(SqliteTx { steps })
    }

    /// Ends the threads after what is queued and waits for them; later calls are answered `Unavailable`.
    pub(crate) async fn close(&self) {
        for _ in 0..self.reader_count {
            drop(self.readers.send(Read::Close));
        }
        drop(self.writer.send(Job::Close));
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let waiting = tokio::task::spawn_blocking(move || {
            for thread in threads {
                drop(thread.join());
            }
        });
        drop(waiting.await);
    }
}

/// A transaction that the writer thread holds open; dropping it rolls back.
pub(crate) struct SqliteTx {
    steps: mpsc::Sender<Step>,
}

enum Step {
    Statement(Statement, Reply<Answer>),
    Script(&'static str, Reply<()>),
    Commit(Reply<()>),
}

/// The writer gave up on a transaction that stood still; see `writer::PATIENCE`.
const TOO_SLOW: StoreError = StoreError::Unavailable("a transaction took too long and was rolled back");

impl SqliteTx {
    pub(crate) async fn run(&self, statement: Statement) -> Result<Answer, StoreError> {
        self.step(|reply| Step::Statement(statement, reply)).await
    }

    pub(crate) async fn script(&self, sql: &'static str) -> Result<(), StoreError> {
        self.step(|reply| Step::Script(sql, reply)).await
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.step(Step::Commit).await
    }

    async fn step<T>(&self, make: impl FnOnce(Reply<T>) -> Step) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.steps.send(make(reply)).map_err(|_| TOO_SLOW)?;
        answer.await.map_err(|_| TOO_SLOW)?
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|_| StoreError::Unavailable("the system refuses another thread"))
}

/// One reader: answers until the last sender is gone. Readers take turns at the queue.
fn read(connection: &Connection, jobs: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Read::Statement(statement, reply)) = job else { return };
        if !reply.is_closed() {
            drop(reply.send(run(connection, &statement)));
        }
    }
}

fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    enter_wal(&connection)?;
    // NORMAL in WAL mode: a commit is in the operating system's hands and outlives the death of the
    // process; only the loss of power may cost the last commits, never the file.
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864;")
        .map_err(|error| from_sqlite(&error))?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(|error| from_sqlite(&error))?;
    Ok(connection)
}

/// No mutex inside SQLite: each connection stays on the one thread that owns it.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(PathBuf::from(path), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
        )?;
        // SQLite's own lower() knows ASCII only; search must find "Über" by "über" as PostgreSQL does.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function("lower", 1, flags, |call| {
            call.get::<Option<String>>(0).map(|text| text.map(|text| text.to_lowercase()))
        })?;
        // PostgreSQL's function of this name. LIKE takes the product of both lengths where a long text nearly
        // matches everywhere; this takes their sum.
        connection.create_scalar_function("strpos", 2, flags, |call| {
            let (text, part) = (call.get_raw(0), call.get_raw(1));
            let (Some(text), Some(part)) = (text.as_str_or_null()?, part.as_str_or_null()?) else {
                return Ok(None);
            };
            let place = text.find(part).map_or(0, |at| text[..at].chars().count() + 1);
            Ok(i64::try_from(place).ok())
        })?;
        Ok(connection)
    };
    open().map_err(|error| from_sqlite(&error))
}

/// Switching to WAL needs the file alone and does not always wait for the busy timeout, so it is tried
/// again while another process opens the file at the same moment.
fn enter_wal(connection: &Connection) -> Result<(), StoreError> {
    let mut left = 100;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(StoreError::Configuration(
                    "the file system of the database file does not support SQLite's write-ahead log; use a local disk"
                        .to_owned(),
                ));
            }
            Err(error) => match from_sqlite(&error) {
                StoreError::Unavailable(_) if left > 0 => left -= 1,
                error => return Err(error),
            },
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs one statement on this thread's connection.
fn run(connection: &Connection, statement: &Statement) -> Result<Answer, StoreError> {
    let run = || -> rusqlite::Result<Answer> {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        bind(&mut prepared, &statement.sql, &statement.params)?;
        let width = prepared.column_count();
        if width == 0 {
            let changed = prepared.raw_execute()? as u64;
            return Ok(Answer { rows: Vec::new(), changed });
        }
        let mut rows = Vec::new();
        let mut cursor = prepared.raw_query();
        while let Some(row) = cursor.next()? {
            let values = (0..width).map(|column| row.get_ref(column).map(Value::from_sqlite));
            rows.push(Row(values.collect::<rusqlite::Result<_>>()?));
        }
        let changed = rows.len() as u64;
        Ok(Answer { rows, changed })
    };
    run().map_err(|error| from_sqlite(&error))
}

/// Gives each parameter its value; see [`places`].
fn bind(prepared: &mut Prepared<'_>, sql: &str, params: &[Value]) -> rusqlite::Result<()> {
    let places = places::of(sql);
    if places.len() != prepared.parameter_count() {
        return Err(rusqlite::Error::InvalidParameterCount(places.len(), prepared.parameter_count()));
    }
    for (index, number) in (1..).zip(places) {
        let value = number.checked_sub(1).and_then(|position| params.get(position));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(params.len(), number))?;
        prepared.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

impl Value {
    fn from_sqlite(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null | ValueRef::Real(_) => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Text(text) => String::from_utf8(text.to_owned()).map_or(Self::Null, Self::Text),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
