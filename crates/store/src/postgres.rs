//! PostgreSQL behind a pool. A connection whose state is not known for certain is closed, never reused.
//! Refuses to know tables.

use std::{error::Error as StdError, time::Duration};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use kernel::Secret;
use tokio::time::timeout;
use tokio_postgres::{
    Config, NoTls,
    config::SslMode,
    error::SqlState,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

use crate::{
    StoreError,
    config::PoolConfig,
    db::{Answer, Statement},
    row::Row,
    value::Value,
};

/// The longest that one statement may take, waiting for locks included.
const STATEMENT_LIMIT: Duration = Duration::from_mins(1);
const LOST: StoreError = StoreError::Unavailable("the connection to PostgreSQL was lost");

/// The pool, and where in the database our tables are.
pub(crate) struct Postgres {
    pool: Pool,
    size: usize,
    schema: Option<String>,
}

impl Postgres {
    /// Reads the configuration; connects only when the first statement asks for it.
    pub(crate) fn open(
        url: &Secret<String>,
        schema: Option<&str>,
        limits: &PoolConfig,
    ) -> Result<Self, StoreError> {
        let mut config: Config = url.expose().parse().map_err(|_| {
            StoreError::Configuration(
                "DATABASE_URL is not understood; it must look like \
                 postgres://user:password@host:5432/name, with sslmode=disable or sslmode=prefer if any"
                    .to_owned(),
            )
        })?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(StoreError::Configuration(
                "DATABASE_URL asks for sslmode=require, but this program does not speak TLS to PostgreSQL; \
                 reach it through a unix socket, a private network or a TLS tunnel and use sslmode=disable"
                    .to_owned(),
            ));
        }
        config.connect_timeout(limits.acquire_timeout).tcp_user_timeout(STATEMENT_LIMIT);
        config.application_name("wardroom");
        if let Some(schema) = schema {
            check_schema(schema)?;
            let options = format!("{} -c search_path={schema}", config.get_options().unwrap_or_default());
            config.options(options.trim());
        }
        let recycle = limits.recycle;
        let manager =
            Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(limits.size.max(1) + limits.overflow)
            .wait_timeout(Some(limits.acquire_timeout))
            .create_timeout(Some(limits.acquire_timeout))
            .recycle_timeout(Some(limits.acquire_timeout))
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                let is_old = recycle.is_some_and(|recycle| metrics.age() > recycle);
                if is_old { Err(HookError::message("old enough to be replaced")) } else { Ok(()) }
            }))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Configuration(format!("the connection pool: {error}")))?;
        Ok(Self { pool, size: limits.size.max(1), schema: schema.map(str::to_owned) })
    }

    pub(crate) async fn run(&self, statement: Statement) -> Result<Answer, StoreError> {
        let mut lease = self.lease().await?;
        let answer = lease.run(&statement).await;
        lease.is_clean = !matches!(answer, Err(StoreError::Unavailable(_)));
        answer
    }

    /// Read committed whatever the server's default: after waiting for a lock, a transaction must see
    /// what the one before it did.
    pub(crate) async fn begin(&self) -> Result<PostgresTx, StoreError> {
        let lease = self.lease().await?;
        lease.script("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        Ok(PostgresTx { lease, schema: self.schema.clone() })
    }

    /// Closes the pool; later calls are answered `Unavailable`.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        let client = self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(_) => {
                StoreError::Unavailable("no connection to PostgreSQL became free in time")
            }
            PoolError::Closed => StoreError::Unavailable("it is closed"),
            PoolError::Backend(error) => from_postgres(&error),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => StoreError::Internal,
        })?;
        let pool = self.pool.clone();
        Ok(Lease { client: Some(client), pool, size: self.size, is_clean: false })
    }
}

/// A borrowed connection. It goes back to the pool only when it is known to be clean; an aborted
/// future, an open transaction or an error of the line closes it, and the server rolls back.
struct Lease {
    client: Option<Object>,
    pool: Pool,
    size: usize,
    is_clean: bool,
}

impl Lease {
    fn client(&self) -> Result<&Object, StoreError> {
        self.client.as_ref().ok_or(StoreError::Internal)
    }

    async fn run(&self, statement: &Statement) -> Result<Answer, StoreError> {
        let client = self.client()?;
        let params: Vec<&(dyn ToSql + Sync)> = statement.params.iter().map(|value| value as _).collect();
        let work = async {
            let prepared = client.prepare_cached(&statement.sql).await?;
            if prepared.columns().is_empty() {
                let changed = client.execute(&prepared, &params).await?;
                return Ok(Answer { rows: Vec::new(), changed });
            }
            let rows = client.query(&prepared, &params).await?;
            let rows = rows.iter().map(Row::from_postgres).collect::<Result<Vec<_>, _>>()?;
            let changed = rows.len() as u64;
            Ok(Answer { rows, changed })
        };
        let done = timeout(STATEMENT_LIMIT, work).await;
        done.map_err(|_| TOO_SLOW)?.map_err(|error: tokio_postgres::Error| from_postgres(&error))
    }

    async fn script(&self, sql: &str) -> Result<(), StoreError> {
        let done = timeout(STATEMENT_LIMIT, self.client()?.batch_execute(sql)).await;
        done.map_err(|_| TOO_SLOW)?.map_err(|error| from_postgres(&error))
    }
}

const TOO_SLOW: StoreError = StoreError::Unavailable("PostgreSQL took too long to answer");

impl Drop for Lease {
    fn drop(&mut self) {
        // Beyond the pool's regular size connections serve a peak only.
        let is_surplus = self.pool.status().size > self.size;
        if let Some(client) = self.client.take().filter(|_| !self.is_clean || is_surplus) {
            drop(Object::take(client));
        }
    }
}

/// A transaction; dropping it closes the connection and the server rolls back.
pub(crate) struct PostgresTx {
    lease: Lease,
    /// Where the tables are, when not in the server's default schema.
    pub(crate) schema: Option<String>,
}

impl PostgresTx {
    pub(crate) async fn run(&self, statement: Statement) -> Result<Answer, StoreError> {
        self.lease.run(&statement).await
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.lease.script(sql).await
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.lease.script("COMMIT").await?;
        self.lease.is_clean = true;
        Ok(())
    }
}

/// The schema's name is written into a connection option, where it cannot be a parameter.
fn check_schema(schema: &str) -> Result<(), StoreError> {
    let is_plain = schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_plain && (1..=63).contains(&schema.len()) && !schema.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(StoreError::Configuration(
        "DATABASE_SCHEMA must be 1 to 63 lower-case letters, digits or '_', and not begin with a digit"
            .to_owned(),
    ))
}

/// Turns an error into ours; what is our own mistake is logged here, once. PostgreSQL's messages may
/// quote values, so only those about the statement itself (class 42) are logged.
fn from_postgres(error: &tokio_postgres::Error) -> StoreError {
    let Some(reported) = error.as_db_error() else {
        if error.is_closed() || error.source().is_some_and(<dyn StdError>::is::<std::io::Error>) {
            return LOST;
        }
        tracing::error!(cause = %error, "PostgreSQL cannot be spoken to.");
        let is_ours = error.source().is_some_and(<dyn StdError>::is::<tokio_postgres::types::WrongType>);
        return if is_ours { StoreError::Internal } else { LOST };
    };
    let code = reported.code();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match code {
        code if *code == SqlState::UNIQUE_VIOLATION => {
            // Unique indexes are named table__column, primary keys end in _pkey.
            let constraint = reported.constraint().unwrap_or_default();
            let column = constraint.split_once("__").map_or("id", |(_, column)| column);
            StoreError::Conflict { table: text(reported.table()), column: column.to_owned() }
        }
        code if *code == SqlState::FOREIGN_KEY_VIOLATION => StoreError::Orphan,
        code if *code == SqlState::DISK_FULL => StoreError::Unavailable("the disk of PostgreSQL is full"),
        code if *code == SqlState::T_R_DEADLOCK_DETECTED
            || *code == SqlState::T_R_SERIALIZATION_FAILURE
            || *code == SqlState::QUERY_CANCELED
            || *code == SqlState::LOCK_NOT_AVAILABLE =>
        {
            StoreError::Unavailable("PostgreSQL was too busy with the same rows")
        }
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            StoreError::Unavailable("PostgreSQL is read-only at present")
        }
        code if ["08", "53", "57", "58"].contains(&&code.code()[..2]) => {
            StoreError::Unavailable("PostgreSQL refuses work at present")
        }
        code if ["28", "3D"].contains(&&code.code()[..2]) => {
            StoreError::Unavailable("PostgreSQL does not accept our user, password or database name")
        }
        code => {
            let cause = code.code().starts_with("42").then(|| reported.message());
            tracing::error!(
                code = code.code(),
                table = reported.table(),
                column = reported.column(),
                cause,
                "A statement failed in PostgreSQL."
            );
            StoreError::Internal
        }
    }
}

impl Row {
    fn from_postgres(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        let value = |(index, column): (usize, &tokio_postgres::Column)| {
            Ok(match *column.type_() {
                Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
                Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(i64::from).into(),
                Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Bytes),
                _ => row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text),
            })
        };
        row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(Self)
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Int(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Self::Text(text) if <&str as ToSql>::accepts(ty) => text.as_str().to_sql(ty, out),
            Self::Bytes(bytes) if *ty == Type::BYTEA => bytes.as_slice().to_sql(ty, out),
            _ => Err(format!("a value does not fit a parameter of the type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl std::fmt::Debug for Value {
    /// The driver asks for it; values themselves never print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}
