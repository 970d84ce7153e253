//! The one list of columns that hold sealed values, and the transaction that replaces all of them when a root
//! secret is replaced. Refuses to know what is in them.

use kernel::{
    ManageSettings, Permit, Timestamp,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::Db,
    revision::{self, Topic},
    settings,
    value::values,
};

/// A sealed value and where it is. The names are those that the seal binds.
#[derive(Debug, Clone)]
pub struct SealedValue {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's id.
    pub row: String,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// Every column with sealed values: table, column, the column that names the row.
const COLUMNS: [(&str, &str, &str); 3] = [
    ("connection", "sealed_key", "id"),
    ("totp", "seed", "account_id"),
    ("totp", "pending_seed", "account_id"),
];

/// All sealed values.
pub async fn all(db: &Db) -> Result<Vec<SealedValue>, StoreError> {
    let mut values = Vec::new();
    for (table, column, id) in COLUMNS {
        let sql = format!("SELECT {id}, {column} FROM {table} WHERE {column} IS NOT NULL");
        for row in db.query(sql, Vec::new()).await? {
            let mut fields = row.fields(table);
            values.push(SealedValue { table, column, row: fields.read()?, bytes: fields.read()? });
        }
    }
    Ok(values)
}

/// The setting that holds the anchor of the key ring.
const ANCHOR: &str = "keys.anchor";

/// The stored anchor of the key ring, as JSON text.
pub async fn anchor(db: &Db) -> Result<Option<String>, StoreError> {
    settings::get(db, ANCHOR).await
}

/// Stores the anchor unless there is one, and returns the one in force: two processes that start at the same
/// moment agree. It leaves no record, because the chain of records is keyed by it.
pub async fn first_anchor(db: &Db, json: &str, now: Timestamp) -> Result<String, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Settings).await?;
    let row = tx.query_one("SELECT value FROM setting WHERE name = $1", values![ANCHOR]).await?;
    if let Some(row) = row {
        return row.single("setting");
    }
    settings::put(&mut tx, ANCHOR, json, now).await?;
    tx.commit().await?;
    Ok(json.to_owned())
}

/// Stores the anchor of the key ring, and values that were sealed anew, all or nothing. A value that changed
/// since it was read stays as it is: whoever changed it sealed it.
pub async fn replace(
    db: &Db,
    anchor: &str,
    values: &[(SealedValue, Vec<u8>)],
    now: Timestamp,
    permit: &Permit<ManageSettings>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Connections).await?;
    revision::bump(&mut tx, Topic::Settings).await?;
    settings::put(&mut tx, ANCHOR, anchor, now).await?;
    for (value, sealed) in values {
        let id = COLUMNS.iter().find(|(table, column, _)| *table == value.table && *column == value.column);
        let (table, column, id) = id.ok_or(StoreError::Internal)?;
        let sql = format!("UPDATE {table} SET {column} = $1 WHERE {id} = $2 AND {column} = $3");
        let params = values![sealed.as_slice(), value.row.as_str(), value.bytes.as_slice()];
        tx.execute(sql, params).await?;
    }
    let entry = Entry::done(Event::SecretsRotated, permit.by()).with("values", values.len());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}
