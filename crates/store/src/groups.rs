//! Groups and who is in them. Every change raises [`Topic::Access`] first.

use kernel::{
    Group, GroupId, GroupRights, ManageGroups, Membership, Permission, PermissionTree, Permit, Timestamp,
    User, UserId,
    audit::{Entry, Event},
};

use crate::{
    Page, StoreError, audit,
    db::{Db, Tx},
    page::containing,
    revision::{self, Topic},
    row::{Fields, Row, to_json},
    users::{self, count_of},
    value::{Value, values},
};

const COLUMNS: &str =
    "id, creator_id, parent_id, name, description, permissions, data, meta, created_at, updated_at";

/// A group, and how many people are in it directly.
#[derive(Debug, Clone)]
pub struct CountedGroup {
    /// The group.
    pub group: Group,
    /// Its direct members.
    pub members: u64,
}

/// What becomes different; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// As shown.
    pub name: Option<String>,
    /// As shown.
    pub description: Option<String>,
    /// What it decides; the inner `None` decides nothing.
    pub permissions: Option<Option<PermissionTree>>,
    /// The group above it; the inner `None` is none.
    pub parent: Option<Option<GroupId>>,
    /// JSON objects.
    pub data: Option<String>,
    /// The same.
    pub meta: Option<String>,
}

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// Done.
    To(CountedGroup),
    /// There is no such group.
    Missing,
    /// There is no such parent.
    NoParent,
    /// The parent hangs below the group.
    Circle,
}

/// Adds a group. `Conflict` of `user_group.name` when another has the name, `Orphan` when there is no such
/// parent.
pub async fn insert(db: &Db, group: &Group, permit: &Permit<ManageGroups>) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    let sql = format!("INSERT INTO user_group ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let params = values![
        &group.id,
        group.creator.as_ref(),
        group.parent.as_ref(),
        &group.name,
        &group.description,
        group.permissions.as_ref().map(to_json),
        &group.data,
        &group.meta,
        group.created_at,
        group.updated_at,
    ];
    tx.execute(sql, params).await?;
    let entry = Entry::done(Event::GroupMade, permit.by()).on(&group.id).with("name", group.name.as_str());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}

/// Changes a group. `Conflict` of `user_group.name` when another has the name. Groups never hang in a circle,
/// also when two administrators hang two groups below each other at the same moment.
pub async fn apply(
    db: &Db,
    id: &GroupId,
    change: GroupChange,
    now: Timestamp,
    permit: &Permit<ManageGroups>,
) -> Result<Changed, StoreError> {
    let mut tx = begin(db).await?;
    let Some(before) = find(&mut tx, id).await? else { return Ok(Changed::Missing) };
    let after = change.over(before.clone());
    if let Some(parent) = after.parent.as_ref().filter(|parent| before.parent.as_ref() != Some(parent)) {
        let lines = Membership::new(group_rights(tx.query(RIGHTS, Vec::new()).await?)?, Vec::new());
        if lines.line(parent).is_empty() {
            return Ok(Changed::NoParent);
        }
        if !lines.may_hang(id, parent) {
            return Ok(Changed::Circle);
        }
    }
    let names = differing(&before, &after);
    if !names.is_empty() {
        let sql =
            "UPDATE user_group SET parent_id = $2, name = $3, description = $4, permissions = $5, data = $6,
                 meta = $7, updated_at = $8 WHERE id = $1";
        let params = values![
            id,
            after.parent.as_ref(),
            &after.name,
            &after.description,
            after.permissions.as_ref().map(to_json),
            &after.data,
            &after.meta,
            now,
        ];
        tx.execute(sql, params).await?;
    }
    let counted = counted(&mut tx, id).await?;
    if !names.is_empty() {
        let mut entry = Entry::done(Event::GroupChanged, permit.by()).on(id).changed(names);
        if before.permissions != after.permissions {
            entry = entry.with("allows", allowed(&after)).with("allowed_before", allowed(&before));
        }
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
    }
    Ok(counted.map_or(Changed::Missing, Changed::To))
}

impl GroupChange {
    fn over(self, before: Group) -> Group {
        Group {
            parent: self.parent.unwrap_or(before.parent),
            name: self.name.unwrap_or(before.name),
            description: self.description.unwrap_or(before.description),
            permissions: self.permissions.unwrap_or(before.permissions),
            data: self.data.unwrap_or(before.data),
            meta: self.meta.unwrap_or(before.meta),
            ..before
        }
    }
}

fn differing(before: &Group, after: &Group) -> Vec<&'static str> {
    let fields = [
        ("parent_group_id", before.parent != after.parent),
        ("name", before.name != after.name),
        ("description", before.description != after.description),
        ("permissions", before.permissions != after.permissions),
        ("data", before.data != after.data),
        ("meta", before.meta != after.meta),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// The paths of what a group allows.
fn allowed(group: &Group) -> Vec<&'static str> {
    let granted = group.permissions.as_ref().map(PermissionTree::granted).unwrap_or_default();
    granted.iter().map(Permission::path).collect()
}

/// Deletes a group; groups below it hang nowhere from then on, and what was granted to it is granted to nobody.
/// `false` when there is none.
pub async fn delete(db: &Db, id: &GroupId, permit: &Permit<ManageGroups>) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let Some(group) = find(&mut tx, id).await? else { return Ok(false) };
    let grants = "DELETE FROM access_grant WHERE principal_type = 'group' AND principal_id = $1";
    let lost = tx.execute(grants, values![id]).await?;
    tx.execute("DELETE FROM user_group WHERE id = $1", values![id]).await?;
    let entry = Entry::done(Event::GroupDeleted, permit.by()).on(id);
    let entry = entry.with("name", group.name).with("lost_grants", lost);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes people in; who is in already, and ids of nobody, change nothing. `None` when there is no such group.
pub async fn add_members(
    db: &Db,
    id: &GroupId,
    people: &[UserId],
    now: Timestamp,
    permit: &Permit<ManageGroups>,
) -> Result<Option<CountedGroup>, StoreError> {
    let mut tx = begin(db).await?;
    if find(&mut tx, id).await?.is_none() {
        return Ok(None);
    }
    let mut joined = Vec::new();
    for person in people {
        if put_member(&mut tx, id, person, now).await? {
            joined.push(person);
        }
    }
    let after = counted(&mut tx, id).await?;
    note_members(&mut tx, id, "joined", &joined, permit).await?;
    tx.commit().await?;
    Ok(after)
}

/// Lets people go; who is not in changes nothing. `None` when there is no such group.
pub async fn remove_members(
    db: &Db,
    id: &GroupId,
    people: &[UserId],
    permit: &Permit<ManageGroups>,
) -> Result<Option<CountedGroup>, StoreError> {
    let mut tx = begin(db).await?;
    if find(&mut tx, id).await?.is_none() {
        return Ok(None);
    }
    let mut left = Vec::new();
    for person in people {
        let sql = "DELETE FROM group_member WHERE group_id = $1 AND account_id = $2";
        if tx.execute(sql, values![id, person]).await? > 0 {
            left.push(person);
        }
    }
    let after = counted(&mut tx, id).await?;
    note_members(&mut tx, id, "left", &left, permit).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a person into a group as part of a larger change, e.g. the making of an account. Raises
/// [`Topic::Access`]; a topic that is raised before it in the same transaction is [`Topic::Identity`].
/// `false` when there is no such group.
pub async fn join(tx: &mut Tx, id: &GroupId, person: &UserId, now: Timestamp) -> Result<bool, StoreError> {
    revision::bump(tx, Topic::Access).await?;
    if find(tx, id).await?.is_none() {
        return Ok(false);
    }
    put_member(tx, id, person, now).await?;
    Ok(true)
}

/// Makes the person's direct groups exactly those with these names, as part of a larger change; names of no
/// group are left out. Says whether anything changed.
pub async fn sync(
    tx: &mut Tx,
    person: &UserId,
    names: &[String],
    now: Timestamp,
) -> Result<bool, StoreError> {
    revision::bump(tx, Topic::Access).await?;
    let sql = "SELECT g.id, g.name, (SELECT COUNT(*) FROM group_member m WHERE m.group_id = g.id AND m.account_id = $1)
         FROM user_group g";
    let mut has_changed = false;
    for row in tx.query(sql, values![person]).await? {
        let mut fields = row.fields("user_group");
        let (id, name, count): (GroupId, String, i64) = (fields.read()?, fields.read()?, fields.read()?);
        match (names.contains(&name), count > 0) {
            (true, false) => drop(put_member(tx, &id, person, now).await?),
            (false, true) => {
                let sql = "DELETE FROM group_member WHERE group_id = $1 AND account_id = $2";
                tx.execute(sql, values![&id, person]).await?;
            }
            _ => continue,
        }
        has_changed = true;
    }
    Ok(has_changed)
}

/// The record of people who came or went; none when nobody did. At most 50 are named.
async fn note_members(
    tx: &mut Tx,
    id: &GroupId,
    what: &'static str,
    people: &[&UserId],
    permit: &Permit<ManageGroups>,
) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = people.iter().take(50).map(|person| person.as_str()).collect();
    let entry = Entry::done(Event::GroupMembersChanged, permit.by()).on(id);
    audit::append(tx, &entry.with(what, named).with("count", people.len())).await
}

/// `false` when the person is in already, or is nobody.
async fn put_member(tx: &mut Tx, id: &GroupId, person: &UserId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO group_member (group_id, account_id, created_at)
         SELECT CAST($1 AS TEXT), account.id, CAST($3 AS BIGINT) FROM account WHERE account.id = $2
         ON CONFLICT (group_id, account_id) DO NOTHING";
    Ok(tx.execute(sql, values![id, person, now]).await? > 0)
}

/// All groups by name.
pub async fn list(db: &Db) -> Result<Vec<CountedGroup>, StoreError> {
    let sql = format!("{COUNTED} ORDER BY user_group.name, user_group.id");
    db.query(sql, Vec::new()).await?.into_iter().map(read_counted).collect()
}

/// The groups that a person is in directly, by name.
pub async fn list_of(db: &Db, person: &UserId) -> Result<Vec<CountedGroup>, StoreError> {
    let sql = format!(
        "{COUNTED} WHERE user_group.id IN (SELECT group_id FROM group_member WHERE account_id = $1)
         ORDER BY user_group.name, user_group.id"
    );
    db.query(sql, values![person]).await?.into_iter().map(read_counted).collect()
}

/// The group with this id.
pub async fn by_id(db: &Db, id: &GroupId) -> Result<Option<CountedGroup>, StoreError> {
    let sql = format!("{COUNTED} WHERE user_group.id = $1");
    db.query_one(sql, values![id]).await?.map(read_counted).transpose()
}

/// The direct members of any of these groups by name, those whose name or address contains the text; and how
/// many there are.
pub async fn members(
    db: &Db,
    groups: &[GroupId],
    text: Option<&str>,
    page: Option<Page>,
) -> Result<(Vec<User>, u64), StoreError> {
    if groups.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let mut params: Vec<Value> = values![containing(text.unwrap_or_default())];
    params.extend(groups.iter().map(Value::from));
    let places: Vec<String> = (2..=groups.len() + 1).map(|n| format!("${n}")).collect();
    let matches = format!(
        "(LOWER(name) LIKE $1 ESCAPE '!' OR LOWER(email) LIKE $1 ESCAPE '!')
         AND id IN (SELECT account_id FROM group_member WHERE group_id IN ({}))",
        places.join(", ")
    );
    let count = format!("SELECT COUNT(*) FROM account WHERE {matches}");
    let total = count_of(db.query_one(count, params.clone()).await?)?;
    let mut sql = format!("SELECT {} FROM account WHERE {matches} ORDER BY name, id", users::COLUMNS);
    if let Some(page) = page {
        sql = format!("{sql} LIMIT ${} OFFSET ${}", params.len() + 1, params.len() + 2);
        params.extend([page.limit(), page.offset()]);
    }
    let rows = db.query(sql, params).await?.into_iter();
    let people: Result<_, _> = rows.map(|row| users::user(&mut row.fields("account"))).collect();
    Ok((people?, total))
}

/// Who is in which group, and what groups allow: what is kept in memory.
pub async fn membership(db: &Db) -> Result<Membership, StoreError> {
    let groups = group_rights(db.query(RIGHTS, Vec::new()).await?)?;
    let rows = db.query("SELECT group_id, account_id FROM group_member", Vec::new()).await?.into_iter();
    let direct = rows.map(|row| {
        let mut fields = row.fields("group_member");
        let group: GroupId = fields.read()?;
        Ok((fields.read::<UserId>()?, group))
    });
    Ok(Membership::new(groups, direct.collect::<Result<_, StoreError>>()?))
}

const RIGHTS: &str = "SELECT id, parent_id, permissions FROM user_group";

fn group_rights(rows: Vec<Row>) -> Result<Vec<GroupRights>, StoreError> {
    let read = |row: Row| {
        let mut fields = row.fields("user_group");
        let (id, parent) = (fields.read()?, fields.read()?);
        let tree: Option<PermissionTree> = fields.optional_json()?;
        Ok(GroupRights { id, parent, permissions: tree.map(|tree| tree.granted()).unwrap_or_default() })
    };
    rows.into_iter().map(read).collect()
}

async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Access).await?;
    Ok(tx)
}

const COUNTED: &str =
    "SELECT user_group.id, creator_id, parent_id, name, description, permissions, data, meta,
         user_group.created_at, updated_at,
         (SELECT COUNT(*) FROM group_member WHERE group_member.group_id = user_group.id) FROM user_group";

async fn find(tx: &mut Tx, id: &GroupId) -> Result<Option<Group>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user_group WHERE id = $1");
    tx.query_one(sql, values![id]).await?.map(|row| group(&mut row.fields("user_group"))).transpose()
}

async fn counted(tx: &mut Tx, id: &GroupId) -> Result<Option<CountedGroup>, StoreError> {
    let sql = format!("{COUNTED} WHERE user_group.id = $1");
    tx.query_one(sql, values![id]).await?.map(read_counted).transpose()
}

fn read_counted(row: Row) -> Result<CountedGroup, StoreError> {
    let mut fields = row.fields("user_group");
    Ok(CountedGroup { group: group(&mut fields)?, members: fields.read()? })
}

fn group(fields: &mut Fields) -> Result<Group, StoreError> {
    Ok(Group {
        id: fields.read()?,
        creator: fields.read()?,
        parent: fields.read()?,
        name: fields.read()?,
        description: fields.read()?,
        permissions: fields.optional_json()?,
        data: fields.read()?,
        meta: fields.read()?,
        created_at: fields.read()?,
        updated_at: fields.read()?,
    })
}
