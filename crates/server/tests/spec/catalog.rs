//! The catalogue of models: what is offered under which name, and what it costs.

use serde_json::{Value, json};
use testkit::{Admin, FakeProvider, MODEL, Reply, Stage, TestApp, spec};

spec! {
    a_hidden_model_is_neither_listed_nor_served;
    a_renamed_model_is_served_under_its_new_name_alone;
    a_price_comes_from_the_administrator_else_the_operator_else_the_provider_else_the_table;
    a_model_that_vanished_is_shown_as_long_as_something_is_decided_about_it;
    what_is_decided_survives_a_restart;
    what_does_not_fit_is_refused_by_field;
}

async fn with_provider(stage: Stage, provider: &FakeProvider) -> (TestApp, Admin) {
    let app = stage.provider(provider).start().await;
    let admin = app.admin().await;
    // The first request waits until the models are known.
    admin.chat("Hi").await.expect(200);
    (app, admin)
}

async fn list(admin: &Admin) -> Vec<Value> {
    let list = admin.get("/api/v1/catalog/models").await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

async fn entry(admin: &Admin, upstream_id: &str) -> Value {
    let found = list(admin).await.into_iter().find(|entry| entry["upstream_id"] == upstream_id);
    found.unwrap_or(Value::Null)
}

/// Decides something about a model of the only connection.
async fn decide(admin: &Admin, upstream_id: &str, decision: Value) -> Value {
    let mut body = decision;
    body["connection_id"] = entry(admin, upstream_id).await["connection_id"].clone();
    body["upstream_id"] = json!(upstream_id);
    admin.patch("/api/v1/catalog/models", body).await.expect(200).json()
}

async fn a_hidden_model_is_neither_listed_nor_served(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "secret-model"]);
    let (_app, admin) = with_provider(stage, &provider).await;
    let calls = provider.calls();

    let hidden = decide(&admin, "secret-model", json!({ "hidden": true })).await;

    assert_eq!((&hidden["hidden"], &hidden["available"]), (&json!(true), &json!(true)));
    assert_eq!(admin.ask("secret-model", "Hi").await.expect(404).code(), "model_not_found");
    for path in ["/v1/models", "/api/models"] {
        assert!(!admin.get(path).await.expect(200).text().contains("secret-model"), "{path}");
    }
    admin.get("/v1/models/secret-model").await.expect(404);
    assert_eq!(provider.calls(), calls);
    decide(&admin, "secret-model", json!({ "hidden": false })).await;
    admin.ask("secret-model", "Hi").await.expect(200);
}

async fn a_renamed_model_is_served_under_its_new_name_alone(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (app, admin) = with_provider(stage, &provider).await;

    let renamed = decide(&admin, MODEL, json!({ "id": "fast", "name": "Fast one" })).await;

    assert_eq!(
        (&renamed["id"], &renamed["name"], &renamed["renamed"]),
        (&json!("fast"), &json!("Fast one"), &json!(true))
    );
    admin.ask("fast", "Hi").await.expect(200);
    assert_eq!(provider.last().json()["model"], MODEL);
    admin.ask(MODEL, "Hi").await.expect(404);
    // A key names models as callers do.
    let key = app.key().models(&["fast"]).create().await;
    key.ask("fast", "Hi").await.expect(200);

    let reset = decide(&admin, MODEL, json!({ "id": null, "name": null })).await;
    assert_eq!((&reset["id"], &reset["renamed"]), (&json!(MODEL), &json!(false)));
    admin.chat("Hi").await.expect(200);
}

async fn a_price_comes_from_the_administrator_else_the_operator_else_the_provider_else_the_table(
    stage: Stage,
) {
    let provider = FakeProvider::start().await;
    let priced = json!({ "prompt": "0.000003", "completion": "0.000004" });
    provider.lists(json!({ "object": "list", "data": [
        { "id": MODEL, "pricing": priced }, { "id": "listed-model", "pricing": priced }, { "id": "gpt-4o-mini" }, { "id": "unknown-model" },
    ]}));
    provider.answers(Reply::says_for("Hello.", 1_000_000, 1_000_000));
    let (_app, admin) = with_provider(stage.priced(MODEL, 1.0, 2.0), &provider).await;

    let pricing = async |model: &str| entry(&admin, model).await["pricing"].clone();
    assert_eq!(pricing(MODEL).await, json!({ "prompt": 1.0, "completion": 2.0, "source": "table" }));
    assert_eq!(
        pricing("listed-model").await,
        json!({ "prompt": 3.0, "completion": 4.0, "source": "provider" })
    );
    assert_eq!(
        (&pricing("gpt-4o-mini").await["prompt"], &pricing("gpt-4o-mini").await["source"]),
        (&json!(0.15), &json!("table"))
    );
    assert_eq!(pricing("unknown-model").await, Value::Null);

    let cost = async |model: &str| {
        admin.ask(model, "Hi").await.expect(200);
        let usage = admin.get(&format!("/api/v1/usage?limit=1&model={model}")).await.expect(200).json();
        usage["items"][0]["cost"].clone()
    };
    assert_eq!((cost(MODEL).await, cost("unknown-model").await), (json!(3.0), Value::Null));
    let overridden = decide(&admin, MODEL, json!({ "pricing": { "prompt": 10, "completion": 20 } })).await;
    assert_eq!(overridden["pricing"], json!({ "prompt": 10.0, "completion": 20.0, "source": "override" }));
    assert_eq!(cost(MODEL).await, json!(30.0));
    decide(&admin, MODEL, json!({ "pricing": null })).await;
    assert_eq!(cost(MODEL).await, json!(3.0));
}

async fn a_model_that_vanished_is_shown_as_long_as_something_is_decided_about_it(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "old-model"]);
    let (_app, admin) = with_provider(stage, &provider).await;
    let connection = decide(&admin, "old-model", json!({ "hidden": true })).await["connection_id"].clone();

    provider.offers(&[MODEL]);
    let path = format!("/api/v1/connections/{}/refresh", connection.as_str().unwrap());
    admin.post(&path, json!({})).await.expect(200);

    assert_eq!(entry(&admin, "old-model").await["available"], json!(false));
    decide(&admin, "old-model", json!({ "hidden": false })).await;
    assert_eq!(entry(&admin, "old-model").await, Value::Null);
}

async fn what_is_decided_survives_a_restart(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (mut app, admin) = with_provider(stage, &provider).await;
    decide(
        &admin,
        MODEL,
        json!({ "id": "fast", "pricing": { "prompt": 1, "completion": 1, "cached_prompt": 0.5 } }),
    )
    .await;

    app.restart().await;

    admin.ask("fast", "Hi").await.expect(200);
    assert_eq!(entry(&admin, MODEL).await["pricing"]["cached_prompt"], json!(0.5));
}

async fn what_does_not_fit_is_refused_by_field(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = with_provider(stage, &provider).await;
    let before = entry(&admin, MODEL).await;
    for (decision, field) in [
        (json!({ "id": "a b" }), "id"),
        (json!({ "id": "" }), "id"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "pricing": { "prompt": -1, "completion": 1 } }), "pricing.prompt"),
        (json!({ "pricing": { "prompt": 1 } }), "pricing.completion"),
        (json!({ "hidden": "yes" }), "hidden"),
    ] {
        let mut body = decision.clone();
        body["connection_id"] = before["connection_id"].clone();
        body["upstream_id"] = json!(MODEL);
        let answer = admin.patch("/api/v1/catalog/models", body).await.expect(400);
        assert_eq!(answer.json()["field"], field, "{decision}");
    }
    for (connection, model) in
        [(before["connection_id"].as_str().unwrap(), "no-such-model"), ("conn_none", MODEL)]
    {
        let body = json!({ "connection_id": connection, "upstream_id": model, "hidden": true });
        admin.patch("/api/v1/catalog/models", body).await.expect(404);
    }
    assert_eq!(entry(&admin, MODEL).await, before);
}
