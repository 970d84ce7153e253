//! The layer below the tables: transactions, group commit, files, and what happens when things break.

use std::{os::unix::fs::PermissionsExt, process::Command, time::Duration};

use tokio::task::JoinSet;

use super::{Home, on_both};
use crate::{DatabaseConfig, Db, PoolConfig, StoreError, value::values};

on_both! {
    a_dropped_transaction_leaves_nothing_and_blocks_nobody;
    a_call_that_is_given_up_inside_a_transaction_leaves_nothing;
    after_an_error_a_transaction_accepts_nothing_more;
    one_bad_statement_among_many_fails_alone;
    parameters_are_bound_by_number_wherever_they_stand;
    text_of_every_kind_comes_back;
    a_closed_database_says_so;
}

async fn counters(home: &Home) -> Db {
    let db = home.open().await;
    let mut tx = db.begin().await.unwrap();
    tx.script("CREATE TABLE counter (id BIGINT NOT NULL PRIMARY KEY, value TEXT)").await.unwrap();
    tx.commit().await.unwrap();
    db
}

async fn count(db: &Db) -> i64 {
    let row = db.query_one("SELECT COUNT(*) FROM counter", Vec::new()).await.unwrap();
    row.unwrap().single("counter").unwrap()
}

const INSERT: &str = "INSERT INTO counter (id, value) VALUES ($1, $2)";

/// More often than there are connections, so that each of them would be used again.
async fn a_dropped_transaction_leaves_nothing_and_blocks_nobody(home: Home) {
    let db = counters(&home).await;
    for _ in 0..20 {
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, values![1_i64, "x"]).await.unwrap();
        drop(tx);
    }
    db.execute(INSERT, values![2_i64, "y"]).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

async fn a_call_that_is_given_up_inside_a_transaction_leaves_nothing(home: Home) {
    let db = counters(&home).await;
    for _ in 0..20 {
        let work = async {
            let mut tx = db.begin().await.unwrap();
            tx.execute(INSERT, values![1_i64, "x"]).await.unwrap();
            std::future::pending::<()>().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err());
    }
    assert_eq!(count(&db).await, 0);
    db.execute(INSERT, values![1_i64, "x"]).await.unwrap();
}

async fn after_an_error_a_transaction_accepts_nothing_more(home: Home) {
    let db = counters(&home).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, values![1_i64, "x"]).await.unwrap();
    let twice = tx.execute(INSERT, values![1_i64, "x"]).await.unwrap_err();
    assert!(twice.is_conflict_of("counter", "id"), "{twice:?}");
    assert_eq!(tx.execute(INSERT, values![2_i64, "x"]).await, Err(StoreError::Internal));
    assert_eq!(tx.commit().await, Err(StoreError::Internal));
    assert_eq!(count(&db).await, 0);
}

async fn one_bad_statement_among_many_fails_alone(home: Home) {
    let db = counters(&home).await;
    let mut running = JoinSet::new();
    for n in 0..200_i64 {
        let db = db.clone();
        // Every second number comes twice.
        running.spawn(async move { db.execute(INSERT, values![n / 2 * 2, "x"]).await });
    }
    let outcomes = running.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(1)).count(), 100);
    assert!(
        outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .all(|e| e.is_conflict_of("counter", "id"))
    );
    assert_eq!(count(&db).await, 100);
}

async fn parameters_are_bound_by_number_wherever_they_stand(home: Home) {
    let db = counters(&home).await;
    db.execute("INSERT INTO counter (value, id) VALUES ($2, $1)", values![7_i64, "seven"]).await.unwrap();
    let sql = "SELECT id FROM counter WHERE value = $2 AND id = $1 AND value = $2";
    assert!(db.query_one(sql, values![7_i64, "seven"]).await.unwrap().is_some());
}

async fn text_of_every_kind_comes_back(home: Home) {
    let db = counters(&home).await;
    let cases =
        [("", ""), ("🦀 'quoted' \"too\" \\ $1", "🦀 'quoted' \"too\" \\ $1"), ("a\0b", "a\u{FFFD}b")];
    for (id, (text, expected)) in (0_i64..).zip(cases) {
        db.execute(INSERT, values![id, text]).await.unwrap();
        let row = db.query_one("SELECT value FROM counter WHERE id = $1", values![id]).await.unwrap();
        assert_eq!(row.unwrap().single::<String>("counter").unwrap(), expected);
    }
}

async fn a_closed_database_says_so(home: Home) {
    let db = counters(&home).await;
    db.ping().await.unwrap();
    db.close().await;
    assert!(matches!(db.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(db.execute(INSERT, values![1_i64, "x"]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(db.begin().await.map(drop), Err(StoreError::Unavailable(_))));
}

/// The test runs itself again below `umask 000`, because the mask belongs to the whole process.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this is how the test tells itself apart from its child")]
async fn nobody_else_may_read_the_files_whatever_the_umask() {
    const CHILD: &str = "WARDROOM_STORE_TEST_FILE";
    if let Some(path) = std::env::var_os(CHILD) {
        let db = Db::open(&DatabaseConfig::Sqlite { path: path.into() }, super::recorder()).await.unwrap();
        crate::migrate(&db, super::at(0)).await.unwrap();
        std::process::exit(0);
    }
    let Home::Sqlite(dir) = Home::sqlite() else { panic!("SQLite lives in a directory") };
    let path = dir.path().join("data/wardroom.db");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for _ in 0..2 {
        let name = std::thread::current().name().unwrap().to_owned();
        let child = Command::new("sh")
            .args(["-c", "umask 000; exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(CHILD, &path)
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        assert!(path.exists(), "the child made the database");
        // The second round must correct what somebody loosened.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let loose = dir.path().join("loose");
    std::fs::create_dir(&loose).unwrap();
    crate::private_directory(&loose).unwrap();
    assert_eq!(mode(&loose), 0o700);
}

fn postgres(url: &str, schema: Option<&str>) -> DatabaseConfig {
    DatabaseConfig::Postgres {
        url: url.into(),
        schema: schema.map(str::to_owned),
        pool: PoolConfig { acquire_timeout: Duration::from_millis(300), ..PoolConfig::default() },
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_kept_is_refused_without_showing_the_password() {
    let cases = [
        ("postgres://ada:hunter2@db/x?sslmode=require", None, "sslmode=require"),
        ("postgres://ada:hunter2@db/x?sslmode=verify-full", None, "sslmode"),
        ("mysql://ada:hunter2@db/x", None, "DATABASE_URL"),
        ("postgres://ada:hunter2@db/x", Some("a; DROP TABLE b"), "DATABASE_SCHEMA"),
    ];
    for (url, schema, named) in cases {
        let Err(StoreError::Configuration(text)) = Db::open(&postgres(url, schema), super::recorder()).await
        else {
            panic!("{url} was accepted")
        };
        assert!(text.contains(named) && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let db = Db::open(&postgres("postgres://ada@127.0.0.1:1/x", None), super::recorder()).await.unwrap();
    assert!(matches!(db.ping().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_pool_with_no_free_connection_gives_up_in_time_and_recovers() {
    let Some(Home::Postgres(database)) = Home::postgres() else { return };
    let mut config = postgres(&database.url(), None);
    if let DatabaseConfig::Postgres { pool, .. } = &mut config {
        (pool.size, pool.overflow) = (1, 1);
    }
    let db = Db::open(&config, super::recorder()).await.unwrap();
    let (one, two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    assert!(matches!(db.ping().await, Err(StoreError::Unavailable(_))));
    drop((one, two));
    db.ping().await.unwrap();
}

#[tokio::test]
async fn cut_connections_are_unavailable_inside_a_transaction_and_replaced_afterwards() {
    let Some(home) = Home::postgres() else { return };
    let db = counters(&home).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, values![1_i64, "x"]).await.unwrap();
    let Home::Postgres(database) = &home else { return };
    database.cut_connections();
    assert!(matches!(tx.execute(INSERT, values![2_i64, "x"]).await, Err(StoreError::Unavailable(_))));
    drop(tx);
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn tables_live_in_the_schema_that_is_configured() {
    let Some(Home::Postgres(database)) = Home::postgres() else { return };
    let db = Db::open(&postgres(&database.url(), Some("ward_1")), super::recorder()).await.unwrap();
    assert!(!crate::pending(&db).await.unwrap().is_empty());
    crate::migrate(&db, super::at(0)).await.unwrap();
    assert!(crate::pending(&db).await.unwrap().is_empty());
    database.sql("SELECT 1 FROM ward_1.account");
    database.sql("DROP SCHEMA public");
    assert_eq!(crate::users::count(&db).await.unwrap(), 0);
}
