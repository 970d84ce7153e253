//! Migrations.

use super::{Home, at, on_both};
use crate::{
    StoreError, is_new, migrate,
    migrate::{MIGRATIONS, Migration, migrate_to},
    pending, schema_version,
};

on_both! {
    a_new_database_is_pending_until_it_is_migrated_and_migrating_again_does_nothing;
    servers_that_start_at_the_same_moment_migrate_once;
    a_migration_that_was_edited_afterwards_is_refused;
    a_database_of_a_newer_program_is_refused;
    a_migration_that_fails_in_the_middle_leaves_nothing;
}

async fn a_new_database_is_pending_until_it_is_migrated_and_migrating_again_does_nothing(home: Home) {
    let db = home.open().await;
    assert_eq!(pending(&db).await.unwrap().len(), MIGRATIONS.len());
    assert!(is_new(&db).await.unwrap());
    assert_eq!(migrate(&db, at(0)).await.unwrap(), MIGRATIONS.len());
    assert_eq!(pending(&db).await.unwrap(), [""; 0]);
    assert!(!is_new(&db).await.unwrap());
    assert_eq!(migrate(&db, at(0)).await.unwrap(), 0);
    assert_eq!(schema_version(&db).await.unwrap(), MIGRATIONS.last().unwrap().version);
}

async fn servers_that_start_at_the_same_moment_migrate_once(home: Home) {
    let mut servers = Vec::new();
    for _ in 0..5 {
        servers.push(home.open().await);
    }
    let mut running = tokio::task::JoinSet::new();
    for db in servers {
        running.spawn(async move { migrate(&db, at(0)).await.unwrap() });
    }
    assert_eq!(running.join_all().await.into_iter().sum::<usize>(), MIGRATIONS.len());
}

const FIRST: Migration = Migration { version: 1, name: "0001_a", sql: "CREATE TABLE a (x BIGINT);" };

async fn a_migration_that_was_edited_afterwards_is_refused(home: Home) {
    let db = home.open().await;
    migrate_to(&db, &[FIRST], at(0)).await.unwrap();
    let edited = Migration { sql: "CREATE TABLE a (y BIGINT);", ..FIRST };
    let refused = migrate_to(&db, &[edited], at(0)).await;
    assert_eq!(refused, Err(StoreError::ChangedMigration { version: 1 }));
}

async fn a_database_of_a_newer_program_is_refused(home: Home) {
    let db = home.ready().await;
    let program = MIGRATIONS.last().unwrap().version;
    db.execute(
        "INSERT INTO schema_migration (version, name, checksum, applied_at) VALUES (9000, 'x', 'x', 0)",
        Vec::new(),
    )
    .await
    .unwrap();
    let refused = Err(StoreError::NewerSchema { database: 9000, program });
    assert_eq!(migrate(&db, at(0)).await, refused);
    assert_eq!(pending(&db).await.map(|names| names.len()), refused);
}

async fn a_migration_that_fails_in_the_middle_leaves_nothing(home: Home) {
    let db = home.open().await;
    let broken = Migration {
        version: 1,
        name: "0001_a",
        sql: "CREATE TABLE a (x BIGINT); INSERT INTO nowhere VALUES (1);",
    };
    let failed = migrate_to(&db, &[broken], at(0)).await;
    assert_eq!(failed, Err(StoreError::Migration { version: 1, name: "0001_a" }));
    assert!(!db.has_table("a").await.unwrap());
    assert_eq!(migrate_to(&db, &[FIRST], at(0)).await, Ok(1));
}
