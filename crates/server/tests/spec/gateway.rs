//! The one path to a model, as programs see it: what goes through unchanged, under which names and for whom.

use serde_json::json;
use testkit::{FakeProvider, MASTER_KEY, MODEL, Reply, Stage, TestApp, spec};

spec! {
    a_request_reaches_the_provider_byte_for_byte;
    an_answer_comes_back_byte_for_byte;
    tools_images_and_several_answers_pass_through;
    the_provider_gets_its_own_key_and_nothing_of_the_caller;
    the_provider_sets_none_of_our_headers;
    a_redirect_of_the_provider_is_not_followed;
    every_spelling_of_a_route_leads_to_the_same_place;
    a_model_in_the_path_goes_before_the_one_in_the_body;
    completions_embeddings_and_responses_are_passed_on;
    a_model_in_the_path_may_have_slashes;
    models_are_listed_and_retrieved;
    a_program_sees_the_models_of_its_key_in_either_shape;
    each_credential_header_of_the_known_clients_opens_the_door;
    without_a_known_key_nothing_reaches_the_provider;
    each_request_leaves_one_row_under_the_id_that_the_caller_saw;
    the_cost_is_tokens_times_price;
    what_a_user_writes_is_never_filled_in;
}

/// An app with one provider.
async fn with_provider(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    (stage.provider(&provider).start().await, provider)
}

async fn a_request_reaches_the_provider_byte_for_byte(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let odd = " {\"messages\" :[{\"role\":\"user\",\"content\":\"\\u0041\\/\\ud83d\\ude00 é\"}],\n\t\"model\":\"plain-model\",\
        \"temperature\":1.0e-0,\"seed\":123456789012345678901234567890,\"zzz\":{\"b\":1,\"a\":[null,{}]},\"stream\":false} \n";

    app.master().draft("POST", "/v1/chat/completions").body(odd).send().await.expect(200);

    assert_eq!(provider.last().text(), odd);
    assert_eq!(provider.last().path, "/v1/chat/completions");
}

async fn an_answer_comes_back_byte_for_byte(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let odd = "{\n  \"choices\": [ {\"index\":0, \"message\": {\"role\":\"assistant\",\"content\":\"\\u00e9\"}, \"finish_reason\":\"stop\"} ],\
        \"x_new\": 1.50, \"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n";
    provider.answers(Reply::body(200, "application/json; charset=utf-8", odd));

    assert_eq!(app.master().chat("Hi").await.expect(200).text(), odd);

    let usage = app.usage(1).await;
    assert_eq!((usage[0].prompt_tokens, usage[0].completion_tokens, usage[0].is_estimated), (7, 3, false));
}

async fn tools_images_and_several_answers_pass_through(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let body = json!({
        "model": MODEL,
        "n": 3,
        "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } },
        ]}],
        "tools": [{ "type": "function", "function": { "name": "look", "parameters": { "type": "object" } } }],
        "tool_choice": { "type": "function", "function": { "name": "look" } },
    });

    let answer = app.master().complete(body.clone()).await.expect(200).json();

    assert_eq!(provider.last().json(), body);
    assert_eq!(answer["choices"].as_array().unwrap().len(), 3);
}

async fn the_provider_gets_its_own_key_and_nothing_of_the_caller(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let caller = app
        .master()
        .with("cookie", "token=canary-cookie")
        .with("x-forwarded-for", "203.0.113.77")
        .with("openai-organization", "canary-organization")
        .with("x-custom", "canary-custom");

    caller.chat("Hi").await.expect(200);

    let seen = provider.last();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {}", provider.key()).as_str()));
    for (name, value) in &seen.headers {
        assert!(!value.contains("canary") && !value.contains(MASTER_KEY), "{name}: {value}");
        assert!(!value.contains("203.0.113.77"), "{name}: {value}");
    }
}

async fn the_provider_sets_none_of_our_headers(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let hostile = Reply::says("Hello.")
        .header("set-cookie", "token=planted; Path=/")
        .header("content-security-policy", "default-src *")
        .header("access-control-allow-origin", "*")
        .header("location", "https://evil.example/")
        .header("clear-site-data", "\"*\"")
        .header("x-request-id", "planted");
    provider.answers(hostile);

    for answer in [app.master().chat("Hi").await, app.master().stream("Hi").await.answer().await] {
        let answer = answer.expect(200);
        for name in ["set-cookie", "access-control-allow-origin", "location", "clear-site-data"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_ne!(answer.header("x-request-id"), Some("planted"));
    }
}

async fn a_redirect_of_the_provider_is_not_followed(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let canary = FakeProvider::start().await;
    let elsewhere = format!("{}/chat/completions", canary.base_url());
    provider.answers(Reply::json(307, &json!({})).header("location", &elsewhere));

    let answer = app.master().chat("Hi").await.expect(502);

    assert_eq!(answer.code(), "provider_bad_answer");
    assert_eq!((canary.calls(), canary.connections()), (0, 0));
}

async fn every_spelling_of_a_route_leads_to_the_same_place(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let chat = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }] });
    let input = json!({ "model": MODEL, "input": "Hi" });
    let spellings = [
        ("/chat/completions", "/v1/chat/completions", &chat),
        ("/api/chat/completions", "/v1/chat/completions", &chat),
        ("/openai/chat/completions", "/v1/chat/completions", &chat),
        ("/embeddings", "/v1/embeddings", &input),
        ("/api/embeddings", "/v1/embeddings", &input),
        ("/responses", "/v1/responses", &input),
        ("/openai/responses", "/v1/responses", &input),
        ("/openai/v1/chat/completions", "/v1/chat/completions", &chat),
        ("/openai/v1/embeddings", "/v1/embeddings", &input),
        ("/openai/v1/responses", "/v1/responses", &input),
    ];
    for (ours, theirs, body) in spellings {
        app.master().post(ours, body.clone()).await.expect(200);
        assert_eq!(provider.last().path, theirs, "{ours}");
        assert_eq!(provider.last().json(), *body, "{ours}");
    }
}

async fn a_model_in_the_path_goes_before_the_one_in_the_body(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    for head in ["/openai/deployments/plain-model", "/engines/plain-model", "/v1/engines/plain-model"] {
        let path = format!("{head}/chat/completions?api-version=2024-10-21");
        app.master().post(&path, json!({ "messages": messages })).await.expect(200);
        assert_eq!(provider.last().json()["model"], MODEL, "{path}");

        for other in [json!("other"), json!(null)] {
            app.master().post(&path, json!({ "model": other, "messages": messages })).await.expect(200);
            assert_eq!(provider.last().json()["model"], MODEL, "{path}");
        }
    }
    let nobodys = "/openai/deployments/nobodys/chat/completions";
    let unknown = app.master().post(nobodys, json!({ "messages": messages })).await.expect(404);
    assert_eq!(unknown.code(), "model_not_found");
}

async fn a_model_in_the_path_may_have_slashes(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&["org/with/slashes"]);
    let app = stage.provider(&provider).start().await;
    let chat = json!({ "messages": [{ "role": "user", "content": "Hi" }] });

    for model in ["org/with/slashes", "org%2Fwith%2Fslashes"] {
        let path = format!("/openai/deployments/{model}/chat/completions?api-version=2024-10-21");
        app.master().post(&path, chat.clone()).await.expect(200);
        assert_eq!(provider.last().json()["model"], "org/with/slashes", "{path}");
    }
    let input = json!({ "input": "Hi" });
    app.master().post("/openai/deployments/org/with/slashes/embeddings", input.clone()).await.expect(200);
    assert_eq!(provider.last().path, "/v1/embeddings");

    let nothing = app.master().post("/openai/deployments/org/with/slashes/audio", input).await.expect(404);
    assert_eq!(nothing.code(), "not_found");
}

async fn completions_embeddings_and_responses_are_passed_on(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let ask = async |path: &str, body| app.master().post(path, body).await.expect(200).json();

    let completion = ask("/v1/completions", json!({ "model": MODEL, "prompt": "Hi" })).await;
    assert_eq!(completion["choices"][0]["text"], "Hello.");
    let embedding = ask("/v1/embeddings", json!({ "model": MODEL, "input": ["Hi"] })).await;
    assert_eq!(embedding["data"][0]["embedding"], json!([0.5, -0.25]));
    let response = ask("/v1/responses", json!({ "model": MODEL, "input": "Hi" })).await;
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello.");

    let rows = app.usage(3).await;
    let seen: Vec<_> =
        rows.iter().map(|row| (row.endpoint.as_str(), row.prompt_tokens, row.completion_tokens)).collect();
    assert_eq!(seen, [("completions", 10, 5), ("embeddings", 10, 0), ("responses", 10, 5)]);
}

async fn models_are_listed_and_retrieved(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&["small", "org/with/slashes", "name:tag"]);
    let app = stage.provider(&provider).start().await;

    for path in ["/v1/models", "/models", "/openai/models", "/openai/v1/models"] {
        let list = app.master().get(path).await.expect(200).json();
        assert_eq!(list["object"], "list");
        let ids: Vec<_> =
            list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["small", "org/with/slashes", "name:tag"], "{path}");
    }
    let paths = ["small", "org/with/slashes", "name:tag"].map(|id| ("/v1/models", id));
    for (head, id) in paths.into_iter().chain([("/models", "small"), ("/openai/models", "org/with/slashes")])
    {
        let model = app.master().get(&format!("{head}/{id}")).await.expect(200).json();
        assert_eq!((&model["id"], &model["object"]), (&json!(id), &json!("model")));
        assert!(model["created"].is_i64() && model["owned_by"].is_string(), "{model}");
    }
    let missing = app.master().get("/v1/models/nobodys").await.expect(404);
    assert_eq!(missing.code(), "model_not_found");
}

async fn a_program_sees_the_models_of_its_key_in_either_shape(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&["small", "large"]);
    let app = stage.provider(&provider).start().await;
    let limited = app.key().models(&["small"]).create().await;
    let mute = app.key().endpoints(&["chat.completions"]).create().await;

    for path in ["/v1/models", "/api/models", "/api/v1/models"] {
        let list = limited.get(path).await.expect(200).json();
        let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
        assert_eq!(ids, ["small"], "{path}");
        assert_eq!(mute.get(path).await.expect(403).code(), "endpoint_not_allowed", "{path}");
        app.anonymous().get(path).await.expect(401);
    }
}

async fn each_credential_header_of_the_known_clients_opens_the_door(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let stranger = app.anonymous();
    for (name, value) in [
        ("authorization", format!("Bearer {MASTER_KEY}")),
        ("authorization", format!("bearer {MASTER_KEY}")),
        ("x-api-key", MASTER_KEY.to_owned()),
        ("api-key", MASTER_KEY.to_owned()),
        ("x-litellm-api-key", MASTER_KEY.to_owned()),
        ("x-litellm-api-key", format!("Bearer {MASTER_KEY}")),
    ] {
        stranger.with(name, &value).chat("Hi").await.expect(200);
    }
}

async fn without_a_known_key_nothing_reaches_the_provider(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let nearly = &MASTER_KEY[..MASTER_KEY.len() - 1];
    let (longer, basic) = (format!("{MASTER_KEY}x"), format!("Basic {MASTER_KEY}"));
    let presented = [
        ("x-nothing", "at all"),
        ("authorization", "Bearer"),
        ("authorization", "Bearer "),
        ("authorization", "Bearer sk-unknown-key-0123456789"),
        ("authorization", nearly),
        ("authorization", &basic),
        ("x-api-key", &longer),
        ("api-key", "null"),
    ];
    for (name, value) in presented {
        let refused = app.anonymous().with(name, value).chat("Hi").await.expect(401);
        assert_eq!(refused.code(), "invalid_api_key", "{name}: {value}");
        assert!(!refused.text().contains(nearly), "{name}: {value}");
    }
    let in_the_address = format!("/v1/chat/completions?key={MASTER_KEY}&api_key={MASTER_KEY}");
    app.anonymous().post(&in_the_address, json!({ "model": MODEL, "messages": [] })).await.expect(401);
    assert_eq!(app.anonymous().get("/v1/models").await.expect(401).code(), "invalid_api_key");
    assert_eq!(provider.calls(), 0);
}

async fn each_request_leaves_one_row_under_the_id_that_the_caller_saw(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "failing"]);
    provider.answers_for("failing", Reply::refuses(500, "server_error", "Broken."));
    let app = stage.provider(&provider).start().await;

    let answers = [
        app.master().chat("Hi").await,
        app.master().ask("failing", "Hi").await,
        app.master().ask("nobodys", "Hi").await,
    ];

    let rows = app.usage(3).await;
    let seen: Vec<_> =
        rows.iter().map(|row| (row.status.as_str(), row.http_status, row.model.as_str())).collect();
    assert_eq!(seen, [("ok", 200, MODEL), ("failed", 500, "failing"), ("refused", 404, "nobodys")]);
    for (answer, row) in answers.iter().zip(&rows) {
        assert_eq!(answer.header("x-request-id"), Some(row.request.as_str()));
        assert_eq!(answer.header("x-litellm-call-id"), Some(row.request.as_str()));
    }
    assert_eq!(rows[2].error.as_deref(), Some("model_not_found"));
}

async fn the_cost_is_tokens_times_price(stage: Stage) {
    let (app, provider) = with_provider(stage.priced(MODEL, 2.0, 8.0)).await;
    provider.answers(Reply::says_for("Hello.", 1_000, 500));

    app.master().chat("Hi").await.expect(200);
    app.master().stream("Hi").await.events().await;

    // 1000 × 2 $/M + 500 × 8 $/M = 0.006 $
    let costs: Vec<_> = app.usage(2).await.iter().map(|row| row.nanos).collect();
    assert_eq!(costs, [Some(6_000_000), Some(6_000_000)]);
}

async fn what_a_user_writes_is_never_filled_in(stage: Stage) {
    let (app, provider) = with_provider(stage.env("CANARY_VARIABLE", "canary-value")).await;
    let words = "${CANARY_VARIABLE} $CANARY_VARIABLE os.environ/CANARY_VARIABLE {{7*7}} {{USER_NAME}} file:///etc/passwd %(x)s";

    app.master().chat(words).await.expect(200);

    assert_eq!(provider.last().json()["messages"][0]["content"], words);
}
