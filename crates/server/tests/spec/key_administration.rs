//! Virtual keys, usage and settings as administrators handle them.

use serde_json::{Value, json};
use testkit::{Admin, FakeProvider, MODEL, Reply, Stage, TestApp, eventually, spec};

spec! {
    a_key_is_shown_once_and_works_at_once;
    a_change_is_effective_at_once_and_null_clears;
    a_revoked_key_has_no_way_back;
    what_does_not_fit_is_refused_by_field;
    a_name_is_taken_until_its_key_is_revoked;
    keys_are_listed_in_pages_and_found_by_text;
    an_owner_is_shown_and_must_exist;
    spend_and_what_is_reserved_are_shown_while_requests_run;
    usage_is_listed_newest_first_by_key_and_model_and_page;
    the_command_line_makes_and_ends_keys_of_a_running_server;
    a_stored_setting_is_effective_at_once_and_outlives_a_restart;
    the_environment_wins_over_a_stored_setting;
    settings_are_stored_together_or_not_at_all;
    no_secret_is_shown_among_the_settings;
    nobody_but_administrators_handles_keys_usage_and_settings;
}

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider, Admin) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 1.0, 2.0).start().await;
    let admin = app.admin().await;
    (app, provider, admin)
}

/// A new key: its secret, and what is shown of it.
async fn make(admin: &Admin, body: Value) -> (String, Value) {
    let made = admin.post("/api/v1/keys", body).await.expect(201).json();
    (made["key"].as_str().unwrap().to_owned(), made["item"].clone())
}

fn path(key: &Value, rest: &str) -> String {
    format!("/api/v1/keys/{}{rest}", key["id"].as_str().unwrap())
}

async fn a_key_is_shown_once_and_works_at_once(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;

    let (secret, item) = make(&admin, json!({ "name": "ci", "max_budget": 5 })).await;

    app.anonymous().bearer(&secret).chat("Hi").await.expect(200);
    assert!(
        secret.starts_with(item["prefix"].as_str().unwrap())
            && secret.ends_with(item["last_four"].as_str().unwrap())
    );
    assert_eq!(
        (&item["state"], &item["max_budget"], &item["models"]),
        (&json!("active"), &json!(5.0), &json!([]))
    );
    assert_eq!(item["created_by"], admin.id);
    for answer in [admin.get("/api/v1/keys").await, admin.get(&path(&item, "")).await] {
        assert!(!answer.expect(200).text().contains(&secret));
    }
    app.stop_and_search_for(&secret).await;
}

async fn a_change_is_effective_at_once_and_null_clears(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let (secret, item) = make(&admin, json!({ "name": "ci" })).await;
    let program = app.anonymous().bearer(&secret);
    let change = async |body: Value| admin.patch(&path(&item, ""), body).await.expect(200).json();

    change(json!({ "models": ["other-*"] })).await;
    assert_eq!(program.chat("Hi").await.expect(403).code(), "key_model_access_denied");
    change(json!({ "models": null, "endpoints": ["embeddings"] })).await;
    assert_eq!(program.chat("Hi").await.expect(403).code(), "endpoint_not_allowed");
    change(json!({ "endpoints": [], "max_budget": 0 })).await;
    assert_eq!(program.chat("Hi").await.expect(429).code(), "budget_exceeded");
    let cleared = change(json!({ "max_budget": null })).await;
    assert_eq!((&cleared["max_budget"], &cleared["name"]), (&Value::Null, &json!("ci")));
    program.chat("Hi").await.expect(200);

    admin.post(&path(&item, "/block"), json!({})).await.expect(200);
    assert_eq!(program.chat("Hi").await.expect(401).code(), "key_blocked");
    let back = admin.post(&path(&item, "/unblock"), json!({})).await.expect(200).json();
    assert_eq!(back["state"], "active");
    program.chat("Hi").await.expect(200);
}

async fn a_revoked_key_has_no_way_back(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let (secret, item) = make(&admin, json!({ "name": "ci" })).await;

    admin.delete(&path(&item, "")).await.expect(204);

    assert_eq!(app.anonymous().bearer(&secret).chat("Hi").await.expect(401).code(), "invalid_api_key");
    assert_eq!(admin.delete(&path(&item, "")).await.expect(409).code(), "key_revoked");
    assert_eq!(admin.patch(&path(&item, ""), json!({ "name": "x" })).await.expect(409).code(), "key_revoked");
    assert_eq!(admin.post(&path(&item, "/unblock"), json!({})).await.expect(409).code(), "key_revoked");
    assert_eq!(admin.get(&path(&item, "")).await.expect(200).json()["state"], "revoked");
    admin.delete("/api/v1/keys/key_none").await.expect(404);
}

async fn what_does_not_fit_is_refused_by_field(stage: Stage) {
    let (_app, _provider, admin) = with_provider(stage).await;
    let (_, item) = make(&admin, json!({ "name": "ci" })).await;
    let many = vec!["m"; 101];
    for (change, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x".repeat(101) }), "name"),
        (json!({ "models": many }), "models"),
        (json!({ "models": ["x".repeat(257)] }), "models"),
        (json!({ "models": [""] }), "models"),
        (json!({ "endpoints": ["images"] }), "endpoints"),
        (json!({ "expires_at": 1_000_000_000 }), "expires_at"),
        (json!({ "max_budget": -1 }), "max_budget"),
        (json!({ "max_budget": "1" }), "max_budget"),
        (json!({ "owner_id": "nobody" }), "owner_id"),
        (json!({ "owner_id": "../x" }), "owner_id"),
        (json!({ "rpm_limit": 5 }), "rpm_limit"),
    ] {
        let mut new = json!({ "name": "other" });
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        for answer in
            [admin.post("/api/v1/keys", new).await, admin.patch(&path(&item, ""), change.clone()).await]
        {
            let answer = answer.expect(400);
            assert_eq!(answer.json()["field"], field, "{change}: {}", answer.text());
        }
    }
    assert_eq!(admin.get("/api/v1/keys").await.expect(200).json()["total"], 1);
}

async fn a_name_is_taken_until_its_key_is_revoked(stage: Stage) {
    let (_app, _provider, admin) = with_provider(stage).await;
    let (_, first) = make(&admin, json!({ "name": "ci" })).await;
    let (_, other) = make(&admin, json!({ "name": "other" })).await;

    for answer in [
        admin.post("/api/v1/keys", json!({ "name": " ci " })).await,
        admin.patch(&path(&other, ""), json!({ "name": "ci" })).await,
    ] {
        assert_eq!(answer.expect(409).code(), "name_taken");
    }
    admin.delete(&path(&first, "")).await.expect(204);
    make(&admin, json!({ "name": "ci" })).await;
}

async fn keys_are_listed_in_pages_and_found_by_text(stage: Stage) {
    let (_app, _provider, admin) = with_provider(stage).await;
    for number in 1..=31 {
        make(&admin, json!({ "name": format!("key {number}") })).await;
    }
    let names = async |query: &str| {
        let page = admin.get(&format!("/api/v1/keys{query}")).await.expect(200).json();
        let names: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["name"].as_str().unwrap().to_owned())
            .collect();
        (names, page["total"].as_u64().unwrap())
    };
    let (first, total) = names("").await;
    assert_eq!((first.len(), first[0].as_str(), total), (30, "key 31", 31));
    assert_eq!(names("?page=2").await, (vec!["key 1".to_owned()], 31));
    assert_eq!(names("?query=KEY%2017").await, (vec!["key 17".to_owned()], 1));
    admin.get("/api/v1/keys?page=x").await.expect(400);
}

async fn an_owner_is_shown_and_must_exist(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let bob = app.person("bob").await;

    let (_, item) = make(&admin, json!({ "name": "bob's", "owner_id": bob.id })).await;
    assert_eq!(item["owner"], json!({ "id": bob.id, "name": "bob", "email": bob.email }));
    let cleared = admin.patch(&path(&item, ""), json!({ "owner_id": null })).await.expect(200).json();
    assert_eq!(cleared["owner"], Value::Null);
}

async fn spend_and_what_is_reserved_are_shown_while_requests_run(stage: Stage) {
    let (app, provider, admin) = with_provider(stage).await;
    provider.answers(Reply::says_for("Hello.", 1_000_000, 500_000));
    let (secret, item) = make(&admin, json!({ "name": "ci", "max_budget": 100 })).await;
    let program = app.anonymous().bearer(&secret);

    program.chat("Hi").await.expect(200);
    let shown = admin.get(&path(&item, "")).await.expect(200).json();
    assert_eq!((&shown["spend"], &shown["reserved"]), (&json!(2.0), &json!(0.0)));

    provider.answers(Reply::never());
    let waiting = program.stream("Hi");
    let seen = async {
        eventually("money to be reserved", || async {
            let shown = admin.get(&path(&item, "")).await.expect(200).json();
            (shown["reserved"].as_f64().unwrap() > 0.0).then_some(())
        })
        .await;
    };
    tokio::select! { _ = waiting => {}, () = seen => {} }
    eventually("the money to come back", || async {
        let shown = admin.get(&path(&item, "")).await.expect(200).json();
        (shown["reserved"] == json!(0.0)).then_some(())
    })
    .await;
}

async fn usage_is_listed_newest_first_by_key_and_model_and_page(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let (secret, item) = make(&admin, json!({ "name": "ci" })).await;
    app.anonymous().bearer(&secret).chat("Hi").await.expect(200);
    admin.chat("Hi").await.expect(200);
    admin.ask("no-such-model", "Hi").await.expect(404);

    let usage = async |query: &str| {
        let list = admin.get(&format!("/api/v1/usage{query}")).await.expect(200).json();
        list["items"].as_array().unwrap().clone()
    };
    let all = usage("").await;
    let statuses: Vec<_> = all.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["refused", "ok", "ok"]);
    assert_eq!((&all[1]["user_id"], &all[1]["key_id"]), (&json!(admin.id), &Value::Null));
    assert_eq!((&all[2]["prompt_tokens"], &all[2]["completion_tokens"]), (&json!(10), &json!(5)));
    assert_eq!(
        (&all[0]["error"], &all[0]["http_status"], &all[0]["provider"]),
        (&json!("model_not_found"), &json!(404), &json!(""))
    );
    let by_key = usage(&format!("?key_id={}", item["id"].as_str().unwrap())).await;
    assert_eq!(by_key, [all[2].clone()]);
    assert_eq!(usage(&format!("?model={MODEL}&limit=1")).await, [all[1].clone()]);
    assert_eq!(usage(&format!("?before={}", all[1]["id"].as_str().unwrap())).await, [all[2].clone()]);
}

async fn the_command_line_makes_and_ends_keys_of_a_running_server(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let create =
        ["keys", "create", "--name", "cli", "--model", MODEL, "--budget", "2.5", "--expires", "1h", "--json"];

    let made = app.run(&create).expect_success();
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let secret = made["key"].as_str().unwrap();
    let program = app.anonymous().bearer(secret);
    eventually("the new key to work", || async { (program.chat("Hi").await.status == 200).then_some(()) })
        .await;

    let listed = app.run(&["keys", "list"]).expect_success().stdout;
    assert!(listed.contains("cli") && listed.contains("$2.5") && !listed.contains(secret), "{listed}");
    let item = admin.get(&path(&made, "")).await.expect(200).json();
    assert_eq!((&item["created_by"], &item["max_budget"]), (&json!("operator"), &json!(2.5)));

    let id = made["id"].as_str().unwrap();
    app.run(&["keys", "revoke", id]).expect_success();
    eventually("the key to be refused", || async { (program.chat("Hi").await.status == 401).then_some(()) })
        .await;
    for (arguments, words) in [
        (&["keys", "revoke", id][..], "revoked"),
        (&["keys", "revoke", "key_none"], "no such key"),
        (&["keys", "create", "--name", "x", "--expires", "soon"], "--expires"),
        (&["keys", "create", "--name", "x", "--endpoint", "images"], "chat.completions"),
        (&["keys", "create", "--name", "x", "--budget=-1"], "budget"),
    ] {
        let said = app.run(arguments).expect_failure().stderr;
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

async fn setting(admin: &Admin, name: &str) -> Value {
    let list = admin.get("/api/v1/settings").await.expect(200).json();
    list["items"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap().clone()
}

async fn a_stored_setting_is_effective_at_once_and_outlives_a_restart(stage: Stage) {
    let mut app = stage.without("DEFAULT_USER_ROLE").start().await;
    let admin = app.admin().await;
    assert_eq!(setting(&admin, "DEFAULT_USER_ROLE").await["source"], "default");

    let list =
        admin.patch("/api/v1/settings", json!({ "DEFAULT_USER_ROLE": "user" })).await.expect(200).json();

    assert!(list["items"].as_array().unwrap().len() > 20);
    assert_eq!(app.person("bob").await.role, "user");
    app.restart().await;
    let kept = setting(&admin, "DEFAULT_USER_ROLE").await;
    assert_eq!(
        (&kept["value"], &kept["source"], &kept["locked"]),
        (&json!("user"), &json!("stored"), &json!(false))
    );
    admin.patch("/api/v1/settings", json!({ "DEFAULT_USER_ROLE": null })).await.expect(200);
    assert_eq!(setting(&admin, "DEFAULT_USER_ROLE").await["source"], "default");
    assert_eq!(app.person("eve").await.role, "pending");
}

async fn the_environment_wins_over_a_stored_setting(app: TestApp) {
    let admin = app.admin().await;
    let locked = setting(&admin, "ENABLE_SIGNUP").await;
    assert_eq!((&locked["source"], &locked["locked"]), (&json!("environment"), &json!(true)));

    let refused = admin.patch("/api/v1/settings", json!({ "ENABLE_SIGNUP": false })).await.expect(409);
    assert_eq!(
        (refused.code().as_str(), &refused.json()["field"]),
        ("set_by_environment", &json!("ENABLE_SIGNUP"))
    );
    let never = admin.patch("/api/v1/settings", json!({ "LITELLM_MASTER_KEY": "sk-mine" })).await.expect(409);
    assert_eq!(never.code(), "environment_only");
    app.person("bob").await;
}

async fn settings_are_stored_together_or_not_at_all(stage: Stage) {
    let app = stage.without("DEFAULT_USER_ROLE").start().await;
    let admin = app.admin().await;
    for (name, value, code) in [
        ("DEFAULT_USER_ROL", json!("user"), "unknown_setting"),
        ("DEFAULT_USER_ROLE", json!("emperor"), "invalid_setting"),
        ("DEFAULT_USER_ROLE", json!({}), "invalid_setting"),
    ] {
        let refused =
            admin.patch("/api/v1/settings", json!({ "JWT_EXPIRES_IN": "1h", name: value })).await.expect(400);
        assert_eq!((refused.code().as_str(), &refused.json()["field"]), (code, &json!(name)));
    }
    assert_eq!(setting(&admin, "JWT_EXPIRES_IN").await["source"], "default");
}

async fn no_secret_is_shown_among_the_settings(stage: Stage) {
    let (_app, provider, admin) = with_provider(stage).await;
    let text = admin.get("/api/v1/settings").await.expect(200).text();
    assert!(!text.contains(testkit::MASTER_KEY) && !text.contains(provider.key()));
    let master = setting(&admin, "LITELLM_MASTER_KEY").await;
    assert_eq!((&master["secret"], master["value"].as_str().unwrap().len()), (&json!(true), 12));
}

async fn nobody_but_administrators_handles_keys_usage_and_settings(stage: Stage) {
    let (app, _provider, admin) = with_provider(stage).await;
    let (secret, item) = make(&admin, json!({ "name": "ci" })).await;
    let person = app.person("bob").await;

    for caller in [&app.anonymous(), &*person, &app.anonymous().bearer(&secret), &app.master()] {
        for (method, path) in [
            ("GET", "/api/v1/keys".to_owned()),
            ("POST", "/api/v1/keys".to_owned()),
            ("GET", path(&item, "")),
            ("PATCH", path(&item, "")),
            ("DELETE", path(&item, "")),
            ("POST", path(&item, "/block")),
            ("POST", path(&item, "/unblock")),
            ("GET", "/api/v1/usage".to_owned()),
            ("GET", "/api/v1/settings".to_owned()),
            ("PATCH", "/api/v1/settings".to_owned()),
        ] {
            caller.draft(method, &path).json(&json!({})).send().await.expect(401);
        }
    }
    assert_eq!(admin.get(&path(&item, "")).await.expect(200).json()["state"], "active");
}
