//! Groups: made, changed and filled by administrators. Each change is in force when it returns.

use kernel::{
    Group, GroupId, Kind, ManageGroups, Permission, PermissionTree, Permit, Refusal, Role, User, UserId,
    is_hidden, plain_line,
};
use serde_json::{Map, Value};
use settings::Source;
use store::{
    Page,
    groups::{self, Changed, CountedGroup, GroupChange},
};

use crate::Identity;

/// Members of one page, as Open WebUI cuts them.
const PAGE: u32 = 30;
/// The longest name and description, in characters.
const LONGEST: (usize, usize) = (100, 1000);
/// The most JSON of further fields, in bytes.
const MOST_JSON: usize = 64 << 10;
/// The most people named in one request.
const MOST_PEOPLE: usize = 5000;

/// A group as an administrator sends it; what is `None` stays, or is empty in a new one.
#[derive(Debug, Clone, Default)]
pub struct GroupForm {
    /// 1 to 100 characters, unique.
    pub name: Option<String>,
    /// At most 1000 characters.
    pub description: Option<String>,
    /// What it decides; the inner `None` decides nothing.
    pub permissions: Option<Option<PermissionTree>>,
    /// The group above it; the inner `None` is none.
    pub parent: Option<Option<GroupId>>,
    /// Further fields of Open WebUI's.
    pub data: Option<Map<String, Value>>,
    /// The same.
    pub meta: Option<Map<String, Value>>,
}

/// Which members of a group are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// Those who were taken into it.
    Direct,
    /// Those of the groups below it.
    Inherited,
    /// Both.
    Effective,
}

/// Why somebody has a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// Administrators have it.
    Admin,
    /// Everybody has it when nobody decides otherwise, or by a stored setting.
    Default,
    /// The environment gives it to everybody.
    Environment,
    /// This group gives it.
    Group(GroupId),
}

/// What becomes of a permission for one person.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which.
    pub permission: Permission,
    /// Whether the person has it.
    pub is_allowed: bool,
    /// Everything that would give it alone; when there is nothing, what decides is the default.
    pub because: Vec<Because>,
}

impl Identity {
    /// All groups by name.
    pub async fn groups(&self) -> Result<Vec<CountedGroup>, Refusal> {
        Ok(groups::list(&self.0.db).await?)
    }

    /// One group. 404 when there is none.
    pub async fn group(&self, id: &GroupId) -> Result<CountedGroup, Refusal> {
        groups::by_id(&self.0.db, id).await?.ok_or_else(missing)
    }

    /// The groups of a person by name: the direct ones, and those above them.
    pub async fn groups_of(&self, user: &UserId, kind: MemberKind) -> Result<Vec<CountedGroup>, Refusal> {
        let direct = groups::list_of(&self.0.db, user).await?;
        if kind == MemberKind::Direct {
            return Ok(direct);
        }
        let is_direct = |id: &GroupId| direct.iter().any(|it| it.group.id == *id);
        let membership = self.membership();
        let line: Vec<GroupId> = direct.iter().flat_map(|it| membership.line(&it.group.id)).collect();
        let mut all = self.groups().await?;
        all.retain(|it| {
            let id = &it.group.id;
            is_direct(id) && kind == MemberKind::Effective || !is_direct(id) && line.contains(id)
        });
        Ok(all)
    }

    /// A group and those above it, the group first. Empty when there is none.
    pub async fn line_of(&self, id: &GroupId) -> Result<Vec<CountedGroup>, Refusal> {
        let line = self.membership().line(id);
        let mut all = self.groups().await?;
        all.retain(|it| line.contains(&it.group.id));
        all.sort_by_key(|it| line.iter().position(|id| *id == it.group.id));
        Ok(all)
    }

    /// Makes a group. Refuses `invalid_name`, `name_taken`, `invalid_parent`.
    pub async fn create_group(
        &self,
        form: GroupForm,
        permit: &Permit<ManageGroups>,
    ) -> Result<CountedGroup, Refusal> {
        let form = form.checked()?;
        let now = self.0.world.now();
        let json = |map: Option<Map<String, Value>>| Value::Object(map.unwrap_or_default()).to_string();
        let group = Group {
            id: GroupId::new(&self.0.world),
            creator: permit.by().person().map(|person| person.user.clone()),
            parent: form.parent.flatten(),
            name: form.name.ok_or_else(invalid_name)?,
            description: form.description.unwrap_or_default(),
            permissions: form.permissions.flatten(),
            data: json(form.data),
            meta: json(form.meta),
            created_at: now,
            updated_at: now,
        };
        groups::insert(&self.0.db, &group, permit).await.map_err(while_naming)?;
        self.take_over().await;
        Ok(CountedGroup { group, members: 0 })
    }

    /// Changes a group. Refuses like [`Identity::create_group`], and a parent that hangs below the group.
    pub async fn change_group(
        &self,
        id: &GroupId,
        form: GroupForm,
        permit: &Permit<ManageGroups>,
    ) -> Result<CountedGroup, Refusal> {
        let form = form.checked()?;
        let json = |map: Map<String, Value>| Value::Object(map).to_string();
        let change = GroupChange {
            name: form.name,
            description: form.description,
            permissions: form.permissions,
            parent: form.parent,
            data: form.data.map(json),
            meta: form.meta.map(json),
        };
        let changed = groups::apply(&self.0.db, id, change, self.0.world.now(), permit).await;
        match changed.map_err(while_naming)? {
            Changed::To(group) => {
                self.take_over().await;
                Ok(group)
            }
            Changed::Missing => Err(missing()),
            Changed::NoParent => Err(no_parent()),
            Changed::Circle => {
                let words = "A group cannot hang below itself or below a group that hangs below it.";
                Err(Refusal::field("parent_group_id", "circle", words))
            }
        }
    }

    /// Deletes a group; what was granted to it is granted to nobody. 404 when there is none.
    pub async fn delete_group(&self, id: &GroupId, permit: &Permit<ManageGroups>) -> Result<(), Refusal> {
        if !groups::delete(&self.0.db, id, permit).await? {
            return Err(missing());
        }
        self.take_over().await;
        Ok(())
    }

    /// Takes people in. Who is in already, and ids of nobody, change nothing.
    pub async fn add_members(
        &self,
        id: &GroupId,
        people: &[UserId],
        permit: &Permit<ManageGroups>,
    ) -> Result<CountedGroup, Refusal> {
        check_number(people)?;
        let now = self.0.world.now();
        let group = groups::add_members(&self.0.db, id, people, now, permit).await?.ok_or_else(missing)?;
        self.take_over().await;
        Ok(group)
    }

    /// Lets people go. Who is not in changes nothing.
    pub async fn remove_members(
        &self,
        id: &GroupId,
        people: &[UserId],
        permit: &Permit<ManageGroups>,
    ) -> Result<CountedGroup, Refusal> {
        check_number(people)?;
        let group = groups::remove_members(&self.0.db, id, people, permit).await?.ok_or_else(missing)?;
        self.take_over().await;
        Ok(group)
    }

    /// Members by name, those whose name or address contains `query`, 30 a page or all; and how many in all. 404
    /// when there is no such group.
    pub async fn members(
        &self,
        id: &GroupId,
        kind: MemberKind,
        query: Option<&str>,
        page: Option<u32>,
        _: &Permit<ManageGroups>,
    ) -> Result<(Vec<User>, u64), Refusal> {
        self.group(id).await?;
        let below = || self.membership().below(id);
        let groups = match kind {
            MemberKind::Direct => vec![id.clone()],
            MemberKind::Inherited => below(),
            MemberKind::Effective => below().into_iter().chain([id.clone()]).collect(),
        };
        let page = page.map(|number| Page::new(number, PAGE));
        Ok(groups::members(&self.0.db, &groups, query.filter(|text| !text.is_empty()), page).await?)
    }

    /// What a person may do, and why, for every permission in the order of the tree.
    pub fn explain(&self, user: &UserId, role: Role) -> Vec<Answer> {
        let loaded = self.0.settings.load();
        let (membership, rights) = (self.membership(), self.rights_of(user, role));
        let answer = |(permission, default): (Permission, &settings::Value<bool>)| {
            let mut because = Vec::new();
            if role == Role::Admin {
                because.push(Because::Admin);
            } else {
                let everybody = match default.source {
                    Source::Environment(_) | Source::File(_) => Because::Environment,
                    Source::Default | Source::Stored => Because::Default,
                };
                let giving =
                    rights.groups().iter().filter(|id| membership.permissions_of(id).has(permission));
                let mut giving = giving.cloned().map(Because::Group).peekable();
                if default.value || giving.peek().is_none() {
                    because.push(everybody);
                }
                because.extend(giving);
            }
            Answer { permission, is_allowed: rights.permissions.has(permission), because }
        };
        loaded.settings.permissions.iter().map(answer).collect()
    }

    /// What was changed counts in this process from here on. When it cannot be read at this moment, the watch
    /// over the store's revision does it later.
    async fn take_over(&self) {
        if let Err(error) = self.access_changed().await {
            tracing::warn!(%error, "a change of groups is stored but not yet in force in this process");
        }
    }
}

impl GroupForm {
    fn checked(self) -> Result<Self, Refusal> {
        let (name, description) = LONGEST;
        let fits = |text: &str, most| text.chars().count() <= most && !text.chars().any(is_hidden);
        let named =
            self.name.as_deref().map(|text| plain_line(text, name).ok_or_else(invalid_name)).transpose()?;
        if self
            .description
            .as_deref()
            .is_some_and(|text| !fits(&text.replace(['\n', '\t'], " "), description))
        {
            let words = "The description has at most 1000 characters, and none that are invisible.";
            return Err(Refusal::field("description", "invalid_description", words));
        }
        for (field, map) in [("data", &self.data), ("meta", &self.meta)] {
            if map.as_ref().is_some_and(|map| Value::Object(map.clone()).to_string().len() > MOST_JSON) {
                return Err(Refusal::field(
                    field,
                    "too_large",
                    "There are at most 64 KiB of further fields.",
                ));
            }
        }
        Ok(Self { name: named, ..self })
    }
}

fn check_number(people: &[UserId]) -> Result<(), Refusal> {
    if people.len() <= MOST_PEOPLE {
        return Ok(());
    }
    Err(Refusal::field("user_ids", "too_many", "Name at most 5000 people at once."))
}

fn missing() -> Refusal {
    Refusal::not_found("group")
}

fn invalid_name() -> Refusal {
    let words = "A group needs a name of 1 to 100 characters, none of them invisible.";
    Refusal::field("name", "invalid_name", words)
}

fn no_parent() -> Refusal {
    Refusal::field("parent_group_id", "invalid_parent", "There is no such group to hang below.")
}

fn while_naming(error: store::StoreError) -> Refusal {
    if error.is_conflict_of("user_group", "name") {
        let words = "Another group has this name. Choose another one.";
        return Refusal { field: Some("name".into()), ..Refusal::new(Kind::Conflict, "name_taken", words) };
    }
    if error == store::StoreError::Orphan { no_parent() } else { error.into() }
}
