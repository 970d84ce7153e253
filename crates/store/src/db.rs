//! The one handle to the database, and the few places where SQLite and PostgreSQL differ.
//! Statements come from the modules of this crate only; nobody else writes SQL.

use std::{borrow::Cow, sync::Arc};

use crate::{
    StoreError,
    audit::Recorder,
    config::DatabaseConfig,
    postgres::{Postgres, PostgresTx},
    row::Row,
    sqlite::{Sqlite, SqliteTx},
    value::{Value, values},
};

/// A handle to the database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    recorder: Recorder,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({})", self.backend_name())
    }
}

/// One statement with `$1`, `$2` … and its values.
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) params: Vec<Value>,
}

/// What a statement returned, and how many rows it changed or returned.
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) changed: u64,
}

impl Db {
    /// Opens the database. SQLite's file is opened or made at once; PostgreSQL is reached by the first
    /// statement, so that a server that is away at start is found by [`Db::ping`].
    /// `recorder` makes the records of every change.
    pub async fn open(config: &DatabaseConfig, recorder: Recorder) -> Result<Self, StoreError> {
        let backend = match config {
            DatabaseConfig::Sqlite { path } => {
                let path = path.clone();
                // Opening reads and locks a file; a blocking thread keeps that off the async ones.
                let opened = tokio::task::spawn_blocking(move || Sqlite::open(&path)).await;
                Backend::Sqlite(opened.map_err(|_| StoreError::Internal)??)
            }
            DatabaseConfig::Postgres { url, schema, pool } => {
                Backend::Postgres(Postgres::open(url, schema.as_deref(), pool)?)
            }
        };
        Ok(Self(Arc::new(Inner { backend, recorder })))
    }

    /// What makes the records of every change.
    pub fn recorder(&self) -> &Recorder {
        &self.0.recorder
    }

    /// `sqlite` or `postgres`.
    pub fn backend_name(&self) -> &'static str {
        match self.0.backend {
            Backend::Sqlite(_) => "sqlite",
            Backend::Postgres(_) => "postgres",
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.query("SELECT 1", Vec::new()).await.map(drop)
    }

    /// Finishes what is queued and closes all connections; later calls are answered `Unavailable`.
    pub async fn close(&self) {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close(),
        }
    }

    /// Begins a transaction. On SQLite it holds the only writer, so do nothing slow inside.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let tx = match &self.0.backend {
            Backend::Sqlite(sqlite) => BackendTx::Sqlite(sqlite.begin().await?),
            Backend::Postgres(postgres) => BackendTx::Postgres(Box::new(postgres.begin().await?)),
        };
        Ok(Tx { inner: tx, recorder: self.0.recorder.clone(), has_failed: false })
    }

    /// Reads.
    pub(crate) async fn query(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = Statement { sql: sql.into(), params };
        let answer = match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.query(statement).await,
            Backend::Postgres(postgres) => postgres.run(statement).await,
        };
        answer.map(|answer| answer.rows)
    }

    /// Reads the first row.
    pub(crate) async fn query_one(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Writes with a single statement, which is atomic by itself; says how many rows changed.
    pub(crate) async fn execute(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.write(sql.into(), params).await.map(|answer| answer.changed)
    }

    async fn write(&self, sql: Cow<'static, str>, params: Vec<Value>) -> Result<Answer, StoreError> {
        let statement = Statement { sql, params };
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.execute(statement).await,
            Backend::Postgres(postgres) => postgres.run(statement).await,
        }
    }

    /// Whether a table exists.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let sql = match self.0.backend {
            Backend::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
            Backend::Postgres(_) => {
                "SELECT 1 FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name = CAST($1 AS TEXT)"
            }
        };
        Ok(self.query_one(sql, values![name]).await?.is_some())
    }
}

/// A transaction. Dropped without [`Tx::commit`] it is rolled back. After an error nothing more is
/// accepted, on either database: what comes next could build on a statement that did not happen.
pub struct Tx {
    inner: BackendTx,
    recorder: Recorder,
    has_failed: bool,
}

enum BackendTx {
    Sqlite(SqliteTx),
    Postgres(Box<PostgresTx>),
}

impl Tx {
    /// Makes everything lasting, or nothing.
    pub async fn commit(self) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Internal);
        }
        match self.inner {
            BackendTx::Sqlite(tx) => tx.commit().await,
            BackendTx::Postgres(tx) => tx.commit().await,
        }
    }

    pub(crate) fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Reads, or writes with RETURNING.
    pub(crate) async fn query(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.run(sql, params).await.map(|answer| answer.rows)
    }

    /// Reads the first row.
    pub(crate) async fn query_one(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Writes; says how many rows changed.
    pub(crate) async fn execute(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.run(sql, params).await.map(|answer| answer.changed)
    }

    /// Waits until this is the only process that changes the schema. SQLite's transactions are that
    /// already; on PostgreSQL the lock ends with the transaction, also when the process dies.
    pub(crate) async fn lock_schema(&mut self) -> Result<(), StoreError> {
        let BackendTx::Postgres(tx) = &self.inner else { return Ok(()) };
        // "wardroom" in ASCII: any number that no other program on the same database uses.
        tx.script("SELECT pg_advisory_xact_lock(8602282538996559725)").await?;
        match &tx.schema {
            Some(schema) => tx.script(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await,
            None => Ok(()),
        }
    }

    /// Runs several statements without parameters.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.may_continue()?;
        let outcome = match &self.inner {
            BackendTx::Sqlite(tx) => tx.script(sql).await,
            BackendTx::Postgres(tx) => tx.script(sql).await,
        };
        self.has_failed = outcome.is_err();
        outcome
    }

    async fn run(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Answer, StoreError> {
        self.may_continue()?;
        let statement = Statement { sql: sql.into(), params };
        let outcome = match &self.inner {
            BackendTx::Sqlite(tx) => tx.run(statement).await,
            BackendTx::Postgres(tx) => tx.run(statement).await,
        };
        self.has_failed = outcome.is_err();
        outcome
    }

    fn may_continue(&self) -> Result<(), StoreError> {
        if self.has_failed { Err(StoreError::Internal) } else { Ok(()) }
    }
}
