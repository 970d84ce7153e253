//! People's API keys: whom they act for, what they are limited to, and when they end.

use serde_json::{Value, json};
use testkit::{Caller, FakeProvider, MODEL, Person, Stage, TestApp, eventually, spec, spec_sqlite};

spec! {
    a_key_does_what_its_owner_does_and_the_ledger_charges_the_owner;
    a_key_ends_with_its_owners_rights_at_once;
    the_secret_is_said_once_and_stored_nowhere;
    nobody_reaches_the_keys_of_somebody_else;
    the_ledger_names_the_key_and_its_name_where_it_is_read;
    what_happens_to_a_key_or_its_owner_in_one_process_holds_in_the_other;
}

spec_sqlite! {
    every_carrier_gets_the_same_verdict_and_the_cookie_and_the_address_bar_none;
    no_key_reaches_what_needs_a_human;
    a_key_is_limited_to_its_endpoints_in_every_spelling_of_the_path;
    the_operators_list_holds_for_every_key;
    a_key_is_limited_to_its_models;
    a_key_is_limited_to_addresses_as_trusted_proxies_tell_them;
    what_lets_a_key_do_more_needs_a_fresh_proof;
    keys_are_off_unless_the_operator_says_so_and_a_permission_for_others;
    what_is_wrong_with_a_key_is_said_with_the_name_of_the_field;
    open_webuis_one_key_is_the_one_called_default;
}

const KEYS: &str = "/api/v1/auths/api_keys";
const USERS: &str = "/api/v1/users/";

fn allowed(stage: Stage) -> Stage {
    stage.env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true")
}

async fn key_with(person: &Person, body: Value) -> (String, Value) {
    let made = person.post(KEYS, body).await.expect(201).json();
    (made["api_key"].as_str().unwrap().to_owned(), made["item"].clone())
}

async fn key_of(app: &TestApp, person: &Person) -> Caller {
    let (secret, _) = key_with(person, json!({ "name": "script" })).await;
    app.anonymous().bearer(&secret)
}

async fn a_key_does_what_its_owner_does_and_the_ledger_charges_the_owner(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = allowed(stage).provider(&provider).start().await;
    app.admin().await;
    let bob = app.person("bob").await;
    let script = key_of(&app, &bob).await;

    script.post("/api/v1/chats/new", json!({ "chat": { "title": "By script" } })).await;
    assert!(bob.get("/api/v1/chats/").await.expect(200).text().contains("By script"));
    script.chat("Hi").await.expect(200);
    assert_eq!(script.get(USERS).await.expect(401).code(), "not_permitted");
    let rows = app.usage(1).await;
    assert_eq!(app.sql("SELECT account_id FROM usage_record"), [[bob.id.clone()]], "{rows:?}");
    let item = &bob.get(KEYS).await.expect(200).json()["items"][0];
    assert!(item["last_used_at"].is_i64(), "{item}");
}

async fn a_key_ends_with_its_owners_rights_at_once(stage: Stage) {
    let app = allowed(stage).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let script = key_of(&app, &bob).await;
    let change = async |body: Value| {
        ada.post(&format!("{USERS}{}/update", bob.id), body).await.expect(200);
    };
    change(json!({ "role": "admin" })).await;
    script.get(USERS).await.expect(200);
    change(json!({ "role": "user" })).await;
    script.get(USERS).await.expect(401);
    change(json!({ "role": "pending" })).await;
    script.get("/api/v1/chats/").await.expect(401);
    change(json!({ "role": "user" })).await;
    script.get("/api/v1/chats/").await.expect(200);
    change(json!({ "is_active": false })).await;
    assert_eq!(script.get("/api/v1/chats/").await.expect(401).code(), "invalid_api_key");
    script.get("/v1/models").await.expect(401);
}

async fn the_secret_is_said_once_and_stored_nowhere(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let (secret, item) = key_with(&ada, json!({ "name": "script" })).await;
    assert!(secret.starts_with("sk-") && secret.len() >= 35, "128 bit and more");
    assert_eq!(item["last_four"], secret[secret.len() - 4..]);
    assert!(!ada.get(KEYS).await.text().contains(&secret));
    app.anonymous().bearer(&secret).get("/api/v1/chats/").await.expect(200);
    app.must_not_hold(&secret);
    app.stop_and_search_for(&secret).await;
}

async fn nobody_reaches_the_keys_of_somebody_else(stage: Stage) {
    let app = allowed(stage).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (secret, item) = key_with(&ada, json!({ "name": "script" })).await;
    let path = format!("{KEYS}/{}", item["id"].as_str().unwrap());
    let missing = bob.patch(&format!("{KEYS}/apikey_01J9ZK"), json!({ "name": "x" })).await.expect(404);
    assert_eq!(bob.patch(&path, json!({ "name": "x" })).await.expect(404).text(), missing.text());
    bob.delete(&path).await.expect(404);
    bob.get(&format!("{USERS}{}/api_keys", ada.id)).await.expect(401);
    app.anonymous().bearer(&secret).get("/api/v1/chats/").await.expect(200);
    let of_bob = key_of(&app, &bob).await;
    let list = ada.get(&format!("{USERS}{}/api_keys", bob.id)).await.expect(200).json();
    let id = list["items"][0]["id"].as_str().unwrap();
    ada.delete(&format!("{USERS}{}/api_keys/{id}", bob.id)).await.expect(204);
    of_bob.get("/api/v1/chats/").await.expect(401);
}

async fn the_ledger_names_the_key_and_its_name_where_it_is_read(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = allowed(stage).provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (secret, item) = key_with(&bob, json!({ "name": "nightly" })).await;
    let id = item["id"].as_str().unwrap();
    app.anonymous().bearer(&secret).chat("Hi").await.expect(200);
    bob.chat("Hi").await.expect(200);

    let rows = ada.get("/api/v1/usage").await.expect(200).json();
    let named =
        |row: &Value| (row["user_id"].clone(), row["api_key_id"].clone(), row["api_key_name"].clone());
    assert_eq!(named(&rows["items"][1]), (json!(bob.id), json!(id), json!("nightly")));
    assert_eq!(named(&rows["items"][0]), (json!(bob.id), Value::Null, Value::Null));
    let of_key = ada.get(&format!("/api/v1/usage?api_key_id={id}")).await.expect(200).json();
    assert_eq!(of_key["items"], json!([rows["items"][1]]));
    let logs = app.master().get("/spend/logs").await.expect(200).json();
    let log = logs.as_array().unwrap().iter().find(|log| log["api_key"] == id).unwrap();
    assert_eq!(log["metadata"]["user_api_key_alias"], "nightly");

    bob.delete(&format!("{KEYS}/{id}")).await.expect(204);
    let gone = ada.get(&format!("/api/v1/usage?api_key_id={id}")).await.expect(200).json();
    assert_eq!(named(&gone["items"][0]), (json!(bob.id), json!(id), Value::Null));
}

async fn what_happens_to_a_key_or_its_owner_in_one_process_holds_in_the_other(stage: Stage) {
    let app = allowed(stage).start().await;
    let twin = app.twin().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chats = "/api/v1/chats/";
    let becomes = async |script: &Caller, status: u16| {
        let ask = async || (script.get(chats).await.status == status).then_some(());
        eventually("the other process sees it", ask).await;
    };
    let (secret, item) = key_with(&bob, json!({ "name": "script" })).await;
    let there = twin.seen(&app.anonymous().bearer(&secret));
    becomes(&there, 200).await;
    let narrower = json!({ "endpoints": ["GET /api/models"] });
    bob.patch(&format!("{KEYS}/{}", item["id"].as_str().unwrap()), narrower).await.expect(200);
    becomes(&there, 403).await;
    let (secret, item) = key_with(&bob, json!({ "name": "another" })).await;
    let there = twin.seen(&app.anonymous().bearer(&secret));
    becomes(&there, 200).await;
    let change = async |body: Value| {
        ada.post(&format!("{USERS}{}/update", bob.id), body).await.expect(200);
    };
    change(json!({ "is_active": false })).await;
    becomes(&there, 401).await;
    change(json!({ "is_active": true })).await;
    becomes(&there, 200).await;
    ada.delete(&format!("{USERS}{}/api_keys/{}", bob.id, item["id"].as_str().unwrap())).await.expect(204);
    becomes(&there, 401).await;
}

async fn every_carrier_gets_the_same_verdict_and_the_cookie_and_the_address_bar_none(stage: Stage) {
    let app = allowed(stage).env("CUSTOM_API_KEY_HEADER", "X-Corp-Key").start().await;
    let ada = app.admin().await;
    let (secret, _) = key_with(&ada, json!({ "name": "s", "endpoints": ["GET /api/v1/chats"] })).await;
    let stranger = app.anonymous();
    let carriers = [
        ("authorization", format!("Bearer {secret}")),
        ("x-api-key", secret.clone()),
        ("api-key", secret.clone()),
        ("x-corp-key", secret.clone()),
    ];
    for (name, value) in carriers {
        let script = stranger.with(name, &value);
        script.get("/api/v1/chats/").await.expect(200);
        assert_eq!(script.get("/api/v1/users/").await.expect(403).code(), "endpoint_not_allowed", "{name}");
        assert_eq!(script.get("/v1/models").await.expect(403).code(), "endpoint_not_allowed", "{name}");
        let wrong = stranger.with(name, &value.replace("sk-", "sk-x"));
        assert_eq!(wrong.get("/api/v1/chats/").await.expect(401).code(), "invalid_api_key", "{name}");
    }
    stranger.with("cookie", &format!("token={secret}")).get("/api/v1/chats/").await.expect(401);
    for name in ["key", "api_key", "token", "access_token"] {
        stranger.get(&format!("/api/v1/chats/?{name}={secret}")).await.expect(401);
    }
}

async fn no_key_reaches_what_needs_a_human(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let script = key_of(&app, &ada).await;
    for (method, path) in [
        ("GET", KEYS),
        ("POST", KEYS),
        ("POST", "/api/v1/auths/api_key"),
        ("GET", "/api/v1/auths/api_key"),
        ("DELETE", "/api/v1/auths/api_key"),
        ("POST", "/api/v1/auths/add"),
        ("DELETE", "/api/v1/users/user_x"),
    ] {
        let refused = script.draft(method, path).json(&json!({ "name": "x" })).send().await.expect(403);
        assert_eq!(refused.code(), "human_session_required", "{method} {path}");
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM api_key"), [["1"]]);
}

async fn a_key_is_limited_to_its_endpoints_in_every_spelling_of_the_path(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let limits = json!({ "name": "s", "endpoints": ["GET /api/v1/chats", "/api/v1/users/all/*"] });
    let (secret, _) = key_with(&ada, limits).await;
    let script = app.anonymous().bearer(&secret);
    script.get("/api/v1/chats/").await.expect(200);
    script.draft("HEAD", "/api/v1/chats/").send().await.expect(200);
    script.get("/api/v1/chats/?page=1").await.expect(200);
    script.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(403);
    let outside = [
        "/api/v1/chats/chat_1",
        "/api/v1/users/",
        "/api/v1/users/alle",
        "/api/v1/users/search",
        "/api/v1/users/all/../search",
        "/api/v1/users/all/%2e%2e/search",
        "/api/v1/users/all/%2E./search",
        "/api/v1/users//all",
        "/api/v1/chat%73/",
        "/api/v1/chats;x/",
        "/api/v1/chats%2f",
    ];
    for path in outside {
        let answer = script.get(path).await;
        assert!(matches!(answer.status, 403 | 404), "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("@example.com"), "{path}");
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["0"]]);
}

async fn the_operators_list_holds_for_every_key(stage: Stage) {
    let list = "/api/v1/chats, GET /api/v1/users/all";
    let app = allowed(stage)
        .env("ENABLE_API_KEYS_ENDPOINT_RESTRICTIONS", "true")
        .env("API_KEY_ALLOWED_ENDPOINTS", list)
        .start()
        .await;
    let ada = app.admin().await;
    let (secret, _) = key_with(&ada, json!({ "name": "s", "endpoints": ["/api/*", "/v1/*"] })).await;
    let script = app.anonymous().bearer(&secret);
    script.get("/api/v1/chats/").await.expect(200);
    script.get("/api/v1/users/all").await.expect(200);
    for path in ["/api/v1/users/", "/v1/models", "/api/models", "/api/v1/chatsx"] {
        assert!(matches!(script.get(path).await.status, 403 | 404), "{path}");
    }
    ada.get("/api/models").await.expect(200);
}

async fn a_key_is_limited_to_its_models(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = allowed(stage).provider(&provider).start().await;
    let ada = app.admin().await;
    let (secret, _) = key_with(&ada, json!({ "name": "s", "models": ["another-*"] })).await;
    let script = app.anonymous().bearer(&secret);
    let refused = script.ask(MODEL, "Hi").await.expect(403);
    assert_eq!(refused.code(), "key_model_access_denied");
    assert_eq!(provider.calls(), 0);
    assert_eq!(script.get("/v1/models").await.expect(200).json()["data"], json!([]));
    let (secret, _) = key_with(&ada, json!({ "name": "s", "models": [MODEL] })).await;
    app.anonymous().bearer(&secret).ask(MODEL, "Hi").await.expect(200);
}

async fn a_key_is_limited_to_addresses_as_trusted_proxies_tell_them(stage: Stage) {
    let mut app = allowed(stage).start().await;
    let ada = app.admin().await;
    let (secret, _) = key_with(&ada, json!({ "name": "s", "addresses": ["203.0.113.0/24"] })).await;
    let script = app.anonymous().bearer(&secret);
    assert_eq!(script.get("/api/v1/chats/").await.expect(403).code(), "address_not_allowed");
    script.with("x-forwarded-for", "203.0.113.9").get("/api/v1/chats/").await.expect(200);
    script.with("x-forwarded-for", "203.0.113.9, 198.51.100.1").get("/api/v1/chats/").await.expect(403);
    script.with("x-real-ip", "203.0.113.9").get("/api/v1/chats/").await.expect(403);
    app.set_env("FORWARDED_ALLOW_IPS", "192.0.2.1");
    app.restart().await;
    let script = app.anonymous().bearer(&secret);
    script.with("x-forwarded-for", "203.0.113.9").get("/api/v1/chats/").await.expect(403);
}

async fn what_lets_a_key_do_more_needs_a_fresh_proof(stage: Stage) {
    let mut app = allowed(stage).start().await;
    let ada = app.admin().await;
    let limits = json!({ "name": "s", "endpoints": ["/api/v1/chats/*"], "expires_at": 4_000_000_000_i64 });
    let (_, item) = key_with(&ada, limits).await;
    let path = format!("{KEYS}/{}", item["id"].as_str().unwrap());
    app.sql("UPDATE session SET created_at = created_at - 3600000000");
    let columns = app.sql("SELECT name FROM pragma_table_info('session')").concat();
    if columns.iter().any(|column| column == "proved_at") {
        app.sql("UPDATE session SET proved_at = proved_at - 3600000000");
    }
    app.restart().await;
    assert_eq!(ada.post(KEYS, json!({ "name": "another" })).await.expect(403).code(), "step_up_required");
    for wider in [
        json!({ "endpoints": [] }),
        json!({ "endpoints": ["/api/*"] }),
        json!({ "expires_at": null }),
        json!({ "expires_at": 4_000_000_001_i64 }),
    ] {
        assert_eq!(ada.patch(&path, wider).await.expect(403).code(), "step_up_required");
    }
    for narrower in [
        json!({ "name": "renamed" }),
        json!({ "endpoints": ["GET /api/v1/chats"], "models": ["gpt-4o"] }),
        json!({ "expires_at": 3_999_999_999_i64 }),
    ] {
        ada.patch(&path, narrower).await.expect(200);
    }
    let now = &ada.get(KEYS).await.json()["items"][0];
    assert_eq!((&now["name"], &now["endpoints"]), (&json!("renamed"), &json!(["GET /api/v1/chats"])));
    ada.delete(&path).await.expect(204);
}

async fn keys_are_off_unless_the_operator_says_so_and_a_permission_for_others(stage: Stage) {
    let told = async |who: &Caller| {
        let config = who.get("/api/config").await.expect(200).json();
        config["features"]["enable_api_keys"].clone()
    };
    let mut app = stage.start().await;
    let ada = app.admin().await;
    assert_eq!((told(&ada).await, told(&app.anonymous()).await), (json!(false), Value::Null));
    let off = ada.post(KEYS, json!({ "name": "s" })).await.expect(403);
    assert_eq!(off.code(), "feature_disabled");
    assert!(off.message().contains("ENABLE_API_KEYS"));
    app.set_env("ENABLE_API_KEYS", "true");
    app.restart().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    assert_eq!((told(&ada).await, told(&bob).await), (json!(true), json!(false)));
    let (secret, _) = key_with(&ada, json!({ "name": "script" })).await;
    app.anonymous().bearer(&secret).get("/api/v1/chats/").await.expect(200);
    let refused = bob.post(KEYS, json!({ "name": "s" })).await.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    assert!(refused.message().contains("features.api_keys"), "{}", refused.message());
    app.set_env("ENABLE_API_KEYS", "false");
    app.restart().await;
    let stopped = app.anonymous().bearer(&secret);
    assert_eq!(stopped.get("/api/v1/chats/").await.expect(403).code(), "feature_disabled");
}

async fn what_is_wrong_with_a_key_is_said_with_the_name_of_the_field(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    for (body, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "s", "endpoints": ["/a", "api/*"] }), "endpoints[1]"),
        (json!({ "name": "s", "endpoints": ["/api/../x"] }), "endpoints[0]"),
        (json!({ "name": "s", "models": [""] }), "models[0]"),
        (json!({ "name": "s", "addresses": ["10.0.0.0/33"] }), "addresses[0]"),
        (json!({ "name": "s", "expires_at": 1 }), "expires_at"),
        (json!({ "name": "s", "endpoints": vec!["/a"; 51] }), "endpoints"),
    ] {
        let refused = ada.post(KEYS, body.clone()).await.expect(400);
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    ada.post(KEYS, json!({ "name": "s", "owner": "user_x" })).await.expect(400);
    assert_eq!(app.sql("SELECT COUNT(*) FROM api_key"), [["0"]]);
}

async fn open_webuis_one_key_is_the_one_called_default(stage: Stage) {
    const ONE: &str = "/api/v1/auths/api_key";
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    ada.get(ONE).await.expect(404);
    let make = async || {
        let made = ada.post(ONE, json!({})).await.expect(200).json();
        made["api_key"].as_str().unwrap().to_owned()
    };
    let first = make().await;
    let second = make().await;
    app.anonymous().bearer(&first).get("/api/v1/chats/").await.expect(401);
    app.anonymous().bearer(&second).get("/api/v1/chats/").await.expect(200);
    let shown = ada.get(ONE).await.expect(200).json();
    let masked = format!("{}****{}", &second[..7], &second[second.len() - 4..]);
    assert_eq!(shown["api_key"], json!(masked));
    assert_eq!(ada.delete(ONE).await.expect(200).json(), json!(true));
    app.anonymous().bearer(&second).get("/api/v1/chats/").await.expect(401);
}
