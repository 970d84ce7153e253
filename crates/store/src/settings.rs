//! Stored settings: a name and JSON text. Refuses to know what they mean, but for which are permissions: the log has
//! an event of its own for these.

use std::collections::BTreeMap;

use kernel::{
    ManageSettings, Permission, Permit, Timestamp,
    audit::{Entry, Event, Target, TargetKind},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    value::values,
};

/// All stored settings, name to JSON text.
pub async fn all(db: &Db) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = db.query("SELECT name, value FROM setting", Vec::new()).await?;
    rows.into_iter()
        .map(|row| {
            let mut fields = row.fields("setting");
            Ok((fields.read()?, fields.read()?))
        })
        .collect()
}

/// One stored setting, as JSON text.
pub async fn get(db: &Db, name: &str) -> Result<Option<String>, StoreError> {
    let row = db.query_one("SELECT value FROM setting WHERE name = $1", values![name]).await?;
    row.map(|row| row.single("setting")).transpose()
}

/// Stores one setting.
pub async fn set(
    db: &Db,
    name: &str,
    json: &str,
    now: Timestamp,
    permit: &Permit<ManageSettings>,
) -> Result<(), StoreError> {
    apply(db, &[(name, Some(json))], now, permit).await
}

/// Forgets a stored setting, so that its default or the environment rules again.
pub async fn unset(
    db: &Db,
    name: &str,
    now: Timestamp,
    permit: &Permit<ManageSettings>,
) -> Result<(), StoreError> {
    apply(db, &[(name, None)], now, permit).await
}

/// Stores (`Some`) and forgets (`None`) several settings, all or none of them.
pub async fn apply(
    db: &Db,
    changes: &[(&str, Option<&str>)],
    now: Timestamp,
    permit: &Permit<ManageSettings>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Settings).await?;
    for (name, json) in changes {
        match json {
            Some(json) => put(&mut tx, name, json, now).await?,
            None => drop(tx.execute("DELETE FROM setting WHERE name = $1", values![*name]).await?),
        }
    }
    audit::append(&mut tx, &changed(permit, changes)).await?;
    tx.commit().await
}

/// The names alone: what is stored may be a secret.
fn changed(permit: &Permit<ManageSettings>, changes: &[(&str, Option<&str>)]) -> Entry {
    let are_permissions = changes.iter().all(|(name, _)| Permission::of_variable(name).is_some());
    let event = if are_permissions { Event::PermissionsChanged } else { Event::SettingsChanged };
    let entry = Entry::done(event, permit.by()).changed(changes.iter().map(|(name, _)| *name));
    match changes {
        _ if are_permissions => entry.on(Target::new(TargetKind::Permissions, "default")),
        [(name, _)] => entry.on(Target::new(TargetKind::Setting, name)),
        _ => entry,
    }
}

pub(crate) async fn put(tx: &mut Tx, name: &str, json: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        values![name, json, now],
    )
    .await
    .map(drop)
}
