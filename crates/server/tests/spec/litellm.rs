//! LiteLLM's management API, for scripts that were written against it.

use serde_json::{Value, json};
use testkit::{Caller, FakeProvider, MASTER_KEY, MODEL, Reply, Stage, TestApp, spec};

spec! {
    a_key_is_made_in_litellms_shape_and_works;
    a_key_is_found_by_its_secret_and_by_its_token;
    a_key_may_ask_about_itself_and_about_nobody_else;
    keys_are_listed_without_the_deleted_ones;
    an_update_changes_what_it_names_and_null_clears;
    deleting_takes_all_that_are_named_or_none;
    a_blocked_key_stops_and_an_unblocked_one_works;
    a_limit_that_is_not_kept_is_refused_by_name;
    annotations_are_kept;
    a_key_of_ones_own_choice_must_be_long_and_new;
    an_alias_is_taken_until_its_key_is_deleted;
    spend_is_logged_in_litellms_shape;
    only_the_master_key_and_administrators_manage;
    without_a_master_key_the_api_is_for_administrators_alone;
    unknown_paths_and_broken_bodies_are_refused_in_openais_envelope;
}

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider, Caller) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 1.0, 2.0).start().await;
    let master = app.master();
    (app, provider, master)
}

async fn generate(master: &Caller, body: Value) -> Value {
    master.post("/key/generate", body).await.expect(200).json()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn info(master: &Caller, key: &Value) -> Value {
    master.get(&format!("/key/info?key={}", text(key))).await.expect(200).json()["info"].clone()
}

async fn a_key_is_made_in_litellms_shape_and_works(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let body = json!({ "key_alias": "app2", "models": [MODEL], "max_budget": 10, "duration": "1h",
        "metadata": { "a": 1 }, "tags": ["t"], "allowed_routes": ["llm_api_routes"] });

    let made = generate(&master, body).await;

    let secret = text(&made["key"]);
    assert_eq!(text(&made["key_name"]), format!("sk-...{}", &secret[secret.len() - 4..]));
    assert_eq!((&made["token"], &made["token_id"]), (&made["token_id"], &made["token"]));
    assert!(!secret.contains(text(&made["token"])));
    assert_eq!(
        (&made["key_alias"], &made["models"], &made["max_budget"], &made["spend"]),
        (&json!("app2"), &json!([MODEL]), &json!(10.0), &json!(0.0))
    );
    assert_eq!((&made["metadata"], &made["tags"]), (&json!({ "a": 1, "tags": ["t"] }), &json!(["t"])));
    assert_eq!(
        (&made["rpm_limit"], &made["team_id"], &made["aliases"]),
        (&Value::Null, &Value::Null, &json!({}))
    );
    assert!(text(&made["expires"]) > text(&made["created_at"]));
    app.anonymous().bearer(secret).chat("Hi").await.expect(200);
    app.stop_and_search_for(secret).await;
}

async fn a_key_is_found_by_its_secret_and_by_its_token(stage: Stage) {
    let (_app, _provider, master) = with_provider(stage).await;
    let made = generate(&master, json!({ "key_alias": "one" })).await;

    for name in [&made["key"], &made["token"]] {
        let found = master.get(&format!("/key/info?key={}", text(name))).await.expect(200).json();
        assert_eq!(
            (&found["key"], &found["info"]["key_alias"], &found["info"]["status"]),
            (name, &json!("one"), &json!("active"))
        );
    }
    for unknown in ["sk-nobody-has-this-key-1234", "key_none", "%2e%2e", &"x".repeat(500)] {
        let refused = master.get(&format!("/key/info?key={unknown}")).await.expect(404);
        assert_eq!(refused.code(), "key_not_found");
    }
    assert_eq!(master.get("/key/info").await.expect(400).json()["error"]["param"], "key");
}

async fn a_key_may_ask_about_itself_and_about_nobody_else(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let (one, other) =
        (generate(&master, json!({ "key_alias": "one" })).await, generate(&master, json!({})).await);
    let program = app.anonymous().bearer(text(&one["key"]));

    for path in [
        "/key/info".to_owned(),
        format!("/key/info?key={}", text(&one["key"])),
        format!("/key/info?key={}", text(&one["token"])),
    ] {
        assert_eq!(program.get(&path).await.expect(200).json()["info"]["key_alias"], "one");
    }
    for name in [text(&other["key"]), text(&other["token"]), "key_none"] {
        let refused = program.get(&format!("/key/info?key={name}")).await.expect(403);
        assert_eq!(refused.code(), "key_access_denied");
    }
}

async fn keys_are_listed_without_the_deleted_ones(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    app.admin().await;
    let bob = app.person("bob").await;
    let one = generate(&master, json!({ "key_alias": "one", "user_id": bob.id })).await;
    let two = generate(&master, json!({ "key_alias": "two" })).await;
    let gone = generate(&master, json!({ "key_alias": "gone" })).await;
    master.post("/key/delete", json!({ "keys": [gone["key"]] })).await.expect(200);

    let list = async |query: &str| master.get(&format!("/key/list{query}")).await.expect(200).json();
    let all = list("").await;
    assert_eq!(
        all,
        json!({ "keys": [two["token"], one["token"]], "total_count": 2, "current_page": 1, "total_pages": 1 })
    );
    let second = list("?size=1&page=2&return_full_object=true").await;
    assert_eq!((&second["keys"][0]["key_alias"], &second["total_pages"]), (&json!("one"), &json!(2)));
    assert_eq!(list("?key_alias=two").await["keys"], json!([two["token"]]));
    assert_eq!(list(&format!("?user_id={}", bob.id)).await["keys"], json!([one["token"]]));
    assert_eq!(list(&format!("?key_hash={}", text(&two["token"]))).await["total_count"], 1);
    assert_eq!(list(&format!("?key_hash={}", text(&gone["token"]))).await["total_count"], 0);
    assert_eq!(master.get("/key/list?team_id=t1").await.expect(400).json()["error"]["param"], "team_id");
}

async fn an_update_changes_what_it_names_and_null_clears(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let made = generate(&master, json!({ "key_alias": "one", "max_budget": 10, "duration": "1h", "metadata": { "a": 1 }, "user_id": "from-elsewhere" })).await;
    let update = async |mut body: Value| {
        body["key"] = made["key"].clone();
        master.post("/key/update", body).await.expect(200).json()
    };

    let changed = update(json!({ "max_budget": 20, "models": ["other"], "tags": ["t"] })).await;
    assert_eq!(
        (&changed["key"], &changed["token"], &changed["max_budget"]),
        (&made["key"], &made["token"], &json!(20.0))
    );
    assert_eq!(
        (&changed["key_alias"], &changed["expires"], &changed["user_id"]),
        (&json!("one"), &made["expires"], &json!("from-elsewhere"))
    );
    assert_eq!(changed["metadata"], json!({ "a": 1, "tags": ["t"] }));
    let program = app.anonymous().bearer(text(&made["key"]));
    program.chat("Hi").await.expect(403);

    let cleared = update(json!({ "max_budget": null, "models": [], "duration": "-1", "metadata": {}, "user_id": null, "spend": 3.5 })).await;
    assert_eq!(
        (&cleared["max_budget"], &cleared["expires"], &cleared["user_id"], &cleared["metadata"]),
        (&Value::Null, &Value::Null, &Value::Null, &json!({}))
    );
    assert_eq!(cleared["spend"], json!(3.5));
    program.chat("Hi").await.expect(200);

    let by_alias =
        master.post("/key/update", json!({ "key_alias": "one", "max_budget": 1 })).await.expect(200).json();
    assert_eq!(by_alias["token"], made["token"]);
    assert_eq!(program.chat("Hi").await.expect(429).code(), "budget_exceeded");
    master.post("/key/update", json!({ "max_budget": 1 })).await.expect(400);
    master.post("/key/update", json!({ "key": "key_none", "max_budget": 1 })).await.expect(404);
}

async fn deleting_takes_all_that_are_named_or_none(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let (one, two) = (
        generate(&master, json!({ "key_alias": "one" })).await,
        generate(&master, json!({ "key_alias": "two" })).await,
    );
    let program = app.anonymous().bearer(text(&one["key"]));

    let refused = master
        .post("/key/delete", json!({ "keys": [one["key"], "sk-none-xxxxxxxxxxxxxxxxx"] }))
        .await
        .expect(404);
    assert_eq!(refused.code(), "key_not_found");
    program.chat("Hi").await.expect(200);

    let deleted = master
        .post("/key/delete", json!({ "keys": [one["key"], one["token"]], "key_aliases": ["two"] }))
        .await
        .expect(200)
        .json();
    assert_eq!(deleted, json!({ "deleted_keys": [one["key"], one["token"], "two"] }));
    assert_eq!(program.chat("Hi").await.expect(401).code(), "invalid_api_key");
    master.get(&format!("/key/info?key={}", text(&two["token"]))).await.expect(404);
    master.post("/key/delete", json!({ "keys": [one["key"]] })).await.expect(404);
    master.post("/key/delete", json!({})).await.expect(400);
}

async fn a_blocked_key_stops_and_an_unblocked_one_works(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let made = generate(&master, json!({ "blocked": true })).await;
    let program = app.anonymous().bearer(text(&made["key"]));
    assert_eq!(program.chat("Hi").await.expect(401).code(), "key_blocked");

    let row = master.post("/key/unblock", json!({ "key": made["key"] })).await.expect(200).json();
    assert_eq!((&row["blocked"], &row["token"]), (&json!(false), &made["token"]));
    program.chat("Hi").await.expect(200);
    let row = master.post("/key/block", json!({ "key": made["token"] })).await.expect(200).json();
    assert_eq!(row["blocked"], true);
    assert_eq!(program.chat("Hi").await.expect(401).code(), "key_blocked");
    master.post("/key/block", json!({ "key": "key_none" })).await.expect(404);
}

async fn a_limit_that_is_not_kept_is_refused_by_name(stage: Stage) {
    let (_app, _provider, master) = with_provider(stage).await;
    let made = generate(
        &master,
        json!({ "rpm_limit": null, "aliases": {}, "guardrails": [], "team_id": null, "auto_rotate": false }),
    )
    .await;
    for (name, value) in [
        ("rpm_limit", json!(10)),
        ("tpm_limit", json!(0)),
        ("max_parallel_requests", json!(2)),
        ("budget_duration", json!("30d")),
        ("soft_budget", json!(1)),
        ("team_id", json!("t1")),
        ("budget_id", json!("b1")),
        ("aliases", json!({ "my": MODEL })),
        ("model_max_budget", json!({ MODEL: { "budget_limit": 1 } })),
        ("guardrails", json!(["pii"])),
        ("permissions", json!({ "x": true })),
        ("allowed_routes", json!(["management_routes"])),
        ("key_type", json!("management")),
        ("models", json!(["all-team-models"])),
        ("duration", json!("1 year")),
        ("max_budget", json!(-1)),
        ("a_field_of_the_future", json!(1)),
    ] {
        let create = master.post("/key/generate", json!({ name: value })).await.expect(400);
        let update = master.post("/key/update", json!({ "key": made["key"], name: value })).await.expect(400);
        for answer in [create, update] {
            assert_eq!(answer.json()["error"]["param"], name, "{}", answer.text());
        }
    }
    assert_eq!(master.get("/key/list").await.expect(200).json()["total_count"], 1);
}

async fn annotations_are_kept(stage: Stage) {
    let (_app, _provider, master) = with_provider(stage).await;
    let made =
        generate(&master, json!({ "user_id": "u1", "metadata": { "team": { "name": "blue" } } })).await;

    let found = info(&master, &made["token"]).await;

    assert_eq!(
        (&found["user_id"], &found["metadata"]),
        (&json!("u1"), &json!({ "team": { "name": "blue" } }))
    );
    let large = json!({ "metadata": { "x": "y".repeat(20_000) } });
    assert_eq!(master.post("/key/generate", large).await.expect(400).json()["error"]["param"], "metadata");
}

async fn a_key_of_ones_own_choice_must_be_long_and_new(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let chosen = "sk-chosen-7Fq2LmZt9Xw4";

    let made = generate(&master, json!({ "key": chosen })).await;

    assert_eq!(made["key"], chosen);
    app.anonymous().bearer(chosen).chat("Hi").await.expect(200);
    for (key, status) in [
        (chosen, 409),
        (MASTER_KEY, 409),
        ("sk-short", 400),
        ("pk-1234567890123456789", 400),
        ("sk-with a space 123456789", 400),
    ] {
        let refused = master.post("/key/generate", json!({ "key": key })).await.expect(status);
        assert_eq!(refused.json()["error"]["param"], "key");
        assert!(!refused.text().contains(key), "the key came back");
    }
    master.post("/key/delete", json!({ "keys": [chosen] })).await.expect(200);
    // A revoked secret stays revoked: it cannot be made good again.
    master.post("/key/generate", json!({ "key": chosen })).await.expect(409);
}

async fn an_alias_is_taken_until_its_key_is_deleted(stage: Stage) {
    let (_app, _provider, master) = with_provider(stage).await;
    generate(&master, json!({ "key_alias": "app" })).await;
    let other = generate(&master, json!({})).await;

    let again = master.post("/key/generate", json!({ "key_alias": "app" })).await.expect(400);
    let renamed =
        master.post("/key/update", json!({ "key": other["key"], "key_alias": "app" })).await.expect(400);
    for answer in [again, renamed] {
        assert_eq!(
            (answer.code().as_str(), &answer.json()["error"]["param"]),
            ("name_taken", &json!("key_alias"))
        );
    }
    master.post("/key/delete", json!({ "key_aliases": ["app"] })).await.expect(200);
    generate(&master, json!({ "key_alias": "app" })).await;
}

async fn spend_is_logged_in_litellms_shape(stage: Stage) {
    let (app, provider, master) = with_provider(stage).await;
    provider.answers(Reply::says_for("Hello.", 1_000_000, 500_000));
    let made = generate(&master, json!({})).await;
    let answer = app.anonymous().bearer(text(&made["key"])).chat("Hi").await.expect(200);
    master.chat("Hi").await.expect(200);
    let logs = async |query: &str| master.get(&format!("/spend/logs{query}")).await.expect(200).json();

    let all = logs("").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let log = &logs(&format!("?api_key={}", text(&made["key"]))).await[0];
    assert_eq!(
        (&log["api_key"], &log["model"], &log["spend"], &log["call_type"]),
        (&made["token"], &json!(MODEL), &json!(2.0), &json!("acompletion"))
    );
    assert_eq!(
        (&log["prompt_tokens"], &log["completion_tokens"], &log["total_tokens"]),
        (&json!(1_000_000), &json!(500_000), &json!(1_500_000))
    );
    assert!(text(&log["endTime"]) >= text(&log["startTime"]));

    let id = answer.header("x-litellm-call-id").unwrap();
    assert_eq!(logs(&format!("?request_id={id}")).await, json!([log]));
    assert_eq!(logs("?limit=1").await, json!([all[0]]));
    assert_eq!(logs(&format!("?before={}", text(&all[0]["metadata"]["usage_id"]))).await, json!([all[1]]));
    assert_eq!(logs("?start_date=2020-01-01&end_date=2020-01-02&summarize=false").await, json!([]));
    assert_eq!(logs("?start_date=2020-01-01&end_date=2100-01-01%2000:00:00&summarize=false").await, all);
    for (query, param) in [
        ("?start_date=2020-01-01&end_date=2020-01-02", "summarize"),
        ("?start_date=yesterday", "start_date"),
        ("?user_id=a/b", "user_id"),
    ] {
        assert_eq!(
            master.get(&format!("/spend/logs{query}")).await.expect(400).json()["error"]["param"],
            param
        );
    }
    master.get("/spend/logs?api_key=sk-nobody-has-this-key").await.expect(404);
}

async fn only_the_master_key_and_administrators_manage(stage: Stage) {
    let (app, _provider, master) = with_provider(stage).await;
    let admin = app.admin().await;
    let (person, key) = (app.person("bob").await, generate(&master, json!({})).await);

    for caller in [
        &app.anonymous(),
        &*person,
        &app.anonymous().bearer(text(&key["key"])),
        &master.bearer("sk-not-the-master-key-123"),
    ] {
        for (method, path) in [
            ("POST", "/key/generate"),
            ("POST", "/key/update"),
            ("POST", "/key/delete"),
            ("POST", "/key/block"),
            ("POST", "/key/unblock"),
            ("GET", "/key/list"),
            ("GET", "/spend/logs"),
        ] {
            let refused = caller
                .draft(method, path)
                .json(&json!({ "key": key["key"], "keys": [key["key"]] }))
                .send()
                .await
                .expect(401);
            assert!(refused.json()["error"]["message"].is_string());
        }
    }
    generate(&admin, json!({})).await;
    generate(&admin.browser(), json!({})).await;
    let elsewhere = app
        .anonymous()
        .with("cookie", &format!("token={}", admin.token))
        .with("sec-fetch-site", "cross-site");
    elsewhere.post("/key/generate", json!({})).await.expect(403);
    assert_eq!(master.get("/key/list").await.expect(200).json()["total_count"], 3);
}

async fn without_a_master_key_the_api_is_for_administrators_alone(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).without("LITELLM_MASTER_KEY").start().await;
    let admin = app.admin().await;
    let made = generate(&admin, json!({})).await;
    let program = app.anonymous().bearer(text(&made["key"]));

    program.chat("Hi").await.expect(200);
    program.get("/key/info").await.expect(401);
    app.master().post("/key/generate", json!({})).await.expect(401);
    info(&admin, &made["token"]).await;
}

async fn unknown_paths_and_broken_bodies_are_refused_in_openais_envelope(app: TestApp) {
    let master = app.master();
    for answer in [
        master.get("/key/none").await.expect(404),
        master.get("/team/list").await.expect(404),
        master
            .draft("POST", "/key/generate")
            .body("{")
            .header("content-type", "application/json")
            .send()
            .await
            .expect(400),
        master.post("/key/generate", json!([])).await.expect(400),
        master.post("/key/generate", json!({ "models": "all" })).await.expect(400),
        master.get("/key/list?page=x").await.expect(400),
    ] {
        let error = &answer.json()["error"];
        assert!(error["message"].is_string() && error["code"].is_string(), "{}", answer.text());
    }
    assert_eq!(master.get("/key/list").await.expect(200).json()["total_count"], 0);
}
