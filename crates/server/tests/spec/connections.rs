//! Connections: who may change them, where they may lead, and what becomes of their keys.

use serde_json::{Value, json};
use testkit::{Admin, FakeProvider, MODEL, Reply, Stage, TestApp, spec};

spec! {
    a_provider_that_an_administrator_adds_serves_at_once_with_its_key;
    a_key_is_never_shown_nor_kept_in_the_open;
    a_base_url_that_the_operator_did_not_allow_is_refused;
    another_base_url_clears_the_key_unless_a_new_one_comes_with_it;
    what_the_environment_says_is_changed_there;
    a_disabled_connection_is_not_called_and_serves_again_when_enabled;
    a_removed_connection_is_gone_with_its_models;
    the_first_connection_that_offers_a_model_serves_it;
    a_prefix_tells_the_models_of_two_providers_apart;
    a_second_connection_to_the_same_place_is_refused;
    trying_says_what_the_provider_said_without_its_secrets;
    trying_before_saving_saves_nothing;
    a_refresh_brings_new_models_and_a_failing_one_keeps_the_old;
    the_demo_provider_can_be_renamed_and_disabled_and_no_more;
    what_does_not_fit_is_refused_by_field;
    nobody_but_administrators_sees_or_changes_connections;
}

/// An app without a provider, whose operator allows these.
async fn allowing(stage: Stage, providers: &[&FakeProvider]) -> (TestApp, Admin) {
    let urls: Vec<String> = providers.iter().map(|provider| provider.base_url()).collect();
    let app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &urls.join(";")).start().await;
    let admin = app.admin().await;
    (app, admin)
}

async fn add(admin: &Admin, provider: &FakeProvider) -> Value {
    let body = json!({ "base_url": provider.base_url(), "api_key": provider.key() });
    admin.post("/api/v1/connections", body).await.expect(201).json()
}

fn path(connection: &Value, rest: &str) -> String {
    format!("/api/v1/connections/{}{rest}", connection["id"].as_str().unwrap())
}

async fn list(admin: &Admin) -> Vec<Value> {
    let list = admin.get("/api/v1/connections").await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

async fn a_provider_that_an_administrator_adds_serves_at_once_with_its_key(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;

    let added = add(&admin, &provider).await;

    assert_eq!(added["base_url"], provider.base_url());
    assert_eq!(
        (&added["kind"], &added["source"], &added["enabled"]),
        (&json!("openai"), &json!("stored"), &json!(true))
    );
    assert_eq!((&added["models"]["count"], &added["models"]["error"]), (&json!(1), &Value::Null));
    admin.chat("Hi").await.expect(200);
    let bearer = format!("Bearer {}", provider.key());
    assert_eq!(provider.last().header("authorization"), Some(bearer.as_str()));
    assert_eq!(provider.last_listing().header("authorization"), Some(bearer.as_str()));
}

async fn a_key_is_never_shown_nor_kept_in_the_open(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (mut app, admin) = allowing(stage, &[&provider]).await;
    let body = json!({ "base_url": provider.base_url(), "api_key": provider.key() });

    let added = admin.post("/api/v1/connections", body.clone()).await.expect(201);
    let listed = admin.get("/api/v1/connections").await.expect(200);
    let twin = admin.post("/api/v1/connections", body).await.expect(409);

    for answer in [&added, &listed, &twin] {
        assert!(!answer.text().contains(provider.key()), "the key came back: {}", answer.text());
    }
    let key = &added.json()["key"];
    assert!(provider.key().ends_with(key["last_four"].as_str().unwrap()));
    assert_eq!(key["fingerprint"].as_str().unwrap().len(), 12);
    app.restart().await;
    admin.chat("still there").await.expect(200);
    app.stop_and_search_for(provider.key()).await;
}

async fn a_base_url_that_the_operator_did_not_allow_is_refused(stage: Stage) {
    let (allowed, other) = (FakeProvider::start().await, FakeProvider::start().await);
    let (_app, admin) = allowing(stage, &[&allowed]).await;
    let added = add(&admin, &allowed).await;

    for url in [
        other.base_url(),
        "http://169.254.169.254/latest".to_owned(),
        "http://10.0.0.1/v1".to_owned(),
        "https://api.openai.com.evil.example/v1".to_owned(),
        format!("{}/../admin", allowed.base_url()),
        allowed.base_url().replace("/v1", "/v10"),
    ] {
        let asked = json!({ "base_url": url });
        let answers = [
            admin.post("/api/v1/connections", asked.clone()).await,
            admin.post("/api/v1/connections/test", asked.clone()).await,
            admin.patch(&path(&added, ""), asked).await,
        ];
        for answer in answers {
            let answer = answer.expect(400);
            assert_eq!(
                (answer.code().as_str(), &answer.json()["field"]),
                ("base_url_not_allowed", &json!("base_url")),
                "{url}"
            );
            assert!(
                answer.message().contains(&allowed.base_url()),
                "the way out is not named: {}",
                answer.message()
            );
        }
    }
    assert_eq!(other.connections(), 0);
    assert_eq!(list(&admin).await.len(), 1);
}

async fn another_base_url_clears_the_key_unless_a_new_one_comes_with_it(stage: Stage) {
    let (first, second) = (FakeProvider::start().await, FakeProvider::start().await);
    second.offers(&["second-model"]);
    let (app, admin) = allowing(stage, &[&first, &second]).await;
    let added = add(&admin, &first).await;

    let moved =
        admin.patch(&path(&added, ""), json!({ "base_url": second.base_url() })).await.expect(200).json();

    assert_eq!((&moved["key"], &moved["models"]["count"]), (&Value::Null, &json!(1)));
    admin.chat("the first one's model").await.expect(404);
    admin.ask("second-model", "Hi").await.expect(200);
    assert_eq!(second.last().header("authorization"), None);
    assert_eq!(second.last_listing().header("authorization"), None);

    let back = json!({ "base_url": first.base_url(), "api_key": first.key() });
    let back = admin.patch(&path(&added, ""), back).await.expect(200).json();
    assert!(first.key().ends_with(back["key"]["last_four"].as_str().unwrap()));
    admin.chat("Hi").await.expect(200);
    app.must_not_hold(first.key());

    let cleared = admin.patch(&path(&added, ""), json!({ "api_key": null })).await.expect(200).json();
    assert_eq!(cleared["key"], Value::Null);
    admin.chat("Hi").await.expect(200);
    assert_eq!(first.last().header("authorization"), None);
}

async fn what_the_environment_says_is_changed_there(stage: Stage) {
    let provider = FakeProvider::start().await;
    let mut app = stage.provider(&provider).start().await;
    let admin = app.admin().await;
    let connection = list(&admin).await.remove(0);
    assert_eq!(connection["source"], "environment");

    for change in [
        json!({ "base_url": "https://api.openai.com/v1" }),
        json!({ "api_key": "sk-other-key-1234" }),
        json!({ "api_key": null }),
    ] {
        let refused = admin.patch(&path(&connection, ""), change).await.expect(409);
        assert_eq!(refused.code(), "set_by_environment");
    }
    assert_eq!(admin.delete(&path(&connection, "")).await.expect(409).code(), "set_by_environment");

    admin.patch(&path(&connection, ""), json!({ "name": "Ours", "prefix": "own" })).await.expect(200);
    app.restart().await;
    let after = list(&admin).await.remove(0);
    assert_eq!(
        (&after["id"], &after["name"], &after["prefix"]),
        (&connection["id"], &json!("Ours"), &json!("own"))
    );
    admin.ask(&format!("own/{MODEL}"), "Hi").await.expect(200);
    assert_eq!(provider.last().json()["model"], MODEL);
}

async fn a_disabled_connection_is_not_called_and_serves_again_when_enabled(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    let added = add(&admin, &provider).await;

    admin.patch(&path(&added, ""), json!({ "enabled": false })).await.expect(200);
    assert_eq!(admin.chat("Hi").await.expect(404).code(), "model_not_found");
    assert_eq!(provider.calls(), 0);

    admin.patch(&path(&added, ""), json!({ "enabled": true })).await.expect(200);
    admin.chat("Hi").await.expect(200);
}

async fn a_removed_connection_is_gone_with_its_models(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    let added = add(&admin, &provider).await;

    admin.delete(&path(&added, "")).await.expect(204);

    admin.delete(&path(&added, "")).await.expect(404);
    admin.patch(&path(&added, ""), json!({ "name": "x" })).await.expect(404);
    assert_eq!(list(&admin).await, [] as [Value; 0]);
    admin.chat("Hi").await.expect(404);
    let models = admin.get("/v1/models").await.expect(200).json();
    assert_eq!(models["data"], json!([]));
}

async fn the_first_connection_that_offers_a_model_serves_it(stage: Stage) {
    let (first, second) = (FakeProvider::start().await, FakeProvider::start().await);
    let (_app, admin) = allowing(stage, &[&first, &second]).await;
    let (one, two) = (add(&admin, &first).await, add(&admin, &second).await);
    admin.chat("Hi").await.expect(200);
    assert_eq!((first.calls(), second.calls()), (1, 0));

    let order = json!({ "ids": [two["id"], "conn_gone", one["id"]] });
    let ordered = admin.post("/api/v1/connections/order", order).await.expect(200).json();

    let ids = |list: &Value| [list["items"][0]["id"].clone(), list["items"][1]["id"].clone()];
    assert_eq!(ids(&ordered), [two["id"].clone(), one["id"].clone()]);
    admin.chat("Hi").await.expect(200);
    assert_eq!((first.calls(), second.calls()), (1, 1));
}

async fn a_prefix_tells_the_models_of_two_providers_apart(stage: Stage) {
    let (first, second) = (FakeProvider::start().await, FakeProvider::start().await);
    let (_app, admin) = allowing(stage, &[&first, &second]).await;
    add(&admin, &first).await;
    let two = add(&admin, &second).await;

    admin.patch(&path(&two, ""), json!({ "prefix": "two" })).await.expect(200);

    admin.ask(&format!("two/{MODEL}"), "Hi").await.expect(200);
    assert_eq!((first.calls(), second.calls()), (0, 1));
    assert_eq!(second.last().json()["model"], MODEL);
}

async fn a_second_connection_to_the_same_place_is_refused(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    add(&admin, &provider).await;
    let again = |prefix: &str| json!({ "base_url": format!("{}/", provider.base_url()), "prefix": prefix });

    let refused = admin.post("/api/v1/connections", again("")).await.expect(409);
    assert_eq!(refused.code(), "duplicate_connection");
    let other = admin.post("/api/v1/connections", again("other")).await.expect(201).json();
    let same = admin.patch(&path(&other, ""), json!({ "prefix": null })).await.expect(409);
    assert_eq!(same.code(), "duplicate_connection");
}

async fn trying_says_what_the_provider_said_without_its_secrets(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    let added = add(&admin, &provider).await;

    let good = admin.post(&path(&added, "/test"), json!({})).await.expect(200).json();
    assert_eq!((&good["ok"], &good["status"], &good["models"]), (&json!(true), &json!(200), &json!(1)));

    let words = format!("Incorrect API key provided: {}", provider.key());
    provider.lists_as(Reply::refuses(401, "invalid_api_key", &words));
    let bad = admin.post(&path(&added, "/test"), json!({})).await.expect(200);
    assert!(!bad.text().contains(provider.key()), "{}", bad.text());
    let bad = bad.json();
    assert_eq!((&bad["ok"], &bad["status"], &bad["models"]), (&json!(false), &json!(401), &Value::Null));
    assert!(bad["message"].as_str().unwrap().contains("Incorrect API key"));

    provider.lists_as(Reply::body(200, "text/html", "<html>Sign in</html>"));
    let nonsense = admin.post(&path(&added, "/test"), json!({})).await.expect(200).json();
    assert_eq!((&nonsense["ok"], &nonsense["status"]), (&json!(false), &json!(200)));
}

async fn trying_before_saving_saves_nothing(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (app, admin) = allowing(stage, &[&provider]).await;
    let body = json!({ "base_url": provider.base_url(), "api_key": provider.key() });

    let tried = admin.post("/api/v1/connections/test", body).await.expect(200).json();

    assert_eq!((&tried["ok"], &tried["models"]), (&json!(true), &json!(1)));
    assert_eq!(
        provider.last_listing().header("authorization"),
        Some(format!("Bearer {}", provider.key()).as_str())
    );
    assert_eq!(list(&admin).await, [] as [Value; 0]);
    app.stop_and_search_for(provider.key()).await;
}

async fn a_refresh_brings_new_models_and_a_failing_one_keeps_the_old(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    let added = add(&admin, &provider).await;

    provider.offers(&[MODEL, "new-model"]);
    let fresh = admin.post(&path(&added, "/refresh"), json!({})).await.expect(200).json();
    assert_eq!(fresh["models"]["count"], 2);
    admin.ask("new-model", "Hi").await.expect(200);

    provider.lists_as(Reply::refuses(500, "oops", "The provider is ill"));
    let failed = admin.post(&path(&added, "/refresh"), json!({})).await.expect(200).json();
    assert_eq!(failed["models"]["count"], 2);
    assert!(failed["models"]["error"].as_str().unwrap().contains("The provider is ill"));
    admin.ask("new-model", "Hi").await.expect(200);
}

async fn the_demo_provider_can_be_renamed_and_disabled_and_no_more(stage: Stage) {
    let app = stage.demo().start().await;
    let admin = app.admin().await;
    let demo = list(&admin).await.remove(0);
    assert_eq!((&demo["kind"], &demo["models"]["count"]), (&json!("demo"), &json!(7)));

    for change in [
        json!({ "base_url": "https://api.openai.com/v1" }),
        json!({ "api_key": "sk-x" }),
        json!({ "prefix": "x" }),
    ] {
        let refused = admin.patch(&path(&demo, ""), change).await.expect(409);
        assert_eq!(refused.code(), "set_by_environment");
    }
    admin.delete(&path(&demo, "")).await.expect(409);
    admin.post(&path(&demo, "/refresh"), json!({})).await.expect(200);

    let off = admin
        .patch(&path(&demo, ""), json!({ "name": "Practice", "enabled": false }))
        .await
        .expect(200)
        .json();
    assert_eq!(off["name"], "Practice");
    admin.ask("demo/echo", "Hi").await.expect(404);
}

async fn what_does_not_fit_is_refused_by_field(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (_app, admin) = allowing(stage, &[&provider]).await;
    let url = provider.base_url();
    for (body, field) in [
        (json!({ "base_url": "not a url" }), "base_url"),
        (json!({ "base_url": "ftp://example.com" }), "base_url"),
        (json!({ "base_url": 5 }), "base_url"),
        (json!({ "base_url": url, "name": "" }), "name"),
        (json!({ "base_url": url, "name": "x".repeat(101) }), "name"),
        (json!({ "base_url": url, "prefix": "a/b" }), "prefix"),
        (json!({ "base_url": url, "api_key": "sk-a\r\nx-evil: 1" }), "api_key"),
        (json!({ "base_url": url, "kind": "demo" }), "kind"),
    ] {
        let answer = admin.post("/api/v1/connections", body.clone()).await.expect(400);
        assert_eq!(answer.json()["field"], field, "{body} gave {}", answer.text());
    }
    assert_eq!(list(&admin).await, [] as [Value; 0]);
}

async fn nobody_but_administrators_sees_or_changes_connections(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (app, admin) = allowing(stage, &[&provider]).await;
    let added = add(&admin, &provider).await;
    let (person, program) = (app.person("bob").await, app.key().create().await);

    for caller in [&app.anonymous(), &*person, &*program, &app.master()] {
        for (method, path) in [
            ("GET", "/api/v1/connections".to_owned()),
            ("POST", "/api/v1/connections".to_owned()),
            ("POST", "/api/v1/connections/test".to_owned()),
            ("POST", "/api/v1/connections/order".to_owned()),
            ("PATCH", path(&added, "")),
            ("DELETE", path(&added, "")),
            ("POST", path(&added, "/test")),
            ("POST", path(&added, "/refresh")),
            ("GET", "/api/v1/catalog/models".to_owned()),
            ("PATCH", "/api/v1/catalog/models".to_owned()),
        ] {
            caller.draft(method, &path).json(&json!({})).send().await.expect(401);
        }
    }
    assert_eq!(list(&admin).await.len(), 1);
}
