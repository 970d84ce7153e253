//! Groups, grants, shared chats.

use kernel::{
    Caller, Grant, Group, GroupId, ManageGroups, Permission, Permit, Principal, Resource, Role, UserId, Want,
};
use serde_json::json;

use super::{Home, at, on_both, person};
use crate::{
    Db, Page, StoreError,
    grants::{self, Decision},
    groups::{self, Changed, GroupChange},
    revision::{self, Topic},
};

on_both! {
    a_member_has_what_the_group_and_those_above_it_allow;
    two_groups_hung_below_each_other_at_the_same_moment_make_no_circle;
    a_group_needs_a_name_of_its_own_and_a_parent_that_exists;
    people_of_nobody_do_not_join_and_who_is_in_already_does_not_join_twice;
    members_are_found_by_name_and_paged;
    a_model_whose_last_group_is_gone_is_for_nobody_rather_than_for_everybody;
    nobody_decides_by_a_right_that_was_taken_in_the_meantime;
    a_decision_holds_for_the_new_name_too_and_can_be_taken_back;
    every_change_is_seen_by_other_processes;
}

fn may() -> Permit<ManageGroups> {
    Caller::operator().may_manage_groups().unwrap()
}

fn group(name: &str, parent: Option<&str>) -> Group {
    Group {
        id: name.parse().unwrap(),
        creator: None,
        parent: parent.map(|parent| parent.parse().unwrap()),
        name: name.to_owned(),
        description: String::new(),
        permissions: None,
        data: "{}".to_owned(),
        meta: "{}".to_owned(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn id(text: &str) -> GroupId {
    text.parse().unwrap()
}

async fn below(db: &Db, group: &str, parent: &str) -> Changed {
    let change = GroupChange { parent: Some(Some(id(parent))), ..GroupChange::default() };
    groups::apply(db, &id(group), change, at(1), &may()).await.unwrap()
}

async fn a_member_has_what_the_group_and_those_above_it_allow(home: Home) {
    let db = home.ready().await;
    let ada = person(&db, "ada", Role::User).await.id;
    let tree = serde_json::from_value(json!({ "chat": { "share": true, "export": false } })).unwrap();
    groups::insert(&db, &Group { permissions: Some(tree), ..group("staff", None) }, &may()).await.unwrap();
    groups::insert(&db, &group("desk", Some("staff")), &may()).await.unwrap();

    let count =
        groups::add_members(&db, &id("desk"), std::slice::from_ref(&ada), at(1), &may()).await.unwrap();
    assert_eq!(count.unwrap().members, 1);

    let rights = groups::membership(&db).await.unwrap().of(&ada);
    assert_eq!(rights.groups(), [id("desk"), id("staff")]);
    assert_eq!(rights.permissions.iter().collect::<Vec<_>>(), [Permission::ChatShare]);
    assert_eq!(groups::list_of(&db, &ada).await.unwrap().len(), 1);

    groups::remove_members(&db, &id("desk"), std::slice::from_ref(&ada), &may()).await.unwrap().unwrap();
    assert_eq!(groups::membership(&db).await.unwrap().of(&ada).groups(), []);
}

async fn two_groups_hung_below_each_other_at_the_same_moment_make_no_circle(home: Home) {
    let (db, other) = (home.ready().await, home.open().await);
    for name in ["a", "b"] {
        groups::insert(&db, &group(name, None), &may()).await.unwrap();
    }
    let (one, two) = tokio::join!(below(&db, "a", "b"), below(&other, "b", "a"));
    let circles = [one, two].iter().filter(|it| matches!(it, Changed::Circle)).count();
    assert_eq!(circles, 1);
    assert!(matches!(below(&db, "a", "a").await, Changed::Circle));
    assert!(matches!(below(&db, "a", "nowhere").await, Changed::NoParent));
    assert!(matches!(below(&db, "nowhere", "a").await, Changed::Missing));
}

async fn a_group_needs_a_name_of_its_own_and_a_parent_that_exists(home: Home) {
    let db = home.ready().await;
    groups::insert(&db, &group("staff", None), &may()).await.unwrap();
    let twin = Group { id: id("other"), ..group("staff", None) };
    assert!(groups::insert(&db, &twin, &may()).await.unwrap_err().is_conflict_of("user_group", "name"));
    let orphan = groups::insert(&db, &group("desk", Some("nowhere")), &may()).await;
    assert_eq!(orphan, Err(StoreError::Orphan));
    assert_eq!(groups::list(&db).await.unwrap().len(), 1);
}

async fn people_of_nobody_do_not_join_and_who_is_in_already_does_not_join_twice(home: Home) {
    let db = home.ready().await;
    let ada = person(&db, "ada", Role::User).await.id;
    groups::insert(&db, &group("staff", None), &may()).await.unwrap();
    let people: [UserId; 3] = [ada.clone(), "nobody".parse().unwrap(), ada];
    let staff = groups::add_members(&db, &id("staff"), &people, at(1), &may()).await.unwrap().unwrap();
    assert_eq!(staff.members, 1);
    assert!(groups::add_members(&db, &id("nowhere"), &people, at(1), &may()).await.unwrap().is_none());
}

async fn members_are_found_by_name_and_paged(home: Home) {
    let db = home.ready().await;
    groups::insert(&db, &group("staff", None), &may()).await.unwrap();
    for name in ["ada", "bob", "eve"] {
        let user = person(&db, name, Role::User).await.id;
        if name != "eve" {
            groups::add_members(&db, &id("staff"), &[user], at(1), &may()).await.unwrap();
        }
    }
    let names = async |text, page| {
        let (people, total) = groups::members(&db, &[id("staff")], text, page).await.unwrap();
        (people.into_iter().map(|user| user.name).collect::<Vec<_>>(), total)
    };
    assert_eq!(names(None, None).await, (vec!["ada".to_owned(), "bob".to_owned()], 2));
    assert_eq!(names(None, Some(Page::new(2, 1))).await, (vec!["bob".to_owned()], 2));
    assert_eq!(names(Some("BOB@"), None).await, (vec!["bob".to_owned()], 1));
}

fn grant(kind: &str, id: &str, want: Want) -> Grant {
    Grant { principal: Principal::parse(kind, id).unwrap(), want }
}

async fn decide(db: &Db, model: &str, grants: Option<&[Grant]>) {
    let before = grants::of(db, Resource::Model, model).await.unwrap();
    assert!(judged(db, model, before.as_deref(), grants).await);
}

/// Decides by what was known about the model some time ago.
async fn judged(db: &Db, model: &str, before: Option<&[Grant]>, after: Option<&[Grant]>) -> bool {
    let permit = Caller::operator().may_change_grants(Permission::WorkspaceModels, &[]).unwrap();
    grants::replace(db, Resource::Model, model, Decision { before, after }, at(1), &permit).await.unwrap()
}

async fn nobody_decides_by_a_right_that_was_taken_in_the_meantime(home: Home) {
    let db = home.ready().await;
    let (ada, all) = (grant("user", "ada", Want::Write), grant("user", "*", Want::Read));
    let (hers, everybodys) = (vec![ada], vec![all]);
    decide(&db, "fast", Some(&hers)).await;
    decide(&db, "fast", Some(&[])).await;
    let records = async || {
        let sql = "SELECT COUNT(*) FROM audit_record WHERE event = 'grants.changed'";
        crate::users::count_of(db.query_one(sql, Vec::new()).await.unwrap()).unwrap()
    };
    let noted = records().await;
    assert!(!judged(&db, "fast", Some(&hers), Some(&everybodys)).await);
    assert!(!judged(&db, "fast", None, Some(&everybodys)).await);
    assert_eq!(grants::of(&db, Resource::Model, "fast").await.unwrap(), Some(Vec::new()));
    assert_eq!(records().await, noted);
    assert!(judged(&db, "fast", Some(&[]), Some(&everybodys)).await);
}

async fn a_model_whose_last_group_is_gone_is_for_nobody_rather_than_for_everybody(home: Home) {
    let db = home.ready().await;
    groups::insert(&db, &group("staff", None), &may()).await.unwrap();
    decide(&db, "fast", Some(&[grant("group", "staff", Want::Read)])).await;
    assert!(groups::delete(&db, &id("staff"), &may()).await.unwrap());
    assert_eq!(grants::of(&db, Resource::Model, "fast").await.unwrap(), Some(Vec::new()));
    assert_eq!(grants::of(&db, Resource::Model, "other").await.unwrap(), None);
    assert!(!groups::delete(&db, &id("staff"), &may()).await.unwrap());
}

async fn a_decision_holds_for_the_new_name_too_and_can_be_taken_back(home: Home) {
    let db = home.ready().await;
    let (ada, all) = (grant("user", "ada", Want::Write), grant("user", "*", Want::Read));
    decide(&db, "slow", Some(&[])).await;
    decide(&db, "fast", Some(&[ada.clone(), all.clone(), ada.clone()])).await;
    let permit = Caller::operator().may_manage_connections().unwrap();
    let names = [("fast", "quick"), ("fast", "slow"), ("nowhere", "new")];
    let names = names.map(|(from, to)| (from.to_owned(), to.to_owned()));
    grants::carry(&db, Resource::Model, &names, &permit).await.unwrap();
    let known = grants::all(&db, Resource::Model).await.unwrap();
    let expected =
        [("fast", vec![all.clone(), ada.clone()]), ("quick", vec![all, ada]), ("slow", Vec::new())];
    assert_eq!(known, expected.map(|(name, grants)| (name.to_owned(), grants)).into());

    for name in ["fast", "quick", "slow"] {
        decide(&db, name, None).await;
    }
    assert!(grants::all(&db, Resource::Model).await.unwrap().is_empty());
}

async fn every_change_is_seen_by_other_processes(home: Home) {
    let db = home.ready().await;
    let counter = async || {
        let all = revision::read_all(&db).await.unwrap();
        all.into_iter().find(|(topic, _)| *topic == Topic::Access).unwrap().1
    };
    let ada = person(&db, "ada", Role::User).await.id;
    let mut before = counter().await;
    let mut has_moved = async |what: &str| {
        let now = counter().await;
        assert!(now > before, "{what}");
        before = now;
    };
    groups::insert(&db, &group("staff", None), &may()).await.unwrap();
    has_moved("a group").await;
    groups::add_members(&db, &id("staff"), std::slice::from_ref(&ada), at(1), &may()).await.unwrap();
    has_moved("a member").await;
    groups::remove_members(&db, &id("staff"), &[ada], &may()).await.unwrap();
    has_moved("no member").await;
    let renamed = GroupChange { name: Some("Crew".to_owned()), ..GroupChange::default() };
    groups::apply(&db, &id("staff"), renamed, at(1), &may()).await.unwrap();
    has_moved("a change").await;
    decide(&db, "fast", Some(&[])).await;
    has_moved("a decision").await;
    groups::delete(&db, &id("staff"), &may()).await.unwrap();
    has_moved("no group").await;
}
