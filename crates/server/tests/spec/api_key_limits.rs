//! What an API key is limited to, from the side of somebody who stole one.

use serde_json::{Value, json};
use testkit::{Admin, Caller, FakeProvider, MODEL, Person, Stage, TestApp, exchange, spec, spec_sqlite};

spec! {
    a_key_that_is_limited_to_models_gets_them_alone_at_every_way;
    a_key_loses_at_once_what_its_owner_loses;
    an_expired_key_is_over;
}

spec_sqlite! {
    no_spelling_of_a_request_reaches_beyond_the_endpoints;
    a_method_is_the_one_that_is_sent;
    a_stolen_key_makes_no_other_keys_and_changes_no_account;
    the_operators_list_names_methods_and_whole_segments;
    an_empty_list_of_the_operator_opens_nothing;
}

const KEYS: &str = "/api/v1/auths/api_keys";
const OTHER: &str = "other-model";

fn allowed(stage: Stage) -> Stage {
    stage.env("ENABLE_API_KEYS", "true").env("USER_PERMISSIONS_FEATURES_API_KEYS", "true")
}

/// A program with a new key of this person, limited like this.
async fn script(app: &TestApp, person: &Person, limits: Value) -> Caller {
    let mut body = limits;
    body["name"] = json!("script");
    let made = person.post(KEYS, body).await.expect(201).json();
    app.anonymous().bearer(made["api_key"].as_str().unwrap())
}

struct House {
    app: TestApp,
    provider: FakeProvider,
    ada: Admin,
    bob: Person,
}

impl House {
    async fn on(stage: Stage) -> Self {
        let provider = FakeProvider::start().await;
        provider.offers(&[MODEL, OTHER]);
        let app = stage.provider(&provider).start().await;
        let (ada, bob) = (app.admin().await, app.person("bob").await);
        // The first request waits until the models are known.
        ada.chat("Hi").await.expect(200);
        Self { app, provider, ada, bob }
    }
}

async fn a_key_that_is_limited_to_models_gets_them_alone_at_every_way(stage: Stage) {
    let house = House::on(allowed(stage).env("ENABLE_OPENAI_API_PASSTHROUGH", "true")).await;
    // Not even an administrator's.
    let script = script(&house.app, &house.ada, json!({ "models": ["plain-*"] })).await;
    let calls = house.provider.calls();
    for path in
        ["/api/models", "/api/v1/models", "/v1/models", "/models", "/openai/models", "/openai/models/0"]
    {
        let list = script.get(path).await.expect(200);
        assert!(list.text().contains(MODEL) && !list.text().contains(OTHER), "{path} {}", list.text());
    }
    for head in
        ["/v1/models/", "/models/", "/openai/models/", "/openai/v1/models/", "/api/v1/models/model?id="]
    {
        script.get(&format!("{head}{MODEL}")).await.expect(200);
        script.get(&format!("{head}{OTHER}")).await.expect(404);
    }
    let body = |model: &str| json!({ "model": model, "prompt": "Hi", "input": "Hi", "messages": [{ "role": "user", "content": "Hi" }] });
    for head in [
        "/v1",
        "",
        "/api",
        "/api/v1",
        "/openai",
        "/openai/v1",
        "/engines/other-model",
        "/openai/deployments/other-model",
    ] {
        for tail in ["/chat/completions", "/completions", "/embeddings", "/responses"] {
            let answer = script.post(&format!("{head}{tail}"), body(OTHER)).await;
            assert!(matches!(answer.status, 403..=405), "{head}{tail} {} {}", answer.status, answer.text());
        }
    }
    // Other spellings of the name are other names, and a second one hides nowhere.
    for named in [
        r#""model":"Plain-model""#,
        r#""model":" plain-model""#,
        r#""model":"\u006fther-model""#,
        r#""model":"plain-model","model":"other-model""#,
        r#""Model":"other-model","model":"plain-model""#,
        r#""model":"plain-model","models":["other-model"]"#,
        r#""model":"plain-model","fallbacks":["other-model"]"#,
        r#""model":["other-model"]"#,
    ] {
        let body = format!(r#"{{{named},"messages":[{{"role":"user","content":"Hi"}}]}}"#);
        let draft = script.draft("POST", "/v1/chat/completions").header("content-type", "application/json");
        let answer = draft.body(body).send().await;
        assert!((400..=404).contains(&answer.status), "{named} {} {}", answer.status, answer.text());
    }
    around_the_gateways_own_routes(&script).await;
    assert_eq!(house.provider.calls(), calls);
    script.chat("Hi").await.expect(200);
}

/// What is passed on, what is no route, and a question in a chat.
async fn around_the_gateways_own_routes(script: &Caller) {
    let passed = script.post("/openai/audio/speech", json!({ "model": OTHER, "input": "Hi" })).await;
    assert_eq!(passed.expect(403).code(), "key_model_access_denied");
    script.post("/v1/messages", json!({ "model": OTHER })).await.expect(404);
    // A question in a chat takes the same way.
    let chat = script.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let turns = format!("/api/v1/chats/{}/turns", chat["id"].as_str().unwrap());
    let ask = json!({ "model": OTHER, "parent_id": null, "content": "Hi" });
    let turn = script.post(&turns, ask).await;
    if turn.status == 201 {
        let events = format!("{turns}/{}/events", turn.json()["turn_id"].as_str().unwrap());
        let events = script.draft("GET", &events).open().await.events().await;
        let told = events.iter().map(|event| event.json().to_string()).collect::<String>();
        assert!(told.contains("key_model_access_denied"), "{told}");
    }
}

async fn a_key_loses_at_once_what_its_owner_loses(stage: Stage) {
    let House { app, provider: _provider, ada, bob } = House::on(stage.env("ENABLE_API_KEYS", "true")).await;
    let staff =
        json!({ "name": "Staff", "description": "", "permissions": { "features": { "api_keys": true } } });
    let staff = ada.post("/api/v1/groups/create", staff).await.expect(200).json()["id"].clone();
    let group = format!("/api/v1/groups/id/{}", staff.as_str().unwrap());
    let members = json!({ "user_ids": [bob.id] });
    ada.post(&format!("{group}/users/add"), members.clone()).await.expect(200);
    let grants = json!([{ "principal_type": "group", "principal_id": staff, "permission": "read" }]);
    let decide = async |grants: &Value| {
        let decision = json!({ "id": OTHER, "access_grants": grants });
        ada.post("/api/v1/models/model/access/update", decision).await.expect(200);
    };
    decide(&grants).await;
    let script = script(&app, &bob, json!({ "models": [OTHER] })).await;
    script.ask(OTHER, "Hi").await.expect(200);
    decide(&json!([])).await;
    script.ask(OTHER, "Hi").await.expect(404);
    assert_eq!(script.get("/v1/models").await.expect(200).json()["data"], json!([]));
    decide(&grants).await;
    script.ask(OTHER, "Hi").await.expect(200);

    ada.post(&format!("{group}/users/remove"), members.clone()).await.expect(200);
    let refused = script.get("/api/v1/chats/").await.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    assert!(refused.message().contains("'features.api_keys'"), "{}", refused.message());
    script.ask(OTHER, "Hi").await.expect(403);
    ada.post(&format!("{group}/users/add"), members).await.expect(200);
    script.get("/api/v1/chats/").await.expect(200);
    ada.delete(&format!("{group}/delete")).await.expect(200);
    script.get("/api/v1/chats/").await.expect(403);
}

async fn an_expired_key_is_over(stage: Stage) {
    let mut app = allowed(stage).start().await;
    let ada = app.admin().await;
    let script = script(&app, &ada, json!({ "expires_at": 4_000_000_000_i64 })).await;
    script.get("/api/v1/chats/").await.expect(200);
    app.sql("UPDATE api_key SET expires_at = 1700000000000000");
    app.restart().await;
    for path in ["/api/v1/chats/", "/v1/models", "/api/models"] {
        assert_eq!(script.get(path).await.expect(401).code(), "expired_key", "{path}");
    }
}

async fn no_spelling_of_a_request_reaches_beyond_the_endpoints(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let made = ada.post(KEYS, json!({ "name": "s", "endpoints": ["GET /api/v1/chats/*"] })).await.expect(201);
    let secret = made.json()["api_key"].as_str().unwrap().to_owned();
    let host = app.address();
    let get = async |target: &str| {
        let head = format!(
            "GET {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {secret}\r\nconnection: close\r\n\r\n"
        );
        let answer = exchange(host, head.as_bytes()).await;
        let status: u16 = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, answer)
    };
    for inside in
        ["/api/v1/chats/", "/api/v1/chats/?page=1&x=/../users", &format!("http://{host}/api/v1/chats/")]
    {
        assert_eq!(get(inside).await.0, 200, "{inside}");
    }
    for outside in [
        "/api/v1/chats-evil",
        "/api/v1/chatsx/",
        "/api/v1/users/?x=/api/v1/chats/",
        "/api/v1/users/#/api/v1/chats/",
        "/api/v1/chats/../users/",
        "/api/v1/chats/./../users/",
        "/api/v1/chats/%2e%2e/users/",
        "/api/v1/chats/.%2E/users/",
        "/api/v1/chats/..%2fusers/",
        "/api/v1/chats/..;/users/",
        "/api/v1/chats\\..\\users/",
        "/api/v1/chats%2f..%2fusers/",
        "/api/v1//users/",
        "//api/v1/users/",
        "/./api/v1/users/",
        "/api/v1/%75sers/",
        "/API/V1/USERS/",
        "/api/v1/users/;/api/v1/chats/",
        &format!("http://{host}/api/v1/users/"),
        &format!("http://{host}//api/v1/chats/../users/"),
    ] {
        let (status, answer) = get(outside).await;
        // What no route serves and no prefix claims is the page of the interface, the same for everybody.
        let is_page = status == 200 && answer.contains("text/html");
        assert!((400..500).contains(&status) || is_page, "{outside}: {answer}");
        assert!(!answer.contains("@example.com"), "{outside}: {answer}");
    }
}

async fn a_method_is_the_one_that_is_sent(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let chat = ada.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200).json();
    let path = format!("/api/v1/chats/{}", chat["id"].as_str().unwrap());
    let script = script(&app, &ada, json!({ "endpoints": ["GET /api/v1/chats/*"] })).await;
    for method in ["POST", "DELETE"] {
        assert_eq!(script.draft(method, &path).send().await.expect(403).code(), "endpoint_not_allowed");
    }
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let posted =
            script.draft("POST", &path).header(name, "GET").json(&json!({ "chat": { "title": "x" } }));
        posted.send().await.expect(403);
        script.draft("GET", &path).header(name, "DELETE").send().await.expect(200);
    }
    for header in ["x-original-url", "x-rewrite-url", "x-forwarded-path", "x-forwarded-prefix"] {
        let asked = script.draft("GET", "/api/v1/users/").header(header, "/api/v1/chats/");
        asked.send().await.expect(403);
    }
    for odd in ["OPTIONS", "TRACE", "PROPFIND", "get"] {
        let answer = script.draft(odd, &path).send().await;
        assert!(!answer.text().contains("history"), "{odd} {}", answer.text());
    }
    ada.get(&path).await.expect(200);
}

async fn a_stolen_key_makes_no_other_keys_and_changes_no_account(stage: Stage) {
    let app = allowed(stage).start().await;
    let ada = app.admin().await;
    let script = script(&app, &ada, json!({})).await;
    let before = app.sql("SELECT id, name, email, password, role FROM account");
    for (method, path) in [
        ("GET", KEYS),
        ("POST", KEYS),
        ("GET", "/api/v1/auths/"),
        ("GET", "/api/v1/auths/sessions"),
        ("POST", "/api/v1/auths/signout/all"),
        ("POST", "/api/v1/auths/update/profile"),
        ("POST", "/api/v1/auths/update/password"),
        ("POST", "/api/v1/auths/step-up"),
        ("POST", "/api/v1/auths/passkeys/register/start"),
        ("DELETE", "/api/v1/auths/mfa"),
        ("POST", "/api/v1/keys"),
        ("POST", "/key/generate"),
        ("PATCH", "/api/v1/settings"),
        ("GET", "/api/v1/audit/export"),
        ("GET", "/api/v1/chats/all/db"),
        ("POST", "/api/v1/connections"),
        ("POST", "/api/v1/groups/create"),
        ("POST", "/api/v1/users/default/permissions"),
    ] {
        let refused = script.draft(method, path).json(&json!({ "name": "x" })).send().await.expect(403);
        assert_eq!(refused.code(), "human_session_required", "{method} {path}");
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM api_key"), [["1"]]);
    assert_eq!(app.sql("SELECT id, name, email, password, role FROM account"), before);
}

async fn the_operators_list_names_methods_and_whole_segments(stage: Stage) {
    let app = allowed(stage)
        .env("ENABLE_API_KEYS_ENDPOINT_RESTRICTIONS", "true")
        .env("API_KEYS_ALLOWED_ENDPOINTS", " GET /api/v1/chats ,/api/models/ ")
        .start()
        .await;
    let ada = app.admin().await;
    let script = script(&app, &ada, json!({})).await;
    script.get("/api/v1/chats/").await.expect(200);
    script.get("/api/v1/chats/pinned").await.expect(200);
    script.get("/api/models").await.expect(200);
    for (method, path) in [
        ("POST", "/api/v1/chats/new"),
        ("DELETE", "/api/v1/chats/"),
        ("GET", "/api/v1/users/all"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/api/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/api/v1/models"),
    ] {
        let refused = script.draft(method, path).json(&json!({ "chat": {} })).send().await.expect(403);
        assert_eq!(refused.code(), "endpoint_not_allowed", "{method} {path}");
    }
}

async fn an_empty_list_of_the_operator_opens_nothing(stage: Stage) {
    let app = allowed(stage).env("ENABLE_API_KEYS_ENDPOINT_RESTRICTIONS", "true").start().await;
    let ada = app.admin().await;
    let script = script(&app, &ada, json!({})).await;
    for path in ["/api/v1/chats/", "/api/models", "/v1/models"] {
        assert_eq!(script.get(path).await.expect(403).code(), "endpoint_not_allowed", "{path}");
    }
}
