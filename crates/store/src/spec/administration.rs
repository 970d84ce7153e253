//! Accounts as administrators change, switch off and remove them, and find them again.

use kernel::{Caller, ManageKeys, ManageUsers, Permit, Role, Session, User, UserId};

use super::{Home, at, keys::key, on_both, person, session, user};
use crate::{
    Db, Page, audit, keys,
    sessions::{self, Begun, Grounds},
    users::{self, Changed, Filter, Order, Removed, Sorting, Standing, UserChange, Within},
};

on_both! {
    a_change_is_made_whole_and_leaves_one_record_of_what_differs;
    an_address_cannot_be_taken_over_from_somebody_else;
    who_is_switched_off_has_no_session_and_no_key_that_works;
    the_last_administrator_who_can_sign_in_stays_one;
    who_is_removed_takes_the_sessions_along_and_leaves_the_keys_blocked;
    accounts_are_sorted_and_told_apart_by_role_and_standing;
    a_search_by_name_does_not_find_addresses;
    a_better_digest_replaces_the_one_that_was_checked_and_no_other;
}

fn permit() -> Permit<ManageUsers> {
    Caller::operator().may_manage_users().unwrap()
}

fn may_manage_keys() -> Permit<ManageKeys> {
    Caller::operator().may_manage_keys().unwrap()
}

fn standing(standing: Standing) -> UserChange {
    UserChange { standing: Some(standing), ..UserChange::default() }
}

async fn change(db: &Db, id: &UserId, change: UserChange) -> Changed {
    users::change(db, id, change, at(9), &permit()).await.unwrap()
}

async fn sign_in(db: &Db, user: &User, id: &str) -> bool {
    let session = Session { user: user.id.clone(), ..session(id, "x", None) };
    let grounds = Grounds { password: None, second: None };
    sessions::insert(db, &session, grounds, &Caller::operator()).await.unwrap() == Begun::Begun
}

async fn records(db: &Db) -> Vec<(String, serde_json::Value)> {
    let rows = db.query("SELECT event, body FROM audit_record ORDER BY seq", Vec::new()).await.unwrap();
    let read = |row: crate::row::Row| {
        let mut fields = row.fields("audit_record");
        let (event, body): (String, String) = (fields.read().unwrap(), fields.read().unwrap());
        (event, serde_json::from_str::<serde_json::Value>(&body).unwrap()["detail"].clone())
    };
    rows.into_iter().map(read).collect()
}

async fn a_change_is_made_whole_and_leaves_one_record_of_what_differs(home: Home) {
    let db = home.ready().await;
    person(&db, "root", Role::Admin).await;
    let ada = person(&db, "ada", Role::User).await;
    let before = records(&db).await.len();
    let asked = UserChange {
        role: Some(Role::Admin),
        name: Some("Ada L.".to_owned()),
        email: kernel::Email::parse("countess@example.com").ok(),
        profile_image_url: Some(ada.profile_image_url.clone()),
        ..UserChange::default()
    };
    let Changed::Done(after) = change(&db, &ada.id, asked.clone()).await else { panic!() };
    let stored = users::by_id(&db, &ada.id).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{after:?}"));
    assert_eq!((after.role, after.name.as_str()), (Role::Admin, "Ada L."));
    // The same again is no change.
    change(&db, &ada.id, asked).await;
    let left = records(&db).await;
    assert_eq!((left.len(), left[before].0.as_str()), (before + 1, "account.role_changed"));
    assert_eq!(left[before].1["changed"], serde_json::json!(["role", "email", "name"]));
    assert_eq!(left[before].1["email"], "countess@example.com");
    assert!(audit::head(&db).await.is_ok());
}

async fn an_address_cannot_be_taken_over_from_somebody_else(home: Home) {
    let db = home.ready().await;
    let (ada, bob) = (person(&db, "ada", Role::Admin).await, person(&db, "bob", Role::User).await);
    let taken = UserChange { email: Some(ada.email), ..UserChange::default() };
    let refused = users::change(&db, &bob.id, taken, at(9), &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("account", "email"), "{refused:?}");
    assert_eq!(users::by_id(&db, &bob.id).await.unwrap().unwrap().email, bob.email);
}

async fn who_is_switched_off_has_no_session_and_no_key_that_works(home: Home) {
    let db = home.ready().await;
    let (root, ada) = (person(&db, "root", Role::Admin).await, person(&db, "ada", Role::User).await);
    assert!(sign_in(&db, &ada, "s1").await && sign_in(&db, &root, "s2").await);
    let mut own = key("hers", 1);
    own.owner = Some(ada.id.clone());
    let other = key("other", 2);
    keys::insert(&db, &own, &may_manage_keys()).await.unwrap();
    keys::insert(&db, &other, &may_manage_keys()).await.unwrap();

    change(&db, &ada.id, standing(Standing::Deactivated)).await;
    assert!(sessions::by_id(&db, &"s1".parse().unwrap()).await.unwrap().is_none());
    assert!(sessions::by_id(&db, &"s2".parse().unwrap()).await.unwrap().is_some());
    assert!(!sign_in(&db, &ada, "s3").await, "a password that was right a moment ago opens nothing");
    let is_blocked = async |id| keys::by_id(&db, id).await.unwrap().unwrap().is_blocked;
    assert!(is_blocked(&own.id).await && !is_blocked(&other.id).await);

    change(&db, &ada.id, standing(Standing::Active)).await;
    assert!(sign_in(&db, &ada, "s4").await);
    assert!(is_blocked(&own.id).await, "somebody has to look at the key first");
    let events: Vec<String> = records(&db).await.into_iter().map(|(event, _)| event).collect();
    let of_accounts: Vec<_> = events.iter().filter(|event| event.ends_with("activated")).collect();
    assert_eq!(of_accounts, ["account.deactivated", "account.reactivated"]);
}

async fn the_last_administrator_who_can_sign_in_stays_one(home: Home) {
    let db = home.ready().await;
    let (ada, bob) = (person(&db, "ada", Role::Admin).await, person(&db, "bob", Role::Admin).await);
    change(&db, &bob.id, standing(Standing::Deactivated)).await;
    for asked in [
        standing(Standing::Deactivated),
        UserChange { role: Some(Role::User), ..UserChange::default() },
        UserChange { role: Some(Role::Pending), name: Some("x".to_owned()), ..UserChange::default() },
    ] {
        assert!(matches!(change(&db, &ada.id, asked).await, Changed::LastAdmin));
    }
    assert_eq!(users::remove(&db, &ada.id, at(9), &permit()).await.unwrap(), Removed::LastAdmin);
    // One who cannot sign in is not the last one.
    assert_eq!(users::remove(&db, &bob.id, at(9), &permit()).await.unwrap(), Removed::Done);
    assert_eq!(users::first_admin(&db).await.unwrap().unwrap().id, ada.id);
}

async fn who_is_removed_takes_the_sessions_along_and_leaves_the_keys_blocked(home: Home) {
    let db = home.ready().await;
    person(&db, "root", Role::Admin).await;
    let ada = person(&db, "ada", Role::User).await;
    sign_in(&db, &ada, "s1").await;
    let mut own = key("hers", 1);
    own.owner = Some(ada.id.clone());
    keys::insert(&db, &own, &may_manage_keys()).await.unwrap();
    assert_eq!(users::remove(&db, &ada.id, at(9), &permit()).await.unwrap(), Removed::Done);
    assert!(sessions::by_id(&db, &"s1".parse().unwrap()).await.unwrap().is_none());
    let left = keys::by_id(&db, &own.id).await.unwrap().unwrap();
    assert!(left.is_blocked && left.owner.is_none());
    assert_eq!(users::remove(&db, &ada.id, at(9), &permit()).await.unwrap(), Removed::Missing);
    let last = records(&db).await.pop().unwrap();
    assert_eq!((last.0.as_str(), &last.1["email"]), ("account.deleted", &"ada@example.com".into()));
}

async fn accounts_are_sorted_and_told_apart_by_role_and_standing(home: Home) {
    let db = home.ready().await;
    for (n, (name, role)) in
        [("mia", Role::Admin), ("Zoe", Role::User), ("abe", Role::User)].into_iter().enumerate()
    {
        let mut user = user(&name.to_lowercase(), role);
        name.clone_into(&mut user.name);
        user.created_at = at(i64::try_from(n).unwrap());
        users::insert(&db, &user, None, &permit()).await.unwrap();
    }
    change(&db, &"user_abe".parse().unwrap(), standing(Standing::Deactivated)).await;
    let names = async |filter: Filter<'_>, order, sorting| {
        let (found, total) = users::list(&db, filter, (order, sorting), Page::new(1, 30)).await.unwrap();
        assert_eq!(found.len() as u64, total);
        found.into_iter().map(|user| user.name).collect::<Vec<_>>()
    };
    let all = Filter::default;
    assert_eq!(names(all(), Order::Age, Sorting::Descending).await, ["abe", "Zoe", "mia"]);
    assert_eq!(names(all(), Order::Name, Sorting::Ascending).await, ["abe", "mia", "Zoe"]);
    assert_eq!(names(all(), Order::Email, Sorting::Descending).await, ["Zoe", "mia", "abe"]);
    assert_eq!(names(all(), Order::Role, Sorting::Ascending).await, ["mia", "Zoe", "abe"]);
    assert_eq!(names(all(), Order::LastActive, Sorting::Ascending).await, ["mia", "Zoe", "abe"]);
    let users = Filter { role: Some(Role::User), ..all() };
    assert_eq!(names(users.clone(), Order::Age, Sorting::Ascending).await, ["Zoe", "abe"]);
    let active = Filter { standing: Some(Standing::Active), ..users };
    assert_eq!(names(active, Order::Age, Sorting::Ascending).await, ["Zoe"]);
    let off = Filter { standing: Some(Standing::Deactivated), ..all() };
    assert_eq!(names(off, Order::Age, Sorting::Ascending).await, ["abe"]);
}

async fn a_search_by_name_does_not_find_addresses(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    let found = async |within| {
        let filter = Filter { text: Some("@example"), within, ..Filter::default() };
        users::list(&db, filter, (Order::Age, Sorting::Ascending), Page::new(1, 30)).await.unwrap().1
    };
    assert_eq!((found(Within::NamesAndAddresses).await, found(Within::Names).await), (1, 0));
}

async fn a_better_digest_replaces_the_one_that_was_checked_and_no_other(home: Home) {
    let db = home.ready().await;
    assert_eq!(users::costliest_bcrypt(&db).await.unwrap(), None);
    for (name, digest) in [("ada", "$2b$04$abc"), ("bob", "$2y$11$abc"), ("cy", "$argon2id$abc")] {
        let mut user = user(name, Role::User);
        user.password = Some(digest.to_owned());
        users::insert(&db, &user, None, &permit()).await.unwrap();
    }
    assert_eq!(users::costliest_bcrypt(&db).await.unwrap(), Some(11));
    let bob = "user_bob".parse().unwrap();
    assert!(!users::refine_password(&db, &bob, "$2y$11$other", "$argon2id$x").await.unwrap());
    assert!(users::refine_password(&db, &bob, "$2y$11$abc", "$argon2id$x").await.unwrap());
    assert_eq!(users::costliest_bcrypt(&db).await.unwrap(), Some(4));
}
