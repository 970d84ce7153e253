//! Who may see and use a model: a model that is not for somebody is, to them, not there.

use serde_json::{Value, json};
use testkit::{Admin, Answer, Caller, FakeProvider, MODEL, Person, Stage, TestApp, spec};

spec! {
    a_model_that_is_for_others_is_a_missing_one_at_every_way;
    the_models_that_a_chat_starts_with_are_told_to_those_who_may_use_them;
    a_grant_counts_for_its_person_its_group_and_for_everybody;
    a_decision_counts_at_the_next_request_and_can_be_taken_back;
    to_read_is_not_to_decide;
    who_may_write_hands_on_no_more_than_is_allowed;
    models_are_everyones_unless_the_operator_says_otherwise;
    a_virtual_key_reaches_no_more_than_its_owner;
    no_other_model_is_reached_through_fields_of_the_body;
    administrators_need_a_grant_when_the_operator_says_so;
    the_operator_can_open_every_model;
    a_decision_follows_a_model_to_its_new_name;
    a_decision_follows_the_models_of_a_connection_to_its_new_prefix;
    a_grant_names_somebody_who_exists;
    each_decision_leaves_one_record;
}

const DECIDE: &str = "/api/v1/models/model/access/update";
const SECRET: &str = "secret-model";
/// As long as the other, so that even the length says nothing.
const ABSENT: &str = "absent-model";

struct House {
    app: TestApp,
    provider: FakeProvider,
    ada: Admin,
    bob: Person,
    cy: Person,
}

impl House {
    async fn on(stage: Stage) -> Self {
        let provider = FakeProvider::start().await;
        provider.offers(&[MODEL, SECRET]);
        let app = stage.provider(&provider).start().await;
        let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
        // The first request waits until the models are known.
        ada.chat("Hi").await.expect(200);
        Self { app, provider, ada, bob, cy }
    }
}

async fn decide(who: &Caller, model: &str, grants: Value) -> Answer {
    who.post(DECIDE, json!({ "id": model, "access_grants": grants })).await
}

fn to(kind: &str, id: &str, permission: &str) -> Value {
    json!({ "principal_type": kind, "principal_id": id, "permission": permission })
}

/// What a person is told who asks a model in a chat.
async fn turn_with(who: &Person, model: &str) -> String {
    let chat = who.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let turns = format!("/api/v1/chats/{}/turns", chat["id"].as_str().unwrap());
    let ask = json!({ "model": model, "parent_id": null, "content": "Hi" });
    let turn = who.post(&turns, ask).await.expect(201).json();
    let events = format!("{turns}/{}/events", turn["turn_id"].as_str().unwrap());
    let events = who.draft("GET", &events).open().await.events().await;
    events.iter().map(|event| event.json().to_string()).collect::<Vec<_>>().join("\n")
}

/// The answer is the one for a model that is not there, word for word.
#[track_caller]
fn as_missing(there: &Answer, absent: &Answer) {
    assert_eq!(there.status, absent.status, "{}", there.text());
    assert!(there.status == 404 || there.status == 400, "{} {}", there.status, there.text());
    assert_eq!(there.text().replace(SECRET, ABSENT), absent.text());
}

async fn a_model_that_is_for_others_is_a_missing_one_at_every_way(stage: Stage) {
    let house = House::on(stage).await;
    let House { provider, ada, bob, cy, .. } = &house;
    decide(ada, SECRET, json!([to("user", &cy.id, "read")])).await.expect(200);
    let calls = provider.calls();

    for path in ["/api/models", "/api/v1/models", "/v1/models", "/models", "/openai/models"] {
        let list = bob.get(path).await;
        assert!(!list.text().contains(SECRET), "{path}");
        assert!(list.status == 404 || list.text().contains(MODEL), "{path} {}", list.text());
    }
    for head in ["/v1/models/", "/openai/models/", "/api/v1/models/model?id="] {
        as_missing(&bob.get(&format!("{head}{SECRET}")).await, &bob.get(&format!("{head}{ABSENT}")).await);
    }
    let chat = |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] });
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/api/chat/completions",
        "/api/v1/chat/completions",
        "/openai/chat/completions",
        "/openai/v1/chat/completions",
    ] {
        as_missing(&bob.post(path, chat(SECRET)).await, &bob.post(path, chat(ABSENT)).await);
    }
    let input = |model: &str| json!({ "model": model, "prompt": "Hi", "input": "Hi" });
    for path in ["/v1/completions", "/v1/embeddings", "/v1/responses"] {
        as_missing(&bob.post(path, input(SECRET)).await, &bob.post(path, input(ABSENT)).await);
    }
    for head in ["/openai/deployments", "/engines", "/v1/engines"] {
        let path = |model: &str| format!("{head}/{model}/chat/completions");
        as_missing(&bob.post(&path(SECRET), chat(MODEL)).await, &bob.post(&path(ABSENT), chat(MODEL)).await);
    }
    let (there, absent) = (turn_with(bob, SECRET).await, turn_with(bob, ABSENT).await);
    assert_eq!(there.replace(SECRET, ABSENT), absent);
    assert!(absent.contains("does not exist"), "{absent}");
    as_missing(
        &decide(bob, SECRET, json!([to("user", "*", "read")])).await,
        &decide(bob, ABSENT, json!([to("user", "*", "read")])).await,
    );
    assert_eq!(provider.calls(), calls);
    // It is there for whom it is for, and for administrators.
    cy.ask(SECRET, "Hi").await.expect(200);
    ada.ask(SECRET, "Hi").await.expect(200);
    assert!(cy.get("/api/models").await.expect(200).text().contains(SECRET));
}

async fn the_models_that_a_chat_starts_with_are_told_to_those_who_may_use_them(stage: Stage) {
    let house = House::on(stage.env("DEFAULT_MODELS", "secret-model, plain-model")).await;
    let House { app, ada, bob, cy, .. } = &house;
    let told = async |who: &Caller| who.get("/api/config").await.expect(200).json()["default_models"].clone();
    assert_eq!(told(bob).await, json!("secret-model,plain-model"));
    decide(ada, SECRET, json!([to("user", &cy.id, "read")])).await.expect(200);
    assert_eq!(told(bob).await, json!(MODEL));
    assert_eq!(told(cy).await, json!("secret-model,plain-model"));
    decide(ada, MODEL, json!([])).await.expect(200);
    assert_eq!((told(bob).await, told(&app.anonymous()).await), (json!(null), json!(null)));
    let waiting = app.person("waiting").await;
    decide(ada, SECRET, json!(null)).await.expect(200);
    ada.post(&format!("/api/v1/users/{}/update", waiting.id), json!({ "role": "pending" })).await.expect(200);
    assert_eq!(told(&waiting).await, json!(null));
}

async fn a_grant_counts_for_its_person_its_group_and_for_everybody(stage: Stage) {
    let house = House::on(stage).await;
    let House { app, ada, bob, cy, .. } = &house;
    let staff = ada.post("/api/v1/groups/create", json!({ "name": "Staff", "description": "" })).await;
    let staff = staff.expect(200).json()["id"].as_str().unwrap().to_owned();
    let members = format!("/api/v1/groups/id/{staff}/users/");
    let may = async |model: &str| {
        [bob.ask(model, "Hi").await.status == 200, cy.ask(model, "Hi").await.status == 200]
    };
    decide(ada, SECRET, json!([to("group", &staff, "read")])).await.expect(200);
    assert_eq!(may(SECRET).await, [false, false]);
    ada.post(&format!("{members}add"), json!({ "user_ids": [bob.id] })).await.expect(200);
    assert_eq!(may(SECRET).await, [true, false]);
    ada.post(&format!("{members}remove"), json!({ "user_ids": [bob.id] })).await.expect(200);
    assert_eq!(may(SECRET).await, [false, false]);
    decide(ada, SECRET, json!([to("user", "*", "read")])).await.expect(200);
    assert_eq!(may(SECRET).await, [true, true]);
    app.anonymous().ask(SECRET, "Hi").await.expect(401);
    decide(ada, SECRET, json!([])).await.expect(200);
    assert_eq!(may(SECRET).await, [false, false]);
}

async fn a_decision_counts_at_the_next_request_and_can_be_taken_back(stage: Stage) {
    let house = House::on(stage).await;
    let House { ada, bob, .. } = &house;
    bob.ask(SECRET, "Hi").await.expect(200);
    decide(ada, SECRET, json!([])).await.expect(200);
    bob.ask(SECRET, "Hi").await.expect(404);
    let shown = ada.get(&format!("/api/v1/models/model?id={SECRET}")).await.expect(200).json();
    assert_eq!((&shown["access_grants"], &shown["write_access"]), (&json!([]), &json!(true)));
    let House { mut app, provider: _provider, .. } = house;
    app.restart().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    bob.ask(SECRET, "Hi").await.expect(404);
    decide(&ada, SECRET, json!(null)).await.expect(200);
    bob.ask(SECRET, "Hi").await.expect(200);
    let shown = ada.get(&format!("/api/v1/models/model?id={SECRET}")).await.expect(200).json();
    assert_eq!(shown["access_grants"], json!(null));
}

async fn to_read_is_not_to_decide(stage: Stage) {
    let house = House::on(stage.env("USER_PERMISSIONS_WORKSPACE_MODELS_ACCESS", "true")).await;
    let House { app, ada, bob, cy, .. } = &house;
    decide(ada, SECRET, json!([to("user", &bob.id, "read")])).await.expect(200);
    let before = app.sql("SELECT principal_type, principal_id, permission FROM access_grant");
    let refused = decide(bob, SECRET, json!([to("user", &bob.id, "write")])).await.expect(403);
    assert_eq!(refused.code(), "grant_missing");
    // Nor does a model that is everybody's belong to everybody.
    assert_eq!(decide(bob, MODEL, json!([])).await.expect(403).code(), "grant_missing");
    assert_eq!(app.sql("SELECT principal_type, principal_id, permission FROM access_grant"), before);
    let shown = bob.get(&format!("/api/v1/models/model?id={SECRET}")).await.expect(200).json();
    assert_eq!((&shown["write_access"], shown.get("access_grants")), (&json!(false), None));
    // To decide is to see and use.
    decide(ada, SECRET, json!([to("user", &bob.id, "write")])).await.expect(200);
    bob.ask(SECRET, "Hi").await.expect(200);
    cy.ask(SECRET, "Hi").await.expect(404);
    // And reads nothing else: connections stay the administrators'.
    bob.get("/api/v1/catalog/models").await.expect(401);
}

async fn who_may_write_hands_on_no_more_than_is_allowed(stage: Stage) {
    let house = House::on(stage).await;
    let House { ada, bob, cy, .. } = &house;
    let writer = to("user", &bob.id, "write");
    decide(ada, SECRET, json!([writer])).await.expect(200);
    // The grant alone is not enough.
    let refused = decide(bob, SECRET, json!([writer, to("user", &cy.id, "read")])).await.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    let defaults = "/api/v1/users/default/permissions";
    ada.post(defaults, json!({ "workspace": { "models": true } })).await.expect(200);
    decide(bob, SECRET, json!([writer, to("user", &cy.id, "read")])).await.expect(403);
    ada.post(defaults, json!({ "sharing": { "models": true } })).await.expect(200);
    decide(bob, SECRET, json!([writer, to("user", &cy.id, "read")])).await.expect(200);
    cy.ask(SECRET, "Hi").await.expect(200);
    for too_much in [json!([writer, to("user", "*", "read")]), json!(null)] {
        decide(bob, SECRET, too_much).await.expect(403);
    }
    ada.post(defaults, json!({ "sharing": { "public_models": true } })).await.expect(200);
    decide(bob, SECRET, json!([writer, to("user", "*", "read")])).await.expect(200);
}

async fn models_are_everyones_unless_the_operator_says_otherwise(stage: Stage) {
    let house = House::on(stage.env("DEFAULT_MODEL_ACCESS", "private")).await;
    let House { ada, bob, cy, .. } = &house;
    assert_eq!(bob.get("/api/models").await.expect(200).json()["data"], json!([]));
    bob.ask(MODEL, "Hi").await.expect(404);
    decide(ada, MODEL, json!([to("user", &bob.id, "read")])).await.expect(200);
    bob.ask(MODEL, "Hi").await.expect(200);
    cy.ask(MODEL, "Hi").await.expect(404);
}

async fn a_virtual_key_reaches_no_more_than_its_owner(stage: Stage) {
    let house = House::on(stage).await;
    let House { app, ada, bob, .. } = &house;
    let bobs = app.key().field("owner_id", json!(bob.id)).create().await;
    let nobodys = app.key().create().await;
    bobs.ask(SECRET, "Hi").await.expect(200);
    decide(ada, SECRET, json!([])).await.expect(200);
    as_missing(&bobs.ask(SECRET, "Hi").await, &bobs.ask(ABSENT, "Hi").await);
    assert!(!bobs.get("/v1/models").await.expect(200).text().contains(SECRET));
    assert!(!bobs.get("/api/models").await.expect(200).text().contains(SECRET));
    bobs.ask(MODEL, "Hi").await.expect(200);
    // A key that is nobody's follows its own list alone.
    nobodys.ask(SECRET, "Hi").await.expect(200);
    decide(ada, SECRET, json!([to("user", &bob.id, "read")])).await.expect(200);
    bobs.ask(SECRET, "Hi").await.expect(200);
}

async fn no_other_model_is_reached_through_fields_of_the_body(stage: Stage) {
    let house = House::on(stage).await;
    let House { provider, ada, bob, .. } = &house;
    let sneaky = |field: &str| json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }], field: [SECRET] });
    bob.complete(sneaky("models")).await.expect(200);
    decide(ada, SECRET, json!([])).await.expect(200);
    let calls = provider.calls();
    for field in ["models", "fallbacks"] {
        assert_eq!(bob.complete(sneaky(field)).await.expect(403).code(), "parameter_not_allowed", "{field}");
    }
    assert_eq!(provider.calls(), calls);
    bob.chat("Hi").await.expect(200);
}

async fn administrators_need_a_grant_when_the_operator_says_so(stage: Stage) {
    let house = House::on(stage.env("BYPASS_ADMIN_ACCESS_CONTROL", "false")).await;
    let House { ada, .. } = &house;
    decide(ada, SECRET, json!([])).await.expect(200);
    as_missing(&ada.ask(SECRET, "Hi").await, &ada.ask(ABSENT, "Hi").await);
    // They still decide about it.
    decide(ada, SECRET, json!([to("user", &ada.id, "read")])).await.expect(200);
    ada.ask(SECRET, "Hi").await.expect(200);
}

async fn the_operator_can_open_every_model(stage: Stage) {
    let house = House::on(stage.env("BYPASS_MODEL_ACCESS_CONTROL", "true")).await;
    let House { ada, bob, .. } = &house;
    decide(ada, SECRET, json!([])).await.expect(200);
    bob.ask(SECRET, "Hi").await.expect(200);
}

async fn a_decision_follows_a_model_to_its_new_name(stage: Stage) {
    let house = House::on(stage).await;
    let House { ada, bob, .. } = &house;
    decide(ada, SECRET, json!([])).await.expect(200);
    let list = ada.get("/api/v1/catalog/models").await.expect(200).json();
    let connection = list["items"][0]["connection_id"].clone();
    let rename = json!({ "connection_id": connection, "upstream_id": SECRET, "id": "harmless" });
    ada.patch("/api/v1/catalog/models", rename).await.expect(200);
    bob.ask("harmless", "Hi").await.expect(404);
    assert!(!bob.get("/api/models").await.expect(200).text().contains("harmless"));
    ada.ask("harmless", "Hi").await.expect(200);
}

async fn a_decision_follows_the_models_of_a_connection_to_its_new_prefix(stage: Stage) {
    let house = House::on(stage).await;
    let House { ada, bob, provider, .. } = &house;
    decide(ada, SECRET, json!([])).await.expect(200);
    let configs = json!({ "0": { "prefix_id": "two" } });
    let list = json!({ "OPENAI_API_BASE_URLS": [provider.base_url()], "OPENAI_API_CONFIGS": configs });
    ada.post("/openai/config/update", list).await.expect(200);
    let renamed = format!("two/{SECRET}");
    bob.ask(&format!("two/{MODEL}"), "Hi").await.expect(200);
    bob.ask(&renamed, "Hi").await.expect(404);
    ada.ask(&renamed, "Hi").await.expect(200);
}

async fn a_grant_names_somebody_who_exists(stage: Stage) {
    let house = House::on(stage).await;
    let House { app, ada, .. } = &house;
    for grant in [
        to("user", "user_nobody", "read"),
        to("group", "group_nobody", "read"),
        to("group", "*", "read"),
        to("user", "", "read"),
    ] {
        assert_eq!(decide(ada, SECRET, json!([grant])).await.expect(400).code(), "unknown_principal");
    }
    for odd in [to("anyone", "*", "read"), to("user", "*", "own"), json!("user:*")] {
        decide(ada, SECRET, json!([odd])).await.expect(400);
    }
    decide(ada, ABSENT, json!([])).await.expect(404);
    assert_eq!(app.sql("SELECT COUNT(*) FROM access_grant"), [["0"]]);
}

async fn each_decision_leaves_one_record(stage: Stage) {
    let house = House::on(stage).await;
    let House { app, ada, bob, .. } = &house;
    decide(ada, SECRET, json!([to("user", &bob.id, "read"), to("user", &bob.id, "read")])).await.expect(200);
    decide(ada, SECRET, json!(null)).await.expect(200);
    decide(bob, SECRET, json!([])).await.expect(403);
    let sql = "SELECT event, outcome, actor_id, target_id FROM audit_record WHERE event = 'grants.changed' ORDER BY seq";
    let one = ["grants.changed", "done", &ada.id, SECRET].map(str::to_owned).to_vec();
    assert_eq!(app.sql(sql), [one.clone(), one]);
    let denied = app.sql("SELECT actor_id FROM audit_record WHERE event = 'access.denied'");
    assert_eq!(denied, [[bob.id.clone()]]);
}
