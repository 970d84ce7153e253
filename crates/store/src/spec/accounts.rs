//! Accounts, sessions and settings.

use std::time::Duration;

use kernel::{Caller, ManageSettings, ManageUsers, Permit, Role, Session};
use tokio::{task::JoinSet, time::sleep};

use super::{Home, at, hold_writes, on_both, person, session, user};
use crate::{
    Db, Page, StoreError, revision,
    revision::Topic,
    sealed,
    sessions::{self, Begun, Grounds},
    settings,
    users::{self, Changed, Filter, Later, NewUser, Order, Sorting, UserChange},
};

on_both! {
    fifty_people_sign_up_at_once_and_exactly_one_is_the_administrator;
    the_first_of_fifty_sign_ups_closes_the_door_behind_itself;
    an_address_belongs_to_one_account;
    what_was_stored_of_a_person_is_read_back;
    people_are_found_by_a_part_of_name_or_address_in_any_case;
    administrators_who_demote_each_other_at_once_leave_one;
    a_new_password_ends_every_session_of_the_account_and_no_other;
    a_session_ends_once_and_an_expired_one_is_swept;
    a_session_of_nobody_is_refused;
    being_seen_is_written_once_a_minute_and_is_no_change;
    every_change_raises_the_counter_of_its_topic_alone;
    settings_are_stored_together_and_forgotten;
    two_processes_agree_on_the_anchor_of_the_keys;
    a_damaged_row_names_itself;
}

/// Long enough for a crowd to gather; a slower machine only makes the race less sharp.
const GATHER: Duration = Duration::from_millis(200);

fn permit() -> Permit<ManageUsers> {
    Caller::operator().may_manage_users().unwrap()
}

fn may_set() -> Permit<ManageSettings> {
    Caller::operator().may_manage_settings().unwrap()
}

fn role(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

fn name(name: &str) -> UserChange {
    UserChange { name: Some(name.to_owned()), ..UserChange::default() }
}

fn changed(outcome: Changed) -> kernel::User {
    let Changed::Done(user) = outcome else { panic!("{outcome:?}") };
    user
}

fn applicant(name: &str) -> NewUser {
    let user = user(name, Role::Pending);
    NewUser {
        id: user.id,
        email: user.email,
        name: user.name,
        profile_image_url: String::new(),
        password: Some("$argon2id$".to_owned()),
        group: None,
        at: at(0),
    }
}

async fn fifty_people_sign_up_at_once_and_exactly_one_is_the_administrator(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let roles = fifty_sign_ups(&here, &there, Later::Welcome).await;
    assert_eq!(roles.iter().filter(|role| **role == Some(Role::Admin)).count(), 1);
    assert_eq!(roles.iter().filter(|role| **role == Some(Role::Pending)).count(), 49);
    assert_eq!(users::count(&here).await.unwrap(), 50);
    assert_eq!(settings::get(&here, "ENABLE_SIGNUP").await.unwrap().as_deref(), Some("false"));
}

async fn the_first_of_fifty_sign_ups_closes_the_door_behind_itself(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let roles = fifty_sign_ups(&here, &there, Later::UnlessClosed).await;
    assert_eq!(roles.iter().filter(|role| **role == Some(Role::Admin)).count(), 1);
    assert_eq!(roles.iter().filter(|role| role.is_none()).count(), 49);

    let sign_up = async |name: &str, later| {
        let made =
            users::insert_first_or_next(&here, applicant(name), Role::User, later, &Caller::operator(), None)
                .await
                .unwrap();
        made.map(|user| user.role)
    };
    settings::set(&here, "ENABLE_SIGNUP", "true", at(1), &may_set()).await.unwrap();
    assert_eq!(sign_up("reopened", Later::UnlessClosed).await, Some(Role::User));
    assert_eq!(sign_up("refused", Later::Refused).await, None);
    assert_eq!(users::count(&here).await.unwrap(), 2);
}

async fn fifty_sign_ups(here: &Db, there: &Db, later: Later) -> Vec<Option<Role>> {
    let gate = hold_writes(here).await;
    let mut running = JoinSet::new();
    for n in 0..50 {
        let db = if n % 2 == 0 { here.clone() } else { there.clone() };
        running.spawn(async move {
            let new = applicant(&format!("p{n}"));
            let made = users::insert_first_or_next(&db, new, Role::Pending, later, &Caller::operator(), None)
                .await
                .unwrap();
            made.map(|user| user.role)
        });
    }
    sleep(GATHER).await;
    drop(gate);
    running.join_all().await
}

async fn an_address_belongs_to_one_account(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::Admin).await;
    let mut second = applicant("ada");
    second.id = "user_other".parse().unwrap();
    let refused =
        users::insert_first_or_next(&db, second, Role::User, Later::Welcome, &Caller::operator(), None)
            .await
            .unwrap_err();
    assert!(refused.is_conflict_of("account", "email"), "{refused:?}");

    let mut same_id = user("bob", Role::User);
    same_id.id = "user_ada".parse().unwrap();
    let refused = users::insert(&db, &same_id, None, &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("account", "id"), "{refused:?}");
}

async fn what_was_stored_of_a_person_is_read_back(home: Home) {
    let db = home.ready().await;
    let mut ada = user("ada", Role::Admin);
    ada.name = "Ada 🦀 O'Neil; DROP TABLE account".to_owned();
    ada.password = Some("$argon2id$v=19$".to_owned());
    ada.last_active_at = Some(at(7));
    users::insert(&db, &ada, None, &permit()).await.unwrap();
    person(&db, "bob", Role::User).await;

    let found = users::by_email(&db, &ada.email).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{ada:?}"));
    assert_eq!(users::by_id(&db, &ada.id).await.unwrap().unwrap().password, ada.password);
    assert_eq!(users::first_admin(&db).await.unwrap().unwrap().id, ada.id);
    let renamed = changed(users::change(&db, &ada.id, name("Ada L."), at(9), &permit()).await.unwrap());
    assert_eq!((renamed.name.as_str(), renamed.updated_at), ("Ada L.", at(9)));
    assert!(users::by_id(&db, &"user_nobody".parse().unwrap()).await.unwrap().is_none());
}

async fn listed(db: &Db, filter: Filter<'_>, page: Page) -> Result<(Vec<kernel::User>, u64), StoreError> {
    users::list(db, filter, (Order::Age, Sorting::Ascending), page).await
}

async fn people_are_found_by_a_part_of_name_or_address_in_any_case(home: Home) {
    let db = home.ready().await;
    for (index, name) in ["ada", "bob", "cy_d"].into_iter().enumerate() {
        let mut user = user(name, Role::User);
        user.created_at = at(i64::try_from(index).unwrap());
        user.name = if name == "bob" { "Über Bob".to_owned() } else { name.to_owned() };
        users::insert(&db, &user, None, &permit()).await.unwrap();
    }
    let found = async |text| {
        let (users, total) =
            listed(&db, Filter { text: Some(text), ..Filter::default() }, Page::new(1, 30)).await.unwrap();
        (users.into_iter().map(|user| user.id.to_string()).collect::<Vec<_>>(), total)
    };
    assert_eq!(found("üBER").await, (vec!["user_bob".to_owned()], 1));
    assert_eq!(found("ADA@").await, (vec!["user_ada".to_owned()], 1));
    assert_eq!(found("_").await, (vec!["user_cy_d".to_owned()], 1));
    assert_eq!(found("%").await.1, 0);

    let (second, total) = listed(&db, Filter::default(), Page::new(2, 2)).await.unwrap();
    assert_eq!((second[0].id.as_str(), second.len(), total), ("user_cy_d", 1, 3));
}

async fn administrators_who_demote_each_other_at_once_leave_one(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let mut admins = Vec::new();
    for n in 0..8 {
        admins.push(person(&here, &format!("a{n}"), Role::Admin).await.id);
    }
    let gate = hold_writes(&here).await;
    let mut running = JoinSet::new();
    for (n, id) in admins.into_iter().enumerate() {
        let db = if n % 2 == 0 { here.clone() } else { there.clone() };
        running
            .spawn(async move { users::change(&db, &id, role(Role::User), at(1), &permit()).await.unwrap() });
    }
    sleep(GATHER).await;
    drop(gate);
    let outcomes = running.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Changed::LastAdmin)).count(), 1);
    assert!(users::first_admin(&here).await.unwrap().is_some());
    let nobody = users::change(&here, &"user_x".parse().unwrap(), role(Role::User), at(1), &permit()).await;
    assert!(matches!(nobody, Ok(Changed::Missing)));
}

async fn begin(db: &Db, session: &Session) -> Result<Begun, StoreError> {
    sessions::insert(db, session, Grounds { password: None, second: None }, &Caller::operator()).await
}

async fn a_new_password_ends_every_session_of_the_account_and_no_other(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    person(&db, "bob", Role::User).await;
    for (id, user) in [("s1", "ada"), ("s2", "ada"), ("s3", "bob")] {
        begin(&db, &session(id, user, None)).await.unwrap();
    }
    let ada = "user_ada".parse().unwrap();
    let new = UserChange { password: Some("$new$".to_owned()), ..UserChange::default() };
    changed(users::change(&db, &ada, new, at(5), &permit()).await.unwrap());
    let left = async |id: &str| sessions::by_id(&db, &id.parse().unwrap()).await.unwrap();
    assert!(left("s1").await.is_none() && left("s2").await.is_none());
    let (kept, owner) = left("s3").await.unwrap();
    assert_eq!((kept.user.as_str(), owner.name.as_str()), ("user_bob", "bob"));
    assert_eq!(users::by_id(&db, &ada).await.unwrap().unwrap().password.as_deref(), Some("$new$"));
}

async fn a_session_ends_once_and_an_expired_one_is_swept(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    for (id, end) in [("s1", None), ("s2", Some(10)), ("s3", Some(11)), ("s4", None)] {
        begin(&db, &session(id, "ada", end)).await.unwrap();
    }
    assert!(sessions::end(&db, &"s1".parse().unwrap(), &Caller::operator()).await.unwrap());
    assert!(!sessions::end(&db, &"s1".parse().unwrap(), &Caller::operator()).await.unwrap());
    assert_eq!(sessions::sweep(&db, at(10)).await.unwrap(), 1);
    assert_eq!(
        sessions::by_id(&db, &"s3".parse().unwrap()).await.unwrap().unwrap().0.expires_at,
        Some(at(11))
    );
    assert_eq!(
        sessions::end_all_of(&db, &"user_ada".parse().unwrap(), &Caller::operator()).await.unwrap(),
        2
    );
}

async fn a_session_of_nobody_is_refused(home: Home) {
    let db = home.ready().await;
    assert_eq!(begin(&db, &session("s1", "ghost", None)).await, Ok(Begun::Outdated));
}

async fn being_seen_is_written_once_a_minute_and_is_no_change(home: Home) {
    let db = home.ready().await;
    let ada = person(&db, "ada", Role::User).await.id;
    let before = revision::read_all(&db).await.unwrap();
    for (second, seen) in [(0, 0), (59, 0), (60, 60)] {
        users::touch(&db, &ada, at(second)).await.unwrap();
        let found = users::by_id(&db, &ada).await.unwrap().unwrap().last_active_at;
        assert_eq!(found, Some(at(seen)), "after {second} seconds");
    }
    assert_eq!(revision::read_all(&db).await.unwrap(), before);
}

async fn every_change_raises_the_counter_of_its_topic_alone(home: Home) {
    let db = home.ready().await;
    let [.., (_, identity), (_, stored), _] = revision::read_all(&db).await.unwrap();
    let ada = person(&db, "ada", Role::Admin).await.id;
    begin(&db, &session("s1", "ada", None)).await.unwrap();
    sessions::end(&db, &"s1".parse().unwrap(), &Caller::operator()).await.unwrap();
    users::change(&db, &ada, name("A"), at(1), &permit()).await.unwrap();
    settings::set(&db, "WEBUI_NAME", "\"x\"", at(1), &may_set()).await.unwrap();
    let after = revision::read_all(&db).await.unwrap();
    let expected = [
        (Topic::Keys, 0),
        (Topic::Connections, 0),
        (Topic::Identity, identity + 4),
        (Topic::ApiKeys, 0),
        (Topic::Settings, stored + 1),
        (Topic::Access, 0),
    ];
    assert_eq!(after, expected);
}

async fn settings_are_stored_together_and_forgotten(home: Home) {
    let db = home.ready().await;
    let changes = [("A", Some("1")), ("B", Some("{\"x\":[null]}"))];
    settings::apply(&db, &changes, at(0), &may_set()).await.unwrap();
    settings::set(&db, "A", "2", at(1), &may_set()).await.unwrap();
    settings::unset(&db, "B", at(1), &may_set()).await.unwrap();
    let all = settings::all(&db).await.unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [("A".to_owned(), "2".to_owned())]);
}

async fn two_processes_agree_on_the_anchor_of_the_keys(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let mut running = JoinSet::new();
    for (n, db) in [here, there].into_iter().cycle().take(10).enumerate() {
        let value = n.to_string();
        running.spawn(async move { sealed::first_anchor(&db, &value, at(0)).await });
    }
    let mut seen: Vec<String> = running.join_all().await.into_iter().map(Result::unwrap).collect();
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

async fn a_damaged_row_names_itself(home: Home) {
    let db = home.ready().await;
    let ada = person(&db, "ada", Role::User).await.id;
    db.execute("UPDATE account SET role = 'emperor'", Vec::new()).await.unwrap();
    let error = users::by_id(&db, &ada).await.unwrap_err();
    assert_eq!(error, StoreError::Damaged { table: "account", id: "user_ada".to_owned() });
}
