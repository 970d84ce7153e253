//! What the operator switches off is off for the API, and says by which variable.

use serde_json::json;
use testkit::{Answer, FakeProvider, MODEL, Reply, Stage, spec};

spec! {
    links_that_exist_end_when_sharing_is_switched_off;
    exports_of_everybodys_chats_can_be_switched_off;
    administrators_read_nobodys_chats_when_that_is_switched_off;
    own_connections_are_refused_and_hidden_unless_switched_on;
    other_paths_of_a_provider_are_closed_unless_switched_on;
    what_is_passed_on_reaches_the_provider_with_its_key_and_nothing_of_the_caller;
    nothing_is_passed_on_around_limits_grants_and_paths;
}

#[track_caller]
fn off(answer: Answer, variable: &str) {
    let refused = answer.expect(403);
    assert_eq!(refused.code(), "feature_disabled");
    assert!(refused.message().contains(variable), "{}", refused.message());
}

async fn links_that_exist_end_when_sharing_is_switched_off(stage: Stage) {
    let mut app = stage.start().await;
    let ada = app.admin().await;
    let chat =
        ada.post("/api/v1/chats/new", json!({ "chat": { "title": "Plans" } })).await.expect(200).json();
    let share = format!("/api/v1/chats/{}/share", chat["id"].as_str().unwrap());
    let shared = ada.post(&share, json!({})).await.expect(200).json();
    let link = format!("/api/v1/chats/share/{}", shared["share_id"].as_str().unwrap());
    ada.get(&link).await.expect(200);

    app.set_env("ENABLE_COMMUNITY_SHARING", "false");
    app.restart().await;
    let ada = app.admin().await;
    let gone = ada.get(&link).await.expect(404);
    assert_eq!(gone.text(), ada.get("/api/v1/chats/share/share_nobody").await.expect(404).text());
    off(ada.post(&share, json!({})).await, "ENABLE_COMMUNITY_SHARING");
    off(ada.get("/api/v1/chats/shared").await, "ENABLE_COMMUNITY_SHARING");
    // Taking back is always possible.
    assert_eq!(ada.delete(&share).await.expect(200).json(), json!(true));
}

async fn exports_of_everybodys_chats_can_be_switched_off(stage: Stage) {
    let app = stage.env("ENABLE_ADMIN_EXPORT", "false").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    bob.post("/api/v1/chats/new", json!({ "chat": { "title": "Plans" } })).await.expect(200);
    off(ada.get("/api/v1/chats/all/db").await, "ENABLE_ADMIN_EXPORT");
    bob.get("/api/v1/chats/all/db").await.expect(401);
    assert_eq!(app.sql("SELECT COUNT(*) FROM audit_record WHERE event = 'data.exported'"), [["0"]]);
    // One's own remain one's own.
    assert!(bob.get("/api/v1/chats/all").await.expect(200).text().contains("Plans"));
}

async fn administrators_read_nobodys_chats_when_that_is_switched_off(stage: Stage) {
    let app = stage.env("ENABLE_ADMIN_CHAT_ACCESS", "false").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chat =
        bob.post("/api/v1/chats/new", json!({ "chat": { "title": "Plans" } })).await.expect(200).json();
    let chat = format!("/api/v1/chats/{}", chat["id"].as_str().unwrap());
    let theirs = ada.get(&chat).await.expect(404);
    assert_eq!(theirs.text(), ada.get("/api/v1/chats/chat_nobody").await.expect(404).text());
    off(ada.get(&format!("/api/v1/chats/list/user/{}", bob.id)).await, "ENABLE_ADMIN_CHAT_ACCESS");
    // Nor all at once.
    off(ada.get("/api/v1/chats/all/db").await, "ENABLE_ADMIN_CHAT_ACCESS");
    assert_eq!(bob.get(&chat).await.expect(200).json()["admin_reads"], 0);
}

async fn own_connections_are_refused_and_hidden_unless_switched_on(stage: Stage) {
    let mut app = stage.env("ENABLE_DIRECT_CONNECTIONS", "true").start().await;
    let (read, write) = ("/api/v1/users/user/settings", "/api/v1/users/user/settings/update");
    let ada = app.admin().await;
    let own = json!({ "OPENAI_API_BASE_URLS": ["https://elsewhere.example/v1"], "OPENAI_API_KEYS": ["k"] });
    let ui = json!({ "ui": { "theme": "dark", "directConnections": own } });
    ada.post(write, ui.clone()).await.expect(200);
    assert_eq!(ada.get(read).await.expect(200).json()["ui"]["directConnections"], own);

    app.set_env("ENABLE_DIRECT_CONNECTIONS", "false");
    app.restart().await;
    let ada = app.admin().await;
    assert_eq!(ada.get(read).await.expect(200).json(), json!({ "ui": { "theme": "dark" } }));
    off(ada.post(write, ui).await, "ENABLE_DIRECT_CONNECTIONS");
    let empty = json!({ "ui": { "theme": "light", "directConnections": { "OPENAI_API_BASE_URLS": [] } } });
    assert!(ada.post(write, empty).await.expect(200).json()["ui"].get("directConnections").is_none());
    assert_eq!(ada.get(read).await.expect(200).json()["ui"]["theme"], "light");
}

async fn other_paths_of_a_provider_are_closed_unless_switched_on(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let ada = app.admin().await;
    for path in ["/openai/files", "/openai/v1/files", "/openai/audio/speech"] {
        off(ada.get(path).await, "ENABLE_OPENAI_API_PASSTHROUGH");
        off(ada.post(path, json!({})).await, "ENABLE_OPENAI_API_PASSTHROUGH");
        app.anonymous().get(path).await.expect(401);
    }
    assert_eq!(provider.calls(), 0);
}

async fn what_is_passed_on_reaches_the_provider_with_its_key_and_nothing_of_the_caller(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.env("ENABLE_OPENAI_API_PASSTHROUGH", "true").provider(&provider).start().await;
    let (_ada, bob) = (app.admin().await, app.person("bob").await);
    let reply = Reply::json(200, &json!({ "id": "file-1", "echo": provider.key() }));
    provider.answers(reply.header("set-cookie", "token=planted").header("x-planted", "1"));

    let sent = bob.with("x-custom", "canary").with("cookie", "canary=1");
    let answer = sent.post("/openai/v1/files?purpose=batch", json!({ "a": [1] })).await.expect(200);

    let seen = provider.last();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/files?purpose=batch"));
    assert_eq!((seen.json(), seen.header("content-type")), (json!({ "a": [1] }), Some("application/json")));
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {}", provider.key()).as_str()));
    assert!(seen.headers.iter().all(|(_, value)| !value.contains("canary") && !value.contains(&bob.token)));
    assert_eq!(answer.json()["id"], "file-1");
    assert!(!answer.text().contains(provider.key()));
    assert_eq!((answer.header("set-cookie"), answer.header("x-planted")), (None, None));

    bob.draft("DELETE", "/openai/files/file-1").send().await.expect(200);
    let seen = provider.last();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("DELETE", "/v1/files/file-1"));
    let found = app.sql("SELECT actor_id, outcome FROM audit_record WHERE event = 'provider.passthrough'");
    assert_eq!(found, vec![vec![bob.id.clone(), "done".to_owned()]; 2]);
    // A refusal of our key is not one of the caller's.
    provider.answers(Reply::json(401, &json!({ "error": { "message": "bad key" } })));
    bob.get("/openai/files").await.expect(502);
}

async fn nothing_is_passed_on_around_limits_grants_and_paths(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.env("ENABLE_OPENAI_API_PASSTHROUGH", "true").provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let calls = provider.calls();
    // Programs have budgets, which this way knows nothing of.
    app.key().create().await.get("/openai/files").await.expect(401);
    app.anonymous().get("/openai/files").await.expect(401);
    for path in ["/openai/chat/completions/", "/openai/v1/Embeddings", "/openai/x/responses"] {
        assert!(bob.post(path, json!({ "model": MODEL })).await.status >= 400, "{path}");
    }
    for path in
        ["/openai/../admin", "/openai/a/../../b", "/openai/a//b", "/openai/%2e%2e/b", "/openai/a%2f..%2fb"]
    {
        let answer = bob.get(path).await;
        assert!(answer.status == 400 || answer.status == 404, "{path} {}", answer.status);
    }
    // Which model is asked cannot be seen, so every model must be allowed.
    let closed = json!({ "id": MODEL, "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", closed).await.expect(200);
    assert_eq!(bob.get("/openai/files").await.expect(403).code(), "grant_missing");
    assert_eq!(provider.calls(), calls);
    ada.get("/openai/files").await.expect(200);
}
