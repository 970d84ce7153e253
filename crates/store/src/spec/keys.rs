//! Virtual keys.

use kernel::{
    Caller, Endpoint, KeyChange, KeyState, ManageKeys, ModelPattern, Money, Permit, Role, VirtualKey,
};

use super::{Home, at, on_both, person};
use crate::{
    Db, Page, StoreError,
    keys::{self, KeyFilter},
    revision,
};

on_both! {
    a_key_comes_back_as_it_was_stored_by_id_and_by_digest;
    a_name_belongs_to_one_key_that_is_not_revoked_and_no_name_to_many;
    a_secret_cannot_be_stored_twice;
    a_change_leaves_alone_what_it_does_not_name_and_clears_what_it_clears;
    a_key_is_revoked_once_and_never_changed_again;
    the_gateway_loads_every_key_that_is_not_revoked;
    keys_are_found_by_text_owner_name_and_state;
    a_key_outlives_its_owner;
    every_change_of_a_key_is_told_to_other_processes;
}

pub(super) fn permit() -> Permit<ManageKeys> {
    Caller::operator().may_manage_keys().unwrap()
}

pub(super) fn key(name: &str, digest: u8) -> VirtualKey {
    VirtualKey {
        id: format!("key_{name}").parse().unwrap(),
        digest: [digest; 32],
        prefix: "sk-Ab3x".to_owned(),
        last_four: format!("zz{digest:02}"),
        name: name.to_owned(),
        owner: None,
        models: vec![ModelPattern("openai/*".to_owned())],
        endpoints: vec![Endpoint::ChatCompletions, Endpoint::Models],
        expires_at: Some(at(100)),
        max_budget: Some(Money::from_nanos(1_000)),
        spend: Money::ZERO,
        is_blocked: false,
        revoked_at: None,
        metadata: "{\"team\":\"a\"}".to_owned(),
        created_at: at(digest.into()),
        created_by: "operator".to_owned(),
        updated_at: at(digest.into()),
        last_used_at: None,
    }
}

pub(super) async fn stored(db: &Db, name: &str, digest: u8) -> VirtualKey {
    let key = key(name, digest);
    keys::insert(db, &key, &permit()).await.unwrap();
    key
}

async fn a_key_comes_back_as_it_was_stored_by_id_and_by_digest(home: Home) {
    let db = home.ready().await;
    let mut one = key("one", 1);
    one.owner = Some(person(&db, "ada", Role::User).await.id);
    one.last_used_at = Some(at(3));
    keys::insert(&db, &one, &permit()).await.unwrap();
    stored(&db, "two", 2).await;
    let expected = format!("{one:?}");
    assert_eq!(format!("{:?}", keys::by_id(&db, &one.id).await.unwrap().unwrap()), expected);
    assert_eq!(format!("{:?}", keys::by_digest(&db, &[1; 32]).await.unwrap().unwrap()), expected);
    assert!(keys::by_digest(&db, &[3; 32]).await.unwrap().is_none());

    let mut stray = key("stray", 9);
    stray.owner = Some("user_ghost".parse().unwrap());
    assert_eq!(keys::insert(&db, &stray, &permit()).await, Err(StoreError::Orphan));
}

async fn a_name_belongs_to_one_key_that_is_not_revoked_and_no_name_to_many(home: Home) {
    let db = home.ready().await;
    let one = stored(&db, "ci", 1).await;
    let mut again = key("ci", 2);
    again.id = "key_again".parse().unwrap();
    let refused = keys::insert(&db, &again, &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("virtual_key", "name"), "{refused:?}");

    let two = stored(&db, "other", 3).await;
    let renamed = KeyChange { name: Some("ci".to_owned()), ..KeyChange::default() };
    let refused = keys::apply(&db, &two.id, renamed, at(1), &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("virtual_key", "name"), "{refused:?}");

    assert!(keys::revoke(&db, &one.id, at(1), &permit()).await.unwrap());
    keys::insert(&db, &again, &permit()).await.unwrap();
    for (id, digest) in [("key_x", 8), ("key_y", 9)] {
        let nameless = VirtualKey { id: id.parse().unwrap(), name: String::new(), ..key("n", digest) };
        keys::insert(&db, &nameless, &permit()).await.unwrap();
    }
}

async fn a_secret_cannot_be_stored_twice(home: Home) {
    let db = home.ready().await;
    stored(&db, "one", 1).await;
    let refused = keys::insert(&db, &key("two", 1), &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("virtual_key", "digest"), "{refused:?}");
}

async fn a_change_leaves_alone_what_it_does_not_name_and_clears_what_it_clears(home: Home) {
    let db = home.ready().await;
    let mut one = stored(&db, "one", 1).await;
    let ada = person(&db, "ada", Role::User).await.id;
    let change = async |change| keys::apply(&db, &one.id, change, at(50), &permit()).await.unwrap().unwrap();

    let nothing = change(KeyChange::default()).await;
    assert_eq!(format!("{nothing:?}"), format!("{one:?}"));

    let all = KeyChange {
        name: Some("new".to_owned()),
        owner: Some(Some(ada.clone())),
        models: Some(Vec::new()),
        endpoints: Some(vec![Endpoint::Embeddings]),
        expires_at: Some(None),
        max_budget: Some(None),
        spend: Some(Money::from_nanos(5)),
        is_blocked: Some(true),
        metadata: Some("{}".to_owned()),
    };
    let returned = change(all).await;
    one.name = "new".to_owned();
    one.owner = Some(ada);
    one.models = Vec::new();
    one.endpoints = vec![Endpoint::Embeddings];
    one.expires_at = None;
    one.max_budget = None;
    one.spend = Money::from_nanos(5);
    one.is_blocked = true;
    one.metadata = "{}".to_owned();
    one.updated_at = at(50);
    assert_eq!(format!("{returned:?}"), format!("{one:?}"));
    assert_eq!(format!("{:?}", keys::by_id(&db, &one.id).await.unwrap().unwrap()), format!("{one:?}"));
    assert_eq!(keys::spend_of(&db, &one.id).await.unwrap(), Some(Money::from_nanos(5)));
    assert_eq!(keys::spend_of(&db, &"key_none".parse().unwrap()).await.unwrap(), None);
}

async fn a_key_is_revoked_once_and_never_changed_again(home: Home) {
    let db = home.ready().await;
    let one = stored(&db, "one", 1).await.id;
    assert!(keys::revoke(&db, &one, at(7), &permit()).await.unwrap());
    assert!(!keys::revoke(&db, &one, at(8), &permit()).await.unwrap());
    let unblock = KeyChange { is_blocked: Some(false), ..KeyChange::default() };
    assert!(keys::apply(&db, &one, unblock, at(9), &permit()).await.unwrap().is_none());
    assert_eq!(keys::by_id(&db, &one).await.unwrap().unwrap().revoked_at, Some(at(7)));
}

async fn the_gateway_loads_every_key_that_is_not_revoked(home: Home) {
    let db = home.ready().await;
    let (one, two) = (stored(&db, "one", 1).await.id, stored(&db, "two", 2).await.id);
    let block = KeyChange { is_blocked: Some(true), ..KeyChange::default() };
    keys::apply(&db, &two, block, at(9), &permit()).await.unwrap();
    keys::revoke(&db, &one, at(9), &permit()).await.unwrap();
    let live = keys::all_live(&db).await.unwrap();
    assert_eq!(live.iter().map(|key| &key.id).collect::<Vec<_>>(), [&two]);
    assert_eq!(keys::spend_of_live(&db).await.unwrap(), [(two, Money::ZERO)]);
}

async fn keys_are_found_by_text_owner_name_and_state(home: Home) {
    let db = home.ready().await;
    let ada = person(&db, "ada", Role::User).await.id;
    for (name, digest) in [("active", 1), ("blocked", 2), ("expired", 3), ("revoked", 4)] {
        stored(&db, name, digest).await;
    }
    let change = async |name: &str, change| {
        let id = format!("key_{name}").parse().unwrap();
        keys::apply(&db, &id, change, at(9), &permit()).await.unwrap().unwrap();
    };
    change("blocked", KeyChange { is_blocked: Some(true), ..KeyChange::default() }).await;
    change("expired", KeyChange { expires_at: Some(Some(at(10))), ..KeyChange::default() }).await;
    change("active", KeyChange { owner: Some(Some(ada.clone())), ..KeyChange::default() }).await;
    keys::revoke(&db, &"key_revoked".parse().unwrap(), at(9), &permit()).await.unwrap();

    let find = async |filter: KeyFilter| {
        let (keys, total) = keys::list(&db, &filter, Page::new(1, 50)).await.unwrap();
        assert_eq!(keys.len() as u64, total);
        keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    for state in [KeyState::Active, KeyState::Blocked, KeyState::Expired, KeyState::Revoked] {
        let name = format!("{state:?}").to_lowercase();
        let found = find(KeyFilter { state: Some((state, at(10))), ..KeyFilter::default() }).await;
        assert_eq!(found, [name]);
    }
    let by_text =
        async |text: &str| find(KeyFilter { text: Some(text.to_owned()), ..KeyFilter::default() }).await;
    assert_eq!(by_text("CK").await, ["blocked"]);
    assert_eq!(by_text("zz03").await, ["expired"]);
    assert_eq!(by_text("ADA@example").await, ["active"]);
    assert_eq!(by_text("sk-ab").await, ["revoked", "expired", "blocked", "active"]);
    let exact = KeyFilter {
        owner: Some(ada),
        name: Some("active".to_owned()),
        text: Some("act".to_owned()),
        state: Some((KeyState::Active, at(10))),
        only_live: true,
    };
    assert_eq!(find(exact).await, ["active"]);
    let live = find(KeyFilter { only_live: true, ..KeyFilter::default() }).await;
    assert_eq!(live, ["expired", "blocked", "active"]);
    assert_eq!(find(KeyFilter { name: Some("activ".to_owned()), ..KeyFilter::default() }).await, [""; 0]);

    let (second, total) = keys::list(&db, &KeyFilter::default(), Page::new(2, 3)).await.unwrap();
    assert_eq!((second[0].name.as_str(), second.len(), total), ("active", 1, 4));
}

async fn a_key_outlives_its_owner(home: Home) {
    let db = home.ready().await;
    let mut one = key("one", 1);
    one.owner = Some(person(&db, "ada", Role::User).await.id);
    keys::insert(&db, &one, &permit()).await.unwrap();
    db.execute("DELETE FROM account", Vec::new()).await.unwrap();
    assert_eq!(keys::by_id(&db, &one.id).await.unwrap().unwrap().owner, None);
}

async fn every_change_of_a_key_is_told_to_other_processes(home: Home) {
    let db = home.ready().await;
    let revision = async || revision::read_all(&db).await.unwrap()[0].1;
    let one = stored(&db, "one", 1).await.id;
    assert_eq!(revision().await, 1);
    keys::apply(
        &db,
        &one,
        KeyChange { name: Some("x".to_owned()), ..KeyChange::default() },
        at(1),
        &permit(),
    )
    .await
    .unwrap();
    assert_eq!(revision().await, 2);
    keys::revoke(&db, &one, at(1), &permit()).await.unwrap();
    assert_eq!(revision().await, 3);
}
