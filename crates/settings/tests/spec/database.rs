//! Where the data is.

use std::time::Duration;

use settings::{Database, Pool};

use crate::World;

fn postgres(environment: &[(&str, &str)]) -> (String, Option<String>, Pool) {
    let server = match World::with(environment).read().database {
        Database::Postgres { url, schema, pool } => Some((url.expose().clone(), schema, pool)),
        Database::Sqlite { .. } => None,
    };
    server.expect("a PostgreSQL server")
}

fn sqlite(environment: &[(&str, &str)]) -> String {
    let file = match World::with(environment).read().database {
        Database::Sqlite { path } => Some(path.display().to_string()),
        Database::Postgres { .. } => None,
    };
    file.expect("an SQLite file")
}

#[test]
fn without_a_word_it_is_a_file_in_the_data_directory() {
    assert_eq!(sqlite(&[("DATA_DIR", "/var/lib/wardroom")]), "/var/lib/wardroom/wardroom.db");
    assert_eq!(sqlite(&[("DATABASE_TYPE", "sqlite")]), "./data/wardroom.db");
    assert_eq!(sqlite(&[("DATABASE_URL", "sqlite:////srv/chat.db")]), "/srv/chat.db");
}

#[test]
fn a_server_is_named_by_a_url_with_schema_and_pool_beside_it() {
    let (url, schema, pool) = postgres(&[
        ("DATABASE_URL", "postgres://ada:pw@db/chat"),
        ("DATABASE_SCHEMA", "wardroom"),
        ("DATABASE_POOL_SIZE", "20"),
        ("DATABASE_POOL_RECYCLE", "-1"),
    ]);
    assert_eq!((url.as_str(), schema.as_deref()), ("postgresql://ada:pw@db/chat", Some("wardroom")));
    assert_eq!(pool, Pool { size: 20, overflow: 0, timeout: Duration::from_secs(30), recycle: None });
}

const PARTS: [(&str, &str); 6] = [
    ("DATABASE_TYPE", "postgresql"),
    ("DATABASE_USER", "ada"),
    ("DATABASE_PASSWORD", "p@ss/w:r#d%20"),
    ("DATABASE_HOST", "db.example"),
    ("DATABASE_PORT", "5433"),
    ("DATABASE_NAME", "chat"),
];

#[test]
fn a_server_may_be_named_in_parts_whatever_characters_the_password_has() {
    assert_eq!(postgres(&PARTS).0, "postgresql://ada:p%40ss%2Fw%3Ar%23d%2520@db.example:5433/chat");
}

#[test]
fn half_of_the_parts_is_not_a_database() {
    for missing in 0..PARTS.len() {
        let mut parts = PARTS.to_vec();
        let (name, _) = parts.remove(missing);
        let problems = World::with(&parts).problems();
        assert!(problems.starts_with("DATABASE_TYPE is "), "without {name}: {problems}");
    }
}

#[test]
fn two_databases_are_one_too_many() {
    let url = ("DATABASE_URL", "sqlite:///chat.db");
    assert!(World::with(&[url, PARTS[0]]).problems().contains("remove one or the other"));
    assert!(World::with(&[url, PARTS[3]]).problems().contains("remove one or the other"));
}
