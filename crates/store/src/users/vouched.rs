//! What a proxy that the operator trusts says of a person at each sign-in: role and groups.

use kernel::{
    Caller, Role, SignInMethod, Timestamp, User, UserId,
    audit::{Entry, Event},
};

use super::administer::{find, is_last_admin};
use crate::{
    StoreError, audit,
    db::Db,
    groups,
    revision::{self, Topic},
    value::values,
};

/// What somebody else vouches for; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Vouched {
    /// What the person may do at large.
    pub role: Option<Role>,
    /// The names of all groups that the person is in; names of no group are left out.
    pub groups: Option<Vec<String>>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The account as it is now.
    pub user: User,
    /// The role stayed: nobody could administrate any more.
    pub is_last_admin: bool,
    /// The person is in other groups than before.
    pub has_new_groups: bool,
}

/// Makes role and groups what they are said to be; a lower role ends all sessions. `None` when the account is gone. What does not differ is no change
/// and leaves no record.
pub async fn take_vouched(
    db: &Db,
    id: &UserId,
    vouched: &Vouched,
    now: Timestamp,
    by: &Caller,
) -> Result<Option<Taken>, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Identity).await?;
    let Some(before) = find(&mut tx, id).await? else { return Ok(None) };
    let wanted = vouched.role.filter(|role| *role != before.role);
    let is_last_admin = wanted.is_some() && is_last_admin(&mut tx, &before).await?;
    let role = wanted.filter(|_| !is_last_admin);
    let has_new_groups = match &vouched.groups {
        Some(names) => groups::sync(&mut tx, id, names, now).await?,
        None => false,
    };
    let parts = [role.map(|_| "role"), has_new_groups.then_some("groups")];
    let event = if role.is_some() { Event::AccountRoleChanged } else { Event::AccountChanged };
    let mut entry = Entry::done(event, by)
        .on(id)
        .changed(parts.into_iter().flatten())
        .with("method", SignInMethod::TrustedHeader.as_str())
        .with("vouched_by", by.request().peer().map(|peer| peer.to_string()));
    let mut user = before;
    if let Some(role) = role {
        entry = entry.with("role_before", user.role.as_str()).with("role", role.as_str());
        let sql = "UPDATE account SET role = $2, updated_at = $3 WHERE id = $1";
        tx.execute(sql, values![id, role, now]).await?;
        if role < user.role {
            let ended = tx.execute("DELETE FROM session WHERE account_id = $1", values![id]).await?;
            entry = entry.with("sessions_ended", ended);
        }
        (user.role, user.updated_at) = (role, now);
    }
    if role.is_some() || has_new_groups {
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
    }
    Ok(Some(Taken { user, is_last_admin, has_new_groups }))
}
