//! The store's specification, run on both databases.

mod accounts;
mod chats;
mod connections;
mod keys;
mod layer;
mod schema;
mod usage;

use std::{path::PathBuf, time::Duration};

use kernel::{Caller, Email, Role, Secret, Timestamp, User};
use tempfile::TempDir;

use crate::{DatabaseConfig, Db, PoolConfig, Tx, migrate};

/// Runs the body, an async function of a [`Home`], once per database.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::spec::Home::sqlite()).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(home) = $crate::spec::Home::postgres() {
                    super::$name(home).await;
                }
            }
        )*}
    };
}
pub(crate) use on_both;

/// A place for one test's database.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres(testkit::postgres::Database),
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Option<Self> {
        testkit::postgres::Database::create().map(Self::Postgres)
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        match self {
            Self::Sqlite(_) => DatabaseConfig::Sqlite { path: self.file() },
            Self::Postgres(database) => DatabaseConfig::Postgres {
                url: Secret::new(database.url()),
                schema: None,
                pool: PoolConfig {
                    size: 4,
                    overflow: 4,
                    acquire_timeout: Duration::from_secs(20),
                    recycle: None,
                },
            },
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(dir) => dir.path().join("data/wardroom.db"),
            Self::Postgres(_) => panic!("only SQLite has a file"),
        }
    }

    /// A handle as one process has it; several of them are several processes.
    pub(crate) async fn open(&self) -> Db {
        Db::open(&self.config()).await.unwrap()
    }

    /// A handle to a database with our tables.
    pub(crate) async fn ready(&self) -> Db {
        let db = self.open().await;
        migrate(&db, at(0)).await.unwrap();
        db
    }
}

/// Holds back writes to accounts while reads pass, until the transaction is dropped: whoever comes
/// meanwhile has read and not yet written, where a race would begin. SQLite has one writer, so there they
/// queue before they read.
pub(crate) async fn hold_writes(db: &Db) -> Tx {
    let mut gate = db.begin().await.unwrap();
    if db.backend_name() == "postgres" {
        gate.script("LOCK TABLE account IN EXCLUSIVE MODE").await.unwrap();
    }
    gate
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub(crate) fn user(name: &str, role: Role) -> User {
    User {
        id: format!("user_{name}").parse().unwrap(),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        name: name.to_owned(),
        role,
        profile_image_url: String::new(),
        password: None,
        created_at: at(0),
        updated_at: at(0),
        last_active_at: None,
    }
}

/// Makes the account of `name`.
pub(crate) async fn person(db: &Db, name: &str, role: Role) -> User {
    let user = user(name, role);
    crate::users::insert(db, &user, Caller::Operator.may_manage_users().unwrap()).await.unwrap();
    user
}
