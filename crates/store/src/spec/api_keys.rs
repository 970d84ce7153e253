//! People's API keys.

use kernel::{ApiKey, ApiKeyLimits, Caller, EndpointRule, ModelPattern, Network, Role, UserId};

use super::{Home, at, on_both, person};
use crate::{
    StoreError,
    api_keys::{self, ApiKeyChange},
    revision,
};

on_both! {
    a_key_comes_back_with_its_limits_and_its_owner;
    a_refused_key_takes_nothing_away;
    nobody_reaches_the_key_of_somebody_else;
    a_person_has_only_so_many_and_a_replaced_one_makes_room;
    every_change_of_a_key_is_told_to_other_processes_and_recorded;
}

fn key(name: &str, owner: &UserId, digest: u8) -> ApiKey {
    ApiKey {
        id: format!("apikey_{name}").parse().unwrap(),
        owner: owner.clone(),
        digest: [digest; 32],
        prefix: "sk-Ab3x".to_owned(),
        last_four: "zz99".to_owned(),
        name: name.to_owned(),
        limits: ApiKeyLimits {
            endpoints: vec![EndpointRule::parse("GET /api/v1/chats/*").unwrap()],
            models: vec![ModelPattern("gpt-*".to_owned())].into(),
            addresses: vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("::1").unwrap()],
        },
        expires_at: Some(at(100)),
        created_at: at(digest.into()),
        last_used_at: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it has the shape of a check, and is one that never refuses")]
fn fine(_: &ApiKey, _: &ApiKey) -> Result<(), StoreError> {
    Ok(())
}

async fn a_key_comes_back_with_its_limits_and_its_owner(home: Home) {
    let db = home.ready().await;
    let by = Caller::operator();
    let ada = person(&db, "ada", Role::User).await;
    let mut made = key("one", &ada.id, 1);
    assert!(api_keys::insert(&db, &made, &[], 9, &by).await.unwrap());
    api_keys::touch(&db, &made.id, at(60)).await.unwrap();
    api_keys::touch(&db, &made.id, at(50)).await.unwrap();
    made.last_used_at = Some(at(60));
    assert_eq!(api_keys::of(&db, &ada.id).await.unwrap(), [made.clone()]);
    assert_eq!(api_keys::find(&db, &made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(api_keys::all(&db).await.unwrap(), [made]);
}

async fn nobody_reaches_the_key_of_somebody_else(home: Home) {
    let db = home.ready().await;
    let by = Caller::operator();
    let (ada, bob) = (person(&db, "ada", Role::User).await, person(&db, "bob", Role::Admin).await);
    let made = key("one", &ada.id, 1);
    api_keys::insert(&db, &made, &[], 9, &by).await.unwrap();
    let change = ApiKeyChange { name: Some("mine".to_owned()), ..ApiKeyChange::default() };
    assert_eq!(api_keys::by_id(&db, &bob.id, &made.id).await.unwrap(), None);
    assert_eq!(api_keys::change(&db, &bob.id, &made.id, change, fine, &by).await.unwrap(), None);
    assert!(!api_keys::revoke(&db, &bob.id, &made.id, &by).await.unwrap());
    let stolen = key("two", &bob.id, 2);
    api_keys::insert(&db, &stolen, std::slice::from_ref(&made.id), 9, &by).await.unwrap();
    assert_eq!(api_keys::by_id(&db, &ada.id, &made.id).await.unwrap(), Some(made));
}

async fn a_person_has_only_so_many_and_a_replaced_one_makes_room(home: Home) {
    let db = home.ready().await;
    let by = Caller::operator();
    let ada = person(&db, "ada", Role::User).await;
    let first = key("one", &ada.id, 1);
    assert!(api_keys::insert(&db, &first, &[], 1, &by).await.unwrap());
    assert!(!api_keys::insert(&db, &key("two", &ada.id, 2), &[], 1, &by).await.unwrap());
    let instead = std::slice::from_ref(&first.id);
    assert!(api_keys::insert(&db, &key("three", &ada.id, 3), instead, 1, &by).await.unwrap());
    let names: Vec<String> =
        api_keys::of(&db, &ada.id).await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["three"]);
}

async fn a_refused_key_takes_nothing_away(home: Home) {
    let db = home.ready().await;
    let by = Caller::operator();
    let ada = person(&db, "ada", Role::User).await;
    let (first, second) = (key("one", &ada.id, 1), key("two", &ada.id, 2));
    for made in [&first, &second] {
        assert!(api_keys::insert(&db, made, &[], 9, &by).await.unwrap());
    }
    let instead = std::slice::from_ref(&first.id);
    assert!(!api_keys::insert(&db, &key("three", &ada.id, 3), instead, 1, &by).await.unwrap());
    let left: Vec<_> = api_keys::of(&db, &ada.id).await.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(left, [second.id, first.id]);
}

async fn every_change_of_a_key_is_told_to_other_processes_and_recorded(home: Home) {
    let db = home.ready().await;
    let by = Caller::operator();
    let ada = person(&db, "ada", Role::User).await;
    let made = key("one", &ada.id, 1);
    let moved = async |before: &mut i64| {
        let all = revision::read_all(&db).await.unwrap();
        let now = all.iter().find(|(topic, _)| *topic == revision::Topic::ApiKeys).unwrap().1;
        std::mem::replace(before, now) < now
    };
    let mut seen = 0;
    moved(&mut seen).await;
    api_keys::insert(&db, &made, &[], 9, &by).await.unwrap();
    assert!(moved(&mut seen).await);
    let change = ApiKeyChange { expires_at: Some(None), ..ApiKeyChange::default() };
    let changed = api_keys::change(&db, &ada.id, &made.id, change, fine, &by).await.unwrap().unwrap();
    assert_eq!((changed.expires_at, changed.limits), (None, made.limits));
    assert!(moved(&mut seen).await);
    assert!(api_keys::revoke(&db, &ada.id, &made.id, &by).await.unwrap());
    assert!(moved(&mut seen).await);
    assert!(!api_keys::revoke(&db, &ada.id, &made.id, &by).await.unwrap());
    let records =
        db.query("SELECT event FROM audit_record WHERE target_kind = 'api_key' ORDER BY seq", Vec::new());
    let events: Vec<String> =
        records.await.unwrap().into_iter().map(|row| row.single("audit_record").unwrap()).collect();
    assert_eq!(events, ["api_key.made", "api_key.changed", "api_key.revoked"]);
}
