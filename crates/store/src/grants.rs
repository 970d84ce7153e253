//! Grants: who may see and change single resources. Every change raises [`Topic::Access`] first.
//!
//! A resource about which nobody decided has no entry and follows the default of its kind. One about which
//! somebody did keeps its entry when the last person or group named in its grants is gone: it is then for
//! nobody, never for everybody.

use std::collections::HashMap;

use kernel::{
    ChangeGrants, Grant, ManageConnections, Permit, Principal, Resource, Role, Timestamp, UserId,
    audit::{Entry, Event, Target, TargetKind},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    row::{Fields, Row},
    value::values,
};

/// What was decided about one resource; `None` when nobody decided anything.
pub async fn of(db: &Db, kind: Resource, id: &str) -> Result<Option<Vec<Grant>>, StoreError> {
    Ok(gather(db.query(one_sql(), values![kind.as_str(), id]).await?)?.remove(id))
}

fn one_sql() -> String {
    format!("{SELECT} AND d.resource_id = $2")
}

/// What was decided about the resources of a kind, by their ids: what is kept in memory.
pub async fn all(db: &Db, kind: Resource) -> Result<HashMap<String, Vec<Grant>>, StoreError> {
    gather(db.query(SELECT, values![kind.as_str()]).await?)
}

/// A decision about one resource.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// What was decided when the permit was asked for, sorted, as [`of`] gives it: whether somebody may decide
    /// follows from that.
    pub before: Option<&'a [Grant]>,
    /// Exactly these grants from now on, or (`None`) the default of its kind.
    pub after: Option<&'a [Grant]>,
}

/// Decides about a resource. `false`, and nothing changes, when somebody else decided in the meantime.
pub async fn replace(
    db: &Db,
    kind: Resource,
    id: &str,
    decision: Decision<'_>,
    now: Timestamp,
    permit: &Permit<ChangeGrants>,
) -> Result<bool, StoreError> {
    let Decision { before: judged, after: grants } = decision;
    let mut tx = db.begin().await?;
    // Whoever raises the topic waits for everybody else who does, so what is read next stays true.
    revision::bump(&mut tx, Topic::Access).await?;
    let before = gather(tx.query(one_sql(), values![kind.as_str(), id]).await?)?.remove(id);
    if before.as_deref() != judged {
        return Ok(false);
    }
    let forget = "DELETE FROM access_decision WHERE resource_type = $1 AND resource_id = $2";
    tx.execute(forget, values![kind.as_str(), id]).await?;
    if let Some(grants) = grants {
        put(&mut tx, kind, id, grants, now).await?;
    }
    let target = match kind {
        Resource::Model => Target::new(TargetKind::Model, id),
    };
    let entry = Entry::done(Event::GrantsChanged, permit.by()).on(target);
    let entry = entry.with("grants", named(grants)).with("before", named(before.as_deref()));
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Grants in the words of the audit log, at most 50; null for the default of the kind.
fn named(grants: Option<&[Grant]>) -> Option<Vec<String>> {
    let word = |grant: &Grant| format!("{}:{}", grant.principal, grant.want.as_str());
    grants.map(|grants| grants.iter().take(50).map(word).collect())
}

async fn put(
    tx: &mut Tx,
    kind: Resource,
    id: &str,
    grants: &[Grant],
    now: Timestamp,
) -> Result<(), StoreError> {
    let decide = "INSERT INTO access_decision (resource_type, resource_id, updated_at) VALUES ($1, $2, $3)";
    tx.execute(decide, values![kind.as_str(), id, now]).await?;
    for grant in grants {
        let (principal_type, principal) = grant.principal.parts();
        let sql =
            "INSERT INTO access_grant (resource_type, resource_id, principal_type, principal_id, permission)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        tx.execute(sql, values![kind.as_str(), id, principal_type, principal, grant.want.as_str()]).await?;
    }
    Ok(())
}

/// Resources got other names (from, to): what was decided about the old name holds for the new one as well,
/// unless somebody decided about that already. The old name keeps its decision, for another resource may
/// answer to it next.
pub async fn carry(
    db: &Db,
    kind: Resource,
    names: &[(String, String)],
    _: &Permit<ManageConnections>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Access).await?;
    for (from, to) in names {
        let params = values![kind.as_str(), from, to];
        let decide = "INSERT INTO access_decision (resource_type, resource_id, updated_at)
             SELECT resource_type, CAST($3 AS TEXT), updated_at FROM access_decision
             WHERE resource_type = $1 AND resource_id = $2
             ON CONFLICT (resource_type, resource_id) DO NOTHING";
        if tx.execute(decide, params.clone()).await? == 1 {
            let grant = "INSERT INTO access_grant
                 SELECT resource_type, CAST($3 AS TEXT), principal_type, principal_id, permission
                 FROM access_grant WHERE resource_type = $1 AND resource_id = $2";
            tx.execute(grant, params).await?;
        }
    }
    tx.commit().await
}

/// The people who own virtual keys that are not revoked, with their roles: what limits those keys.
pub async fn key_owners(db: &Db) -> Result<Vec<(UserId, Role)>, StoreError> {
    let sql = "SELECT id, CASE WHEN deactivated_at IS NULL THEN role ELSE 'pending' END FROM account
         WHERE id IN (SELECT owner_id FROM virtual_key WHERE revoked_at IS NULL AND owner_id IS NOT NULL)";
    let owner = |row: Row| {
        let mut fields = row.fields("account");
        Ok((fields.read()?, fields.read()?))
    };
    db.query(sql, Vec::new()).await?.into_iter().map(owner).collect()
}

const SELECT: &str = "SELECT d.resource_id, g.principal_type, g.principal_id, g.permission
     FROM access_decision d LEFT JOIN access_grant g
         ON g.resource_type = d.resource_type AND g.resource_id = d.resource_id
     WHERE d.resource_type = $1";

/// Rows of [`SELECT`]: a resource without grants has one row of nulls.
fn gather(rows: Vec<Row>) -> Result<HashMap<String, Vec<Grant>>, StoreError> {
    let mut all: HashMap<String, Vec<Grant>> = HashMap::new();
    for row in rows {
        let mut fields = row.fields("access_grant");
        let grants = all.entry(fields.read()?).or_default();
        grants.extend(grant(&mut fields)?);
    }
    for grants in all.values_mut() {
        grants.sort();
    }
    Ok(all)
}

fn grant(fields: &mut Fields) -> Result<Option<Grant>, StoreError> {
    let (kind, id): (Option<String>, Option<String>) = (fields.read()?, fields.read()?);
    let want = fields.read()?;
    let (Some(kind), Some(id), Some(want)) = (kind, id, want) else { return Ok(None) };
    let principal = Principal::parse(&kind, &id).ok_or_else(|| fields.damaged())?;
    Ok(Some(Grant { principal, want }))
}
