//! What Open WebUI's interface keeps about a person. Refuses to know what it means.

use kernel::{
    Permit, Timestamp, UseWorkspace, UserId,
    audit::{Entry, Event},
};

use crate::{StoreError, audit, db::Db, value::values};

/// A person's preferences, a JSON object; `None` when nothing was kept yet.
pub async fn of(db: &Db, person: &UserId) -> Result<Option<String>, StoreError> {
    let row =
        db.query_one("SELECT value FROM account_preferences WHERE account_id = $1", values![person]).await?;
    row.map(|row| row.single("account_preferences")).transpose()
}

/// Replaces a person's preferences, who must be the one the permit was given to.
pub async fn set(
    db: &Db,
    person: &UserId,
    json: &str,
    now: Timestamp,
    permit: &Permit<UseWorkspace>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let sql = "INSERT INTO account_preferences (account_id, value, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    tx.execute(sql, values![person, json, now]).await?;
    let entry = Entry::done(Event::ProfileChanged, permit.by()).on(person).changed(["settings"]);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}
