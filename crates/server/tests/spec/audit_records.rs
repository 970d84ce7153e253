//! Who did what: each change leaves exactly one record, each refusal one denial, and reading none, unless an
//! administrator reads what belongs to people.

use serde_json::{Value, json};
use testkit::{Answer, FakeProvider, MODEL, Person, Reply, Stage, TestApp, spec};

spec! {
    each_change_of_an_account_leaves_one_record;
    each_change_of_a_chat_leaves_one_record;
    a_question_and_its_stop_leave_one_record_each;
    each_change_of_a_virtual_key_leaves_one_record;
    each_change_of_a_key_by_the_master_key_leaves_one_record;
    each_change_of_a_connection_leaves_one_record;
    settings_leave_their_names_and_not_their_values;
    a_sign_in_that_fails_names_the_address_that_was_tried;
    a_change_that_is_refused_leaves_its_denial_alone;
    somebody_elses_object_is_recorded_like_a_missing_one;
    a_program_that_is_refused_leaves_a_denial_that_names_its_key;
    a_persons_key_that_is_refused_leaves_a_denial_that_names_both;
    reading_leaves_nothing_unless_it_is_of_people;
    a_change_at_the_command_line_is_the_operators;
    the_ledger_leaves_one_record_for_each_batch;
    a_change_that_cannot_be_recorded_does_not_happen;
}

/// A row of the log.
#[derive(Debug)]
struct Record {
    event: String,
    outcome: String,
    actor: String,
    target: String,
    request: String,
    body: Value,
}

fn records(app: &TestApp, matching: &str) -> Vec<Record> {
    let sql = format!(
        "SELECT event, outcome, COALESCE(actor_id, actor_kind), COALESCE(target_kind, ''), COALESCE(target_id, ''),
             COALESCE(request_id, ''), body FROM audit_record WHERE {matching} ORDER BY seq"
    );
    let record = |row: Vec<String>| {
        let [event, outcome, actor, kind, id, request, body] = <[String; 7]>::try_from(row).unwrap();
        let body = serde_json::from_str(&body).unwrap();
        Record { event, outcome, actor, target: format!("{kind} {id}"), request, body }
    };
    app.sql(&sql).into_iter().map(record).collect()
}

/// The records that the request left behind which was answered so.
fn of(app: &TestApp, answer: &Answer) -> Vec<Record> {
    let id = answer.header("x-request-id").unwrap();
    records(app, &format!("request_id = '{id}'"))
}

/// The only record of this request, with everything that every record has.
#[track_caller]
fn only(app: &TestApp, answer: &Answer) -> Record {
    let mut found = of(app, answer);
    assert_eq!(found.len(), 1, "{found:#?} for {}", answer.text());
    let record = found.remove(0);
    assert_eq!(record.body["request"]["status"], answer.status, "{record:#?}");
    assert_eq!(record.body["request"]["id"], record.request);
    assert_eq!(record.body["request"]["address"], "127.0.0.1");
    record
}

/// A request of this person succeeded and left one record: this event, about this target.
#[track_caller]
fn did(app: &TestApp, who: &Person, answer: &Answer, event: &str, target: &str) -> Record {
    assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text());
    let record = only(app, answer);
    let found = (record.event.as_str(), record.outcome.as_str(), record.target.as_str());
    assert_eq!(found, (event, "done", target), "{record:#?}");
    assert_eq!(record.actor, who.id);
    let actor = &record.body["actor"];
    assert_eq!((&actor["kind"], &actor["email"]), (&json!("person"), &json!(who.email)));
    assert!(actor["credential"].as_str().unwrap().starts_with("session_"), "{actor}");
    record
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

async fn each_change_of_an_account_leaves_one_record(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let stranger = app.anonymous();

    // One event: there is an account, and its owner is signed in.
    let account = json!({ "name": "Cy", "email": "Cy@Example.com", "password": "Correct-Cy-9-Battery" });
    let up = stranger.post("/api/v1/auths/signup", account.clone()).await.expect(200);
    let cy = up.json();
    let record = only(&app, &up);
    assert_eq!((record.event.as_str(), record.actor.as_str()), ("account.signed_up", id(&cy)));
    assert_eq!(record.target, format!("account {}", id(&cy)));
    assert_eq!(record.body["detail"]["email"], "cy@example.com");
    assert_eq!(record.body["detail"]["session"], record.body["actor"]["credential"]);

    let signed_in = stranger.post("/api/v1/auths/signin", account).await.expect(200);
    let record = only(&app, &signed_in);
    assert_eq!((record.event.as_str(), record.actor.as_str()), ("session.started", id(&cy)));
    assert_eq!(record.body["detail"]["method"], "password");
    let session = record.target.clone();
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let out = stranger.bearer(&token).post("/api/v1/auths/signout", json!({})).await.expect(200);
    let record = only(&app, &out);
    let found = (record.event.as_str(), record.actor.as_str(), record.target.as_str());
    assert_eq!(found, ("session.ended", id(&cy), session.as_str()));

    let path = format!("/api/v1/users/{}/update", bob.id);
    let target = format!("account {}", bob.id);
    let answer = ada.post(&path, json!({ "name": "Robert", "role": "admin" })).await;
    let record = did(&app, &ada, &answer, "account.role_changed", &target);
    let expected = json!({ "changed": ["role", "name"], "role": "admin", "role_before": "user" });
    assert_eq!(record.body["detail"], expected);
    let answer = ada.post(&path, json!({ "name": "Bob" })).await;
    did(&app, &ada, &answer, "account.changed", &target);
    // What is so already is no change.
    let again = ada.post(&path, json!({ "name": "Bob", "role": "admin" })).await.expect(200);
    assert_eq!(of(&app, &again).len(), 0);
}

fn said(id: &str, parent: Option<&str>, role: &str) -> Value {
    json!({ "id": id, "parentId": parent, "childrenIds": [], "role": role, "content": "A secret of Bob's.", "timestamp": 1 })
}

async fn each_change_of_a_chat_leaves_one_record(stage: Stage) {
    let app = stage.start().await;
    app.admin().await;
    let bob = app.person("Bob").await;
    let body = json!({ "chat": { "title": "Locks", "models": [MODEL], "history": { "currentId": "a", "messages": {
        "q": said("q", None, "user"), "a": said("a", Some("q"), "assistant") } } } });

    let made = bob.post("/api/v1/chats/new", body).await;
    let chat = id(&made.json()).to_owned();
    let target = format!("chat {chat}");
    did(&app, &bob, &made, "chat.made", &target);
    let path = |rest: &str| format!("/api/v1/chats/{chat}{rest}");

    // A name, a message and the branch, all in one.
    let change = json!({ "chat": { "title": "Keys", "history": { "currentId": "q", "messages": {
        "q": said("q", None, "user"), "a": said("a", Some("q"), "assistant"), "b": said("b", Some("q"), "user") } } } });
    let changed = bob.post(&path(""), change.clone()).await;
    let record = did(&app, &bob, &changed, "chat.changed", &target);
    assert_eq!(record.body["detail"], json!({ "changed": ["messages", "current", "title"], "messages": 1 }));
    let again = bob.post(&path(""), change).await.expect(200);
    assert_eq!(of(&app, &again).len(), 0, "what is so already is no change");

    for rest in ["/pin", "/archive", "/archive", "/messages/q"] {
        let answer = bob.post(&path(rest), json!({ "content": "Another secret." })).await;
        did(&app, &bob, &answer, "chat.changed", &target);
    }
    let answer = bob.delete(&path("/messages/b")).await;
    did(&app, &bob, &answer, "chat.changed", &target);
    let copied = bob.post(&path("/clone"), json!({})).await;
    did(&app, &bob, &copied, "chat.made", &format!("chat {}", id(&copied.json())));
    let deleted = bob.delete(&path("")).await;
    did(&app, &bob, &deleted, "chat.deleted", &target);
    let all = bob.delete("/api/v1/chats/").await;
    did(&app, &bob, &all, "chat.deleted_all", &format!("account {}", bob.id));

    let log = app.sql("SELECT body FROM audit_record").concat().concat();
    for words in ["secret", "Locks", "Keys"] {
        assert!(!log.contains(words), "the log tells {words:?}");
    }
}

async fn a_question_and_its_stop_leave_one_record_each(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let ada = app.admin().await;
    provider.answers(Reply::says("one two three").silent_after(2));
    let chat = id(&ada.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json()).to_owned();

    let question = json!({ "model": MODEL, "content": "A secret of Ada's." });
    let asked = ada.post(&format!("/api/v1/chats/{chat}/turns"), question).await;
    let turn = asked.json()["turn_id"].as_str().unwrap().to_owned();
    let record = did(&app, &ada, &asked, "turn.started", &format!("turn {turn}"));
    assert_eq!(record.body["detail"]["chat"], chat);
    assert_eq!(record.body["detail"]["model"], MODEL);
    let stop = format!("/api/v1/chats/{chat}/turns/{turn}/stop");
    let stopped = ada.post(&stop, json!({})).await;
    did(&app, &ada, &stopped, "turn.stopped", &format!("turn {turn}"));
    let again = ada.post(&stop, json!({})).await;
    assert_eq!(of(&app, &again).iter().filter(|record| record.event == "turn.stopped").count(), 0);
    assert!(!app.sql("SELECT body FROM audit_record").concat().concat().contains("secret of Ada"));
}

async fn each_change_of_a_virtual_key_leaves_one_record(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let made = ada.post("/api/v1/keys", json!({ "name": "ci" })).await;
    let key = id(&made.json()["item"]).to_owned();
    let secret = made.json()["key"].as_str().unwrap().to_owned();
    let target = format!("virtual_key {key}");
    did(&app, &ada, &made, "virtual_key.made", &target);
    let path = |rest: &str| format!("/api/v1/keys/{key}{rest}");

    let changed = ada.patch(&path(""), json!({ "name": "build", "models": ["*"] })).await;
    let record = did(&app, &ada, &changed, "virtual_key.changed", &target);
    assert_eq!(record.body["detail"]["changed"], json!(["name", "models"]));
    for (rest, event) in [("/block", "virtual_key.blocked"), ("/unblock", "virtual_key.unblocked")] {
        let answer = ada.post(&path(rest), json!({})).await;
        did(&app, &ada, &answer, event, &target);
        let again = ada.post(&path(rest), json!({})).await.expect(200);
        assert_eq!(of(&app, &again).len(), 0);
    }
    let revoked = ada.delete(&path("")).await;
    did(&app, &ada, &revoked, "virtual_key.revoked", &target);
    app.must_not_hold(&secret);
}

async fn each_change_of_a_key_by_the_master_key_leaves_one_record(stage: Stage) {
    let app = stage.start().await;
    let master = app.master();
    let made = master.post("/key/generate", json!({ "key_alias": "ci" })).await;
    let key = made.json()["token"].as_str().unwrap().to_owned();
    let body = |more: Value| {
        let mut body = json!({ "key": key });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let updated = master.post("/key/update", body(json!({ "max_budget": 1 }))).await;
    let blocked = master.post("/key/block", body(json!({}))).await;
    let unblocked = master.post("/key/unblock", body(json!({}))).await;
    let deleted = master.post("/key/delete", json!({ "keys": [key] })).await;
    for (answer, event) in [
        (made, "virtual_key.made"),
        (updated, "virtual_key.changed"),
        (blocked, "virtual_key.blocked"),
        (unblocked, "virtual_key.unblocked"),
        (deleted, "virtual_key.revoked"),
    ] {
        let record = only(&app, &answer.expect(200));
        let found = (record.event.as_str(), record.actor.as_str(), record.target.as_str());
        assert_eq!(found, (event, "master", format!("virtual_key {key}").as_str()));
    }
}

async fn each_change_of_a_connection_leaves_one_record(stage: Stage) {
    let provider = FakeProvider::start().await;
    let url = provider.base_url();
    let app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &url).start().await;
    let ada = app.admin().await;
    let body = json!({ "base_url": url, "api_key": provider.key(), "prefix": "a" });
    let made = ada.post("/api/v1/connections", body).await;
    let one = id(&made.json()).to_owned();
    let target = format!("connection {one}");
    did(&app, &ada, &made, "connection.made", &target);
    let path = |rest: &str| format!("/api/v1/connections/{one}{rest}");

    let changed = ada.patch(&path(""), json!({ "name": "Elsewhere", "enabled": false })).await;
    let record = did(&app, &ada, &changed, "connection.changed", &target);
    assert_eq!(record.body["detail"]["changed"], json!(["name", "enabled"]));
    drop(ada.patch(&path(""), json!({ "enabled": true })).await.expect(200));
    let tested = ada.post(&path("/test"), json!({})).await;
    did(&app, &ada, &tested, "connection.tested", &target);
    let refreshed = ada.post(&path("/refresh"), json!({})).await;
    did(&app, &ada, &refreshed, "connection.refreshed", &target);
    let probed = ada.post("/openai/verify", json!({ "url": url, "key": provider.key() })).await;
    did(&app, &ada, &probed, "connection.tested", " ");

    let hidden = json!({ "connection_id": one, "upstream_id": MODEL, "hidden": true });
    let decided = ada.patch("/api/v1/catalog/models", hidden).await;
    did(&app, &ada, &decided, "model.changed", &format!("model {MODEL}"));

    let two = json!({ "OPENAI_API_BASE_URLS": [url, url], "OPENAI_API_KEYS": ["", ""],
        "OPENAI_API_CONFIGS": { "0": { "prefix_id": "a" }, "1": { "prefix_id": "b" } } });
    let arranged = ada.post("/openai/config/update", two).await.expect(200);
    let record = only(&app, &arranged);
    assert_eq!(record.event, "connection.changed");
    assert_eq!(record.body["detail"]["connections_made"].as_array().unwrap().len(), 1);
    let all = ada.get("/api/v1/connections").await.expect(200).json();
    let mut order: Vec<&str> = all["items"].as_array().unwrap().iter().map(id).collect();
    order.reverse();
    let ordered = ada.post("/api/v1/connections/order", json!({ "ids": order })).await;
    did(&app, &ada, &ordered, "connection.ordered", " ");

    let deleted = ada.delete(&path("")).await;
    did(&app, &ada, &deleted, "connection.deleted", &target);
    app.must_not_hold(provider.key());
}

async fn settings_leave_their_names_and_not_their_values(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let one = ada.patch("/api/v1/settings", json!({ "WEBUI_NAME": "Private words" })).await;
    did(&app, &ada, &one, "settings.changed", "setting WEBUI_NAME");
    let two = json!({ "WEBUI_NAME": null, "TASK_MODEL": "x" });
    let both = ada.patch("/api/v1/settings", two).await;
    let record = did(&app, &ada, &both, "settings.changed", " ");
    assert_eq!(record.body["detail"]["changed"], json!(["TASK_MODEL", "WEBUI_NAME"]));
    assert!(!app.sql("SELECT body FROM audit_record").concat().concat().contains("Private words"));
}

async fn a_sign_in_that_fails_names_the_address_that_was_tried(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let typed = |email: &str| json!({ "email": email, "password": "not her password" });
    let sign_in = async |email: &str| app.anonymous().post("/api/v1/auths/signin", typed(email)).await;

    let wrong = sign_in(" ADA.Admin@example.com").await.expect(400);
    let record = only(&app, &wrong);
    let found = (record.event.as_str(), record.outcome.as_str(), record.actor.as_str());
    assert_eq!(found, ("session.refused", "failed", "anonymous"));
    assert_eq!(record.target, format!("account {}", ada.id));
    assert_eq!(
        record.body["detail"],
        json!({ "reason": "wrong_credentials", "tried": "ada.admin@example.com" })
    );

    let record = only(&app, &sign_in("nobody@example.com").await.expect(400));
    assert_eq!(
        (record.target.as_str(), &record.body["detail"]["tried"]),
        (" ", &json!("nobody@example.com"))
    );
    app.must_not_hold("not her password");
}

async fn a_change_that_is_refused_leaves_its_denial_alone(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let path = format!("/api/v1/users/{}/update", ada.id);
    for (caller, actor, reason) in [
        (bob.caller(), bob.id.as_str(), "not_permitted"),
        (app.anonymous().caller(), "anonymous", "not_authenticated"),
        (app.anonymous().bearer("eyJ.forged.token"), "anonymous", "session_over"),
    ] {
        let refused = caller.post(&path, json!({ "role": "user" })).await.expect(401);
        let record = only(&app, &refused);
        assert_eq!((record.event.as_str(), record.outcome.as_str()), ("access.denied", "denied"));
        assert_eq!(record.actor, actor);
        assert_eq!(record.target, "route /api/v1/users/{id}/update");
        assert_eq!(record.body["detail"]["reason"], reason);
        assert!(record.body["request"]["uri"].as_str().unwrap().ends_with(&path));
    }
    // A page that asks who is signed in before anybody is does nothing wrong.
    let asked = app.anonymous().get("/api/v1/auths/").await.expect(401);
    assert_eq!(of(&app, &asked).len(), 0);
    assert_eq!(app.sql("SELECT role FROM account ORDER BY role").concat(), ["admin", "user"]);
}

async fn somebody_elses_object_is_recorded_like_a_missing_one(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let made = ada.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let mut records = Vec::new();
    for chat in [id(&made), "chat_none"] {
        let refused = bob.delete(&format!("/api/v1/chats/{chat}")).await.expect(404);
        let Record { event, outcome, actor, target, body, .. } = only(&app, &refused);
        assert_eq!(
            (event.as_str(), outcome.as_str(), actor.as_str()),
            ("access.denied", "denied", bob.id.as_str())
        );
        records.push((target, body["detail"].clone()));
    }
    assert_eq!(records[0], records[1]);
    ada.get(&format!("/api/v1/chats/{}", id(&made))).await.expect(200);
}

async fn a_program_that_is_refused_leaves_a_denial_that_names_its_key(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let program = app.key().models(&["other"]).create().await;
    let expect = |answer: &Answer, actor: &str, reason: &str| {
        let record = only(&app, answer);
        assert_eq!((record.event.as_str(), record.actor.as_str()), ("access.denied", actor), "{record:#?}");
        assert_eq!(record.body["detail"]["reason"], reason);
    };
    expect(&program.chat("Hi").await.expect(403), &program.id, "key_model_access_denied");
    program.block().await;
    expect(&program.chat("Hi").await.expect(401), &program.id, "key_blocked");
    expect(&program.get("/v1/models").await.expect(401), &program.id, "key_blocked");
    expect(&program.post("/api/v1/chats/new", json!({})).await.expect(401), &program.id, "key_blocked");
    let unknown = app.anonymous().bearer("sk-unknown-unknown-unknown");
    expect(&unknown.chat("Hi").await.expect(401), "anonymous", "invalid_api_key");
    expect(&app.anonymous().chat("Hi").await.expect(401), "anonymous", "invalid_api_key");
    app.must_not_hold("sk-unknown-unknown-unknown");
}

async fn a_persons_key_that_is_refused_leaves_a_denial_that_names_both(stage: Stage) {
    let app =
        stage.env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true").start().await;
    app.admin().await;
    let bob = app.person("Bob").await;
    let models = json!({ "name": "narrow", "endpoints": ["GET /api/models"] });
    let elsewhere = json!({ "name": "far", "addresses": ["203.0.113.0/24"] });
    for (draft, reason) in [(models, "endpoint_not_allowed"), (elsewhere, "address_not_allowed")] {
        let made = bob.post("/api/v1/auths/api_keys", draft).await.expect(201).json();
        let program = app.anonymous().bearer(made["api_key"].as_str().unwrap());
        for refused in [program.get("/api/v1/chats/").await, program.chat("Hi").await] {
            let record = only(&app, &refused.expect(403));
            assert_eq!((record.event.as_str(), record.actor.as_str()), ("access.denied", bob.id.as_str()));
            assert_eq!(record.body["actor"]["credential"], made["item"]["id"]);
            assert_eq!(record.body["detail"]["reason"], reason);
        }
    }
    let unknown = app.anonymous().bearer("sk-nobody0123456789").get("/api/v1/chats/").await.expect(401);
    assert_eq!(only(&app, &unknown).actor, "anonymous");
}

async fn reading_leaves_nothing_unless_it_is_of_people(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let chat = bob.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let key = app.key().create().await;
    let own = format!("/api/v1/chats/{}", id(&chat));
    for path in ["/api/v1/auths/", "/api/v1/chats/", &own, "/api/models", "/v1/models", "/api/config"] {
        assert_eq!(of(&app, &bob.get(path).await.expect(200)).len(), 0, "{path}");
    }
    for path in ["/api/v1/settings", "/api/v1/connections", "/api/v1/catalog/models"] {
        assert_eq!(of(&app, &ada.get(path).await.expect(200)).len(), 0, "{path}");
    }
    assert_eq!(of(&app, &key.get("/key/info").await.expect(200)).len(), 0, "a key about itself");

    let one = format!("/api/v1/keys/{}", key.id);
    for (path, target) in [
        ("/api/v1/users/?page=1", "route /api/v1/users/".to_owned()),
        ("/api/v1/usage", "route /api/v1/usage".to_owned()),
        ("/api/v1/keys", "route /api/v1/keys".to_owned()),
        (&one, format!("virtual_key {}", key.id)),
        ("/key/list", "route /key/list".to_owned()),
        ("/spend/logs", "route /spend/logs".to_owned()),
    ] {
        let answer = ada.get(path).await.expect(200);
        did(&app, &ada, &answer, "data.read", &target);
    }
}

async fn a_change_at_the_command_line_is_the_operators(stage: Stage) {
    let app = stage.start().await;
    app.run(&["keys", "create", "--name", "ci"]).expect_success();
    app.run(&["settings", "set", "WEBUI_NAME", "Private words"]).expect_success();
    let made = ["users", "create-admin", "--email", "ada@example.com"];
    app.run(&made).expect_success();
    app.run(&["users", "reset-password", "--email", "ada@example.com"]).expect_success();
    let left = records(&app, "actor_kind = 'operator' AND event NOT LIKE 'server.%'");
    let words: Vec<_> = left
        .iter()
        .map(|record| (record.event.as_str(), record.body["request"]["uri"].as_str().unwrap()))
        .filter(|(_, command)| !command.is_empty())
        .collect();
    let expected = [
        ("virtual_key.made", "keys create"),
        ("settings.changed", "settings set"),
        ("account.made", "users create-admin"),
        ("password.reset", "users reset-password"),
    ];
    assert_eq!(words, expected);
    let request = &left.last().unwrap().body["request"];
    assert_eq!((&request["channel"], &request["address"]), (&json!("command_line"), &Value::Null));
}

async fn the_ledger_leaves_one_record_for_each_batch(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let program = app.key().create().await;
    for _ in 0..3 {
        let answer = program.chat("A secret of a program's.").await.expect(200);
        assert_eq!(of(&app, &answer).len(), 0, "the request itself leaves no record");
    }
    app.usage(3).await;
    let batches = records(&app, "event = 'usage.recorded'");
    let counts = batches.iter().map(|record| record.body["detail"]["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 3);
    let rows = app.sql("SELECT DISTINCT batch FROM usage_record");
    assert_eq!(rows.len(), batches.len());
}

/// The next place of the chain is taken, so that no record fits; until it is free again.
async fn a_change_that_cannot_be_recorded_does_not_happen(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let chat =
        bob.post("/api/v1/chats/new", json!({ "chat": { "title": "Locks" } })).await.expect(200).json();
    app.sql("UPDATE audit_head SET seq = seq - 1");

    let rename = json!({ "chat": { "title": "Keys" } });
    let path = format!("/api/v1/chats/{}", id(&chat));
    let refusals = [
        bob.post(&path, rename.clone()).await,
        bob.delete(&path).await,
        ada.post("/api/v1/keys", json!({ "name": "ci" })).await,
        ada.patch("/api/v1/settings", json!({ "WEBUI_NAME": "Ward" })).await,
        // Neither does a look at people, nor a denial.
        ada.get("/api/v1/users/").await,
        bob.get("/api/v1/users/").await,
    ];
    for refused in refusals {
        assert_eq!(refused.expect(503).code(), "database_unavailable");
    }
    assert_eq!(bob.get(&path).await.expect(200).json()["title"], "Locks");
    assert_eq!(app.sql("SELECT id FROM virtual_key").len(), 0);
    assert_eq!(app.sql("SELECT name FROM setting WHERE name = 'WEBUI_NAME'").len(), 0);

    app.sql("UPDATE audit_head SET seq = seq + 1");
    let renamed = bob.post(&path, rename).await;
    did(&app, &bob, &renamed, "chat.changed", &format!("chat {}", id(&chat)));
}
