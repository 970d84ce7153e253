//! Connections, overrides and model lists.

use kernel::{
    BaseUrl, Caller, Connection, ConnectionKind, ConnectionSource, KeyTail, ManageConnections, ModelOverride,
    Money, Permit, Pricing, UpstreamModel,
};

use super::{Home, at, on_both};
use crate::{
    Db, StoreError,
    connections::{self, ModelList, Step},
    revision,
};

on_both! {
    a_connection_comes_back_as_it_was_stored_and_changed;
    the_second_of_two_editors_is_told_that_the_first_was_faster;
    connections_are_listed_in_the_order_that_was_chosen;
    several_changes_are_made_together_or_not_at_all;
    a_deleted_connection_takes_its_overrides_and_models_along;
    what_is_decided_about_a_model_can_be_decided_anew_and_forgotten;
    a_provider_that_fails_keeps_the_models_it_had;
    another_base_url_forgets_the_models_of_the_old_one_and_another_name_does_not;
    other_processes_are_told_of_new_models_only;
}

fn permit() -> Permit<ManageConnections> {
    Caller::operator().may_manage_connections().unwrap()
}

fn connection(id: &str, position: i64) -> Connection {
    Connection {
        id: id.parse().unwrap(),
        name: format!("Provider {id}"),
        base_url: BaseUrl::parse("https://api.example.com/v1").unwrap(),
        kind: ConnectionKind::OpenAi,
        source: ConnectionSource::Stored,
        is_enabled: true,
        position,
        prefix: Some("ex".to_owned()),
        sealed_key: Some(vec![0, 255, 1]),
        key_tail: Some(KeyTail { fingerprint: "0123456789ab".to_owned(), last_four: "wxyz".to_owned() }),
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn stored(db: &Db, id: &str, position: i64) -> Connection {
    let connection = connection(id, position);
    connections::insert(db, &connection, &permit()).await.unwrap();
    connection
}

async fn a_connection_comes_back_as_it_was_stored_and_changed(home: Home) {
    let db = home.ready().await;
    let mut one = stored(&db, "c1", 0).await;
    let read = async || format!("{:?}", connections::by_id(&db, &one.id).await.unwrap().unwrap());
    assert_eq!(read().await, format!("{one:?}"));

    one.kind = ConnectionKind::Demo;
    one.source = ConnectionSource::Environment;
    one.is_enabled = false;
    one.prefix = None;
    one.sealed_key = None;
    one.key_tail = None;
    one.updated_at = at(9);
    assert!(connections::update(&db, &one, None, &permit()).await.unwrap());
    let found = connections::by_id(&db, &one.id).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{one:?}"));
    assert!(!connections::update(&db, &connection("c2", 1), None, &permit()).await.unwrap());
}

async fn the_second_of_two_editors_is_told_that_the_first_was_faster(home: Home) {
    let db = home.ready().await;
    let mut one = stored(&db, "c1", 0).await;
    let seen = Some(one.updated_at);
    one.name = "first".to_owned();
    // The clock did not move between the two.
    assert!(connections::update(&db, &one, seen, &permit()).await.unwrap());
    one.name = "second".to_owned();
    let refused = connections::update(&db, &one, seen, &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("connection", "updated_at"));
    assert_eq!(connections::by_id(&db, &one.id).await.unwrap().unwrap().name, "first");
}

async fn connections_are_listed_in_the_order_that_was_chosen(home: Home) {
    let db = home.ready().await;
    for (position, id) in (0..).zip(["c1", "c2", "c3", "c4"]) {
        stored(&db, id, position).await;
    }
    let order = ["c3", "gone", "c1"].map(|id| id.parse().unwrap());
    connections::reorder(&db, &order, &permit()).await.unwrap();
    let ids = connections::list(&db).await.unwrap().into_iter().map(|it| it.id.to_string());
    assert_eq!(ids.collect::<Vec<_>>(), ["c3", "c1", "c2", "c4"]);
}

async fn several_changes_are_made_together_or_not_at_all(home: Home) {
    let db = home.ready().await;
    let (one, two) = (stored(&db, "c1", 0).await, stored(&db, "c2", 1).await);
    let order = ["c3", "c2"].map(|id| id.parse().unwrap());
    let steps = |seen| {
        let renamed = Connection { name: "Other".to_owned(), ..two.clone() };
        [Step::Delete(one.id.clone()), Step::Insert(connection("c3", 0)), Step::Update { row: renamed, seen }]
    };
    let names = async || {
        let rows = connections::list(&db).await.unwrap();
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };

    let refused = connections::rearrange(&db, &steps(at(7)), &order, &permit()).await.unwrap_err();
    assert!(refused.is_conflict_of("connection", "updated_at"));
    assert_eq!(names().await, ["Provider c1", "Provider c2"]);

    connections::rearrange(&db, &steps(two.updated_at), &order, &permit()).await.unwrap();
    assert_eq!(names().await, ["Provider c3", "Other"]);
}

fn decided(connection: &str, model: &str) -> ModelOverride {
    ModelOverride {
        connection: connection.parse().unwrap(),
        upstream_id: model.to_owned(),
        public_id: Some("fast".to_owned()),
        name: None,
        is_hidden: true,
        pricing: Some(Pricing { prompt: Money::from_nanos(1), completion: Money::MAX, cached_prompt: None }),
    }
}

fn model(id: &str) -> UpstreamModel {
    UpstreamModel {
        id: id.to_owned(),
        name: Some("A model".to_owned()),
        created: 1_700_000_000,
        owned_by: "somebody".to_owned(),
        context_length: Some(128_000),
        pricing: None,
    }
}

async fn a_deleted_connection_takes_its_overrides_and_models_along(home: Home) {
    let db = home.ready().await;
    let one = stored(&db, "c1", 0).await;
    connections::put_override(&db, &decided("c1", "m"), &permit()).await.unwrap();
    connections::put_models(&db, &one.id, at(1), Ok(&[model("m")])).await.unwrap();
    assert!(connections::delete(&db, &one.id, &permit()).await.unwrap());
    assert!(!connections::delete(&db, &one.id, &permit()).await.unwrap());
    assert_eq!(connections::overrides(&db).await.unwrap(), []);
    assert_eq!(connections::model_lists(&db).await.unwrap(), []);
    // An answer that arrives too late finds nothing to belong to.
    assert!(!connections::put_models(&db, &one.id, at(2), Ok(&[])).await.unwrap());
    let orphan = connections::put_override(&db, &decided("c1", "m"), &permit()).await;
    assert_eq!(orphan, Err(StoreError::Orphan));
}

async fn what_is_decided_about_a_model_can_be_decided_anew_and_forgotten(home: Home) {
    let db = home.ready().await;
    stored(&db, "c1", 0).await;
    let mut first = decided("c1", "vendor/model:free");
    connections::put_override(&db, &first, &permit()).await.unwrap();
    assert_eq!(connections::overrides(&db).await.unwrap(), [first.clone()]);
    first.pricing = None;
    first.is_hidden = false;
    connections::put_override(&db, &first, &permit()).await.unwrap();
    assert_eq!(connections::overrides(&db).await.unwrap(), [first.clone()]);
    let forget = async || {
        connections::delete_override(&db, &first.connection, &first.upstream_id, &permit()).await.unwrap()
    };
    assert!(forget().await);
    assert!(!forget().await);
}

async fn a_provider_that_fails_keeps_the_models_it_had(home: Home) {
    let db = home.ready().await;
    let one = stored(&db, "c1", 0).await.id;
    let put = async |second, answer: Result<&[UpstreamModel], &str>| {
        connections::put_models(&db, &one, at(second), answer).await.unwrap()
    };
    assert!(put(1, Err("no route")).await);
    let lists = connections::model_lists(&db).await.unwrap();
    let expected = ModelList {
        connection: one.clone(),
        models: Vec::new(),
        fetched_at: None,
        tried_at: at(1),
        error: Some("no route".to_owned()),
    };
    assert_eq!(lists, [expected]);

    let models = [model("a"), model("b")];
    put(2, Ok(&models)).await;
    put(3, Err("401")).await;
    let list = connections::model_lists(&db).await.unwrap().remove(0);
    assert_eq!(list.models, models);
    assert_eq!((list.fetched_at, list.tried_at), (Some(at(2)), at(3)));
    assert_eq!(list.error.as_deref(), Some("401"));
}

async fn another_base_url_forgets_the_models_of_the_old_one_and_another_name_does_not(home: Home) {
    let db = home.ready().await;
    let mut one = stored(&db, "c1", 0).await;
    connections::put_models(&db, &one.id, at(1), Ok(&[model("a")])).await.unwrap();
    one.name = "Renamed".to_owned();
    connections::update(&db, &one, None, &permit()).await.unwrap();
    assert_eq!(connections::model_lists(&db).await.unwrap().len(), 1);
    one.base_url = BaseUrl::parse("https://other.example.com/v1").unwrap();
    connections::update(&db, &one, None, &permit()).await.unwrap();
    assert_eq!(connections::model_lists(&db).await.unwrap(), []);
}

async fn other_processes_are_told_of_new_models_only(home: Home) {
    let db = home.ready().await;
    let one = stored(&db, "c1", 0).await.id;
    let (a, b) = ([model("a")], [model("a"), model("b")]);
    let answers: [(Result<&[UpstreamModel], &str>, i64); 5] =
        [(Ok(&a), 1), (Ok(&a), 0), (Err("x"), 1), (Err("x"), 0), (Ok(&b), 1)];
    for (second, (answer, expected)) in (0..).zip(answers) {
        let before = revision::read_all(&db).await.unwrap()[1].1;
        connections::put_models(&db, &one, at(second), answer).await.unwrap();
        let raised = revision::read_all(&db).await.unwrap()[1].1 - before;
        assert_eq!(raised, expected, "answer {second}");
    }
}
