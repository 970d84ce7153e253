//! The store's specification, run on both databases.

mod access;
mod accounts;
mod administration;
mod api_keys;
mod audit;
mod chats;
mod connections;
mod keys;
mod layer;
mod schema;
mod usage;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{
    Caller, Clock, Email, Person, PersonCredential, Random, Rights, Role, Secret, Session, SignInMethod,
    Timestamp, User, Who, World,
    audit::{Level, Sealer},
};
use tempfile::TempDir;

use crate::{DatabaseConfig, Db, PoolConfig, Tx, audit::Recorder, migrate};

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
        Db::open(&self.config(), recorder()).await.unwrap()
    }

    /// A handle to a database with our tables.
    pub(crate) async fn ready(&self) -> Db {
        let db = self.open().await;
        migrate(&db, at(0)).await.unwrap();
        db
    }
}

/// A clock that stands still, and dice that never show the same twice.
struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(0)
    }
}
struct Counting(AtomicU64);
impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        // The address makes two processes of one test differ.
        let place = u64::try_from(std::ptr::from_ref(self).addr()).unwrap();
        for chunk in bytes.chunks_mut(8) {
            let count =
                place ^ self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A session of `user_{user}` that begins at the start.
pub(crate) fn session(id: &str, user: &str, expires: Option<i64>) -> Session {
    Session {
        id: id.parse().unwrap(),
        user: format!("user_{user}").parse().unwrap(),
        method: SignInMethod::Password,
        created_at: at(0),
        expires_at: expires.map(at),
        address: "192.0.2.1".to_owned(),
        device: "Firefox on Linux".to_owned(),
        last_used_at: at(0),
        proved_at: at(0),
    }
}

/// A seal that anybody can compute: the sums of what it covers.
pub(crate) struct Sums;
impl Sealer for Sums {
    fn seal_record(&self, previous: &[u8; 32], record: &[u8]) -> [u8; 32] {
        let mut seal = previous.map(|byte| byte.wrapping_mul(31).wrapping_add(7));
        for (index, byte) in record.iter().enumerate() {
            seal[index % 32] = seal[index % 32].wrapping_mul(31).wrapping_add(*byte);
        }
        seal
    }
}

pub(crate) fn recorder() -> Recorder {
    Recorder::new(World::new(Still, Counting(AtomicU64::new(1))), Arc::new(Sums), Level::Metadata)
}

/// The person of this name, signed in.
pub(crate) fn signed_in(name: &str, role: Role) -> Caller {
    let user = user(name, role);
    Caller::operator().acting_as(Who::Person(Person {
        user: user.id,
        role,
        name: user.name.into(),
        email: user.email,
        credential: PersonCredential::Session(format!("session_{name}").parse().unwrap()),
        proved_at: None,
        rights: Rights::default(),
    }))
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
        deactivated_at: None,
    }
}

/// Makes the account of `name`.
pub(crate) async fn person(db: &Db, name: &str, role: Role) -> User {
    let user = user(name, role);
    crate::users::insert(db, &user, None, &Caller::operator().may_manage_users().unwrap()).await.unwrap();
    user
}
