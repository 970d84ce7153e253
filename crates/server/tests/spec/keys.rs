//! Virtual keys: what they open, how they are stopped, and that nobody can read them afterwards.

use serde_json::json;
use testkit::{FakeProvider, MODEL, Program, Stage, TestApp, eventually, spec};

spec! {
    a_key_opens_the_models_on_its_list_and_no_other;
    a_key_opens_the_endpoints_on_its_list_and_no_other;
    a_blocked_key_is_refused_at_once_and_works_again_when_it_is_unblocked;
    a_revoked_key_is_refused_at_once_and_for_ever;
    a_key_ends_by_the_clock;
    a_change_of_a_key_counts_from_the_next_request_on;
    a_key_revoked_on_the_command_line_is_refused_by_the_running_server_within_a_second;
    a_key_made_on_the_command_line_works_in_the_running_server;
    a_key_is_shown_once_and_kept_nowhere;
    a_key_of_another_server_opens_nothing;
    a_key_opens_neither_the_workspace_nor_the_administration;
    a_refused_key_leaves_a_row_that_names_it;
    every_credential_header_gives_a_key_the_same_verdict;
}

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "org/fast", "org/slow", "other"]);
    (stage.provider(&provider).start().await, provider)
}

async fn code(program: &Program, status: u16) -> String {
    program.chat("Hi").await.expect(status).code()
}

async fn a_key_opens_the_models_on_its_list_and_no_other(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let program = app.key().models(&["org/*", "other"]).create().await;

    for model in ["org/fast", "org/slow", "other"] {
        program.ask(model, "Hi").await.expect(200);
    }
    let refused = program.ask(MODEL, "Hi").await.expect(403);
    assert_eq!(refused.code(), "key_model_access_denied");
    let by_path =
        program.post("/openai/deployments/plain-model/chat/completions", json!({ "messages": [] })).await;
    assert_eq!(by_path.expect(403).code(), "key_model_access_denied");
    // Whether a model exists is not told to whoever may not use it.
    assert_eq!(program.ask("nobodys", "Hi").await.expect(403).code(), "key_model_access_denied");
    assert_eq!(provider.calls(), 3);

    let list = program.get("/v1/models").await.expect(200).json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["org/fast", "org/slow", "other"]);
    program.get("/v1/models/plain-model").await.expect(404);
}

async fn a_key_opens_the_endpoints_on_its_list_and_no_other(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let program = app.key().endpoints(&["embeddings"]).create().await;

    program.post("/v1/embeddings", json!({ "model": MODEL, "input": "Hi" })).await.expect(200);
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/api/chat/completions",
        "/openai/deployments/plain-model/chat/completions",
        "/v1/completions",
        "/v1/responses",
    ] {
        let body = json!({ "model": MODEL, "messages": [], "input": "", "prompt": "" });
        assert_eq!(program.post(path, body).await.expect(403).code(), "endpoint_not_allowed", "{path}");
    }
    assert_eq!(program.get("/v1/models").await.expect(403).code(), "endpoint_not_allowed");
    assert_eq!(provider.calls(), 1);
}

async fn a_blocked_key_is_refused_at_once_and_works_again_when_it_is_unblocked(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let program = app.key().create().await;
    program.chat("Hi").await.expect(200);

    program.block().await;
    assert_eq!(code(&program, 401).await, "key_blocked");
    assert_eq!(program.get("/v1/models").await.expect(401).code(), "key_blocked");
    assert_eq!(provider.calls(), 1);

    program.unblock().await;
    program.chat("Hi").await.expect(200);
}

async fn a_revoked_key_is_refused_at_once_and_for_ever(stage: Stage) {
    let (mut app, provider) = with_provider(stage).await;
    let program = app.key().create().await;
    program.chat("Hi").await.expect(200);

    program.revoke().await;
    assert_eq!(code(&program, 401).await, "invalid_api_key");
    app.restart().await;
    assert_eq!(code(&program, 401).await, "invalid_api_key");
    assert_eq!(provider.calls(), 1);
}

async fn a_key_ends_by_the_clock(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().lasts(3).create().await;
    program.chat("Hi").await.expect(200);

    let ended = async || Some(program.chat("Hi").await).filter(|answer| answer.status != 200);
    assert_eq!(eventually("the key's end", ended).await.expect(401).code(), "expired_key");
    assert_eq!(program.shown().await["state"], "expired");
}

async fn a_change_of_a_key_counts_from_the_next_request_on(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().models(&["other"]).create().await;
    assert_eq!(code(&program, 403).await, "key_model_access_denied");

    program.change(json!({ "models": [MODEL] })).await;
    program.chat("Hi").await.expect(200);

    program.change(json!({ "endpoints": ["embeddings"] })).await;
    assert_eq!(code(&program, 403).await, "endpoint_not_allowed");
}

async fn a_key_revoked_on_the_command_line_is_refused_by_the_running_server_within_a_second(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().create().await;
    program.chat("Hi").await.expect(200);

    app.run(&["keys", "revoke", &program.id]).expect_success();

    let done = tokio::time::Instant::now();
    let refused = async || (program.chat("Hi").await.status == 401).then_some(());
    eventually("the revocation", refused).await;
    // A second is promised; twice that is allowed to a busy machine.
    assert!(done.elapsed() < std::time::Duration::from_secs(2), "{:?}", done.elapsed());
}

async fn a_key_made_on_the_command_line_works_in_the_running_server(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let arguments = ["keys", "create", "--name", "script", "--model", "org/*", "--expires", "1h", "--json"];
    let made = app.run(&arguments).expect_success().json();
    let secret = made["key"].as_str().unwrap().to_owned();
    let caller = app.anonymous().bearer(&secret);

    let works = async || (caller.ask("org/fast", "Hi").await.status == 200).then_some(());
    eventually("the new key to work", works).await;
    caller.chat("Hi").await.expect(403);
    let listed = app.run(&["keys", "list"]).expect_success().stdout;
    assert!(listed.contains("script") && !listed.contains(&secret), "{listed}");
    app.run(&["keys", "revoke", "key_00000000000000000000000000"]).expect_failure();
}

async fn a_key_is_shown_once_and_kept_nowhere(stage: Stage) {
    let (app, _provider) = with_provider(stage.env("GLOBAL_LOG_LEVEL", "trace")).await;
    let program = app.key().name("canary").create().await;
    program.chat("Hi").await.expect(200);
    program.stream("Hi").await.events().await;
    program.ask("nobodys", "Hi").await.expect(404);
    let ada = app.admin().await;

    for path in
        [format!("/api/v1/keys/{}", program.id), "/api/v1/keys".to_owned(), "/api/v1/usage".to_owned()]
    {
        let text = ada.get(&path).await.expect(200).text();
        assert!(!text.contains(&program.secret), "{path}");
    }
    app.usage(3).await;
    // While it runs, with the write-ahead log beside the file; not even without its public ends.
    let middle = &program.secret[8..program.secret.len() - 4];
    app.must_not_hold(middle);
    let entropy = program.secret.len() - "sk-".len();
    assert!(entropy >= 22, "too short to be 128 bits of randomness");
}

async fn a_key_of_another_server_opens_nothing(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let binary = env!("CARGO_BIN_EXE_wardroom");
    let other = <TestApp as testkit::Given>::on(testkit::Backend::sqlite(binary)).await;
    let foreign = other.key().create().await;

    app.anonymous().bearer(&foreign.secret).chat("Hi").await.expect(401);
}

async fn a_key_opens_neither_the_workspace_nor_the_administration(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().create().await;
    for path in [
        "/api/v1/auths/",
        "/api/v1/chats/",
        "/api/v1/keys",
        "/api/v1/users/",
        "/api/v1/connections",
        "/api/v1/settings",
        "/api/v1/usage",
        "/api/v1/catalog/models",
    ] {
        program.get(path).await.expect(401);
    }
    program.post("/api/v1/keys", json!({ "name": "more" })).await.expect(401);
    let made = program.post("/key/generate", json!({})).await;
    assert!(matches!(made.status, 401 | 403), "{}", made.text());
}

async fn a_refused_key_leaves_a_row_that_names_it(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().models(&["other"]).create().await;
    program.chat("Hi").await.expect(403);

    let row = &app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.http_status), ("refused", 403));
    assert_eq!(row.key.as_deref(), Some(program.id.as_str()));
    assert_eq!(row.error.as_deref(), Some("key_model_access_denied"));
}

async fn every_credential_header_gives_a_key_the_same_verdict(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let program = app.key().models(&["other"]).create().await;
    for name in ["authorization", "x-api-key", "api-key", "x-litellm-api-key"] {
        let value = if name == "authorization" {
            format!("Bearer {}", program.secret)
        } else {
            program.secret.clone()
        };
        let caller = app.anonymous().with(name, &value);
        caller.ask("other", "Hi").await.expect(200);
        assert_eq!(caller.chat("Hi").await.expect(403).code(), "key_model_access_denied", "{name}");
    }
    program.block().await;
    for name in ["x-api-key", "api-key", "x-litellm-api-key"] {
        let caller = app.anonymous().with(name, &program.secret);
        assert_eq!(caller.ask("other", "Hi").await.expect(401).code(), "key_blocked", "{name}");
    }
}
