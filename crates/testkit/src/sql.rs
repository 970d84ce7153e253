//! A look into the database from outside, for what no API shows and for damage that a test does on purpose.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, types::ValueRef};

/// Runs a statement on an SQLite file, each row as its fields in text; null is empty, bytes are hex.
pub(crate) fn ask_sqlite(path: &Path, sql: &str) -> Vec<Vec<String>> {
    let db = Connection::open(path).expect("the database file can be opened");
    db.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
    let mut statement = db.prepare(sql).expect("a test gives valid SQL");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|it| Ok(text(row.get_ref(it)?))).collect());
    rows.expect("the statement runs").collect::<Result<_, _>>().expect("the rows can be read")
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    }
}
