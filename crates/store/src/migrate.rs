//! The schema's history. Each migration is one transaction, so a process that dies in the middle leaves
//! nothing half done; two processes cannot run them at once.

use kernel::Timestamp;

use crate::{
    StoreError,
    db::{Db, Tx},
    value::values,
};

/// One step of the schema.
#[derive(Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }
    };
}

/// All of them, oldest first. One that was released is never changed; what it got wrong, a new one corrects.
pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_accounts"),
    migration!(2, "0002_connections"),
    migration!(3, "0003_keys"),
    migration!(4, "0004_chats"),
    migration!(5, "0005_audit"),
    migration!(6, "0006_accounts"),
    migration!(7, "0007_factors"),
    migration!(8, "0008_access"),
    migration!(9, "0009_api_keys"),
    migration!(10, "0010_audit_response"),
    migration!(12, "0012_api_key_usage"),
];

/// Brings the schema up to this program's version; says how many migrations it applied.
pub async fn migrate(db: &Db, now: Timestamp) -> Result<usize, StoreError> {
    migrate_to(db, MIGRATIONS, now).await
}

/// The names of the migrations that [`migrate`] would apply. Fails like it on a newer or changed schema.
pub async fn pending(db: &Db) -> Result<Vec<&'static str>, StoreError> {
    if !db.has_table("schema_migration").await? {
        return Ok(MIGRATIONS.iter().map(|migration| migration.name).collect());
    }
    let rows = db.query(APPLIED, Vec::new()).await?;
    let left = not_applied(MIGRATIONS, rows)?;
    Ok(left.iter().map(|migration| migration.name).collect())
}

/// The newest migration that the database has seen; 0 for none.
pub async fn schema_version(db: &Db) -> Result<i64, StoreError> {
    let rows = db.query(APPLIED, Vec::new()).await?;
    rows.into_iter().last().map_or(Ok(0), |row| row.single("schema_migration"))
}

/// Whether nothing was ever migrated here: a database without tables of ours.
pub async fn is_new(db: &Db) -> Result<bool, StoreError> {
    Ok(!db.has_table("schema_migration").await?)
}

pub(crate) async fn migrate_to(db: &Db, all: &[Migration], now: Timestamp) -> Result<usize, StoreError> {
    let mut count = 0;
    loop {
        let mut tx = db.begin().await?;
        tx.lock_schema().await?;
        tx.script(HISTORY).await?;
        let rows = tx.query(APPLIED, Vec::new()).await?;
        let Some(next) = not_applied(all, rows)?.first() else { break };
        apply(&mut tx, next, now).await?;
        tx.commit().await?;
        count += 1;
    }
    Ok(count)
}

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";
const APPLIED: &str = "SELECT version, checksum FROM schema_migration ORDER BY version";

async fn apply(tx: &mut Tx, migration: &Migration, now: Timestamp) -> Result<(), StoreError> {
    let Migration { version, name, sql } = *migration;
    tx.script(sql).await.map_err(|error| match error {
        StoreError::Unavailable(_) => error,
        _ => StoreError::Migration { version, name },
    })?;
    tx.execute(
        "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
        values![version, name, checksum(sql), now],
    )
    .await?;
    Ok(())
}

/// What is left to do, after proof that what was done is what we know.
fn not_applied(all: &[Migration], rows: Vec<crate::row::Row>) -> Result<&[Migration], StoreError> {
    let program = all.last().map_or(0, |migration| migration.version);
    let mut done = 0;
    for row in rows {
        let mut fields = row.fields("schema_migration");
        let (version, found): (i64, String) = (fields.read()?, fields.read()?);
        if version > program {
            return Err(StoreError::NewerSchema { database: version, program });
        }
        match all.get(done) {
            Some(known) if known.version == version && checksum(known.sql) == found => done += 1,
            _ => return Err(StoreError::ChangedMigration { version }),
        }
    }
    Ok(&all[done..])
}

/// FNV-1a in 64 bits, and the length. It finds an edited file; whoever wants to deceive it can write to
/// the database anyway.
fn checksum(sql: &str) -> String {
    let hash = sql.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("fnv1a64:{hash:016x}:{}", sql.len())
}
