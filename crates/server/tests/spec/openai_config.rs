//! Connections by Open WebUI's own routes: one list in, one list out, and no key ever with another URL.

use serde_json::{Value, json};
use testkit::{Admin, Answer, FakeProvider, MODEL, Reply, Stage, TestApp, spec};

spec! {
    a_list_that_is_sent_comes_back_with_its_keys_masked;
    what_was_answered_can_be_sent_back_and_changes_nothing;
    a_key_is_kept_changed_or_cleared_as_its_entry_says;
    a_key_stays_with_its_base_url_when_the_list_is_reordered;
    a_key_stays_with_its_base_url_when_the_middle_of_the_list_goes;
    a_new_base_url_never_gets_the_key_of_its_place;
    two_connections_with_one_base_url_are_told_apart_by_prefix;
    a_base_url_that_is_not_permitted_changes_nothing_at_all;
    what_does_not_fit_is_refused_by_place_and_changes_nothing;
    what_the_environment_says_is_listed_and_stays;
    the_demo_provider_is_listed_and_stays;
    the_switch_is_stored_unless_the_environment_sets_it;
    a_provider_is_verified_before_anything_is_stored;
    the_place_of_a_connection_names_the_models_it_serves;
    nobody_but_administrators_uses_the_configuration;
}

const UPDATE: &str = "/openai/config/update";

/// An app whose operator allows these, with connections to them in this order, each with its provider's key.
async fn connected<const N: usize>(stage: Stage) -> (TestApp, Admin, [FakeProvider; N]) {
    let mut providers = Vec::new();
    for index in 0..N {
        let provider = FakeProvider::start().await;
        provider.offers(&[&format!("model-{index}")]);
        providers.push(provider);
    }
    let urls: Vec<String> = providers.iter().map(FakeProvider::base_url).collect();
    let app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &urls.join(";")).start().await;
    let admin = app.admin().await;
    let keys: Vec<&str> = providers.iter().map(FakeProvider::key).collect();
    let body = json!({ "OPENAI_API_BASE_URLS": urls, "OPENAI_API_KEYS": keys });
    admin.post(UPDATE, body).await.expect(200);
    (app, admin, providers.try_into().ok().unwrap())
}

async fn config(admin: &Admin) -> Value {
    admin.get("/openai/config").await.expect(200).json()
}

async fn update(admin: &Admin, body: Value) -> Value {
    admin.post(UPDATE, body).await.expect(200).json()
}

/// The order of the fields does not matter to the text.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn bearer(provider: &FakeProvider) -> String {
    format!("Bearer {}", provider.key())
}

/// The credential that the provider gets when its model is asked for.
async fn sent(admin: &Admin, model: &str, provider: &FakeProvider) -> String {
    admin.ask(model, "Hi").await.expect(200);
    provider.last().header("authorization").unwrap_or("nothing").to_owned()
}

async fn a_list_that_is_sent_comes_back_with_its_keys_masked(stage: Stage) {
    let (app, admin, [one, two]) = connected(stage).await;

    let answer = admin
        .post(
            UPDATE,
            json!({
                "OPENAI_API_BASE_URLS": [one.base_url(), two.base_url()],
                "OPENAI_API_KEYS": [{ "value": one.key() }, "short-key"],
                "OPENAI_API_CONFIGS": { "1": { "enable": false, "prefix_id": "two", "tags": [] }, "7": {} },
            }),
        )
        .await
        .expect(200);

    let listed = admin.get("/openai/config").await.expect(200);
    assert_eq!(answer.json(), listed.json());
    for text in [answer.text(), listed.text()] {
        assert!(!text.contains(one.key()) && !text.contains("short-key"), "a key came back: {text}");
    }
    let shown = listed.json();
    assert_eq!(
        fields(&shown),
        [
            "ENABLE_OPENAI_API",
            "OPENAI_ALLOWED_BASE_URLS",
            "OPENAI_API_BASE_URLS",
            "OPENAI_API_CONFIGS",
            "OPENAI_API_KEYS",
            "OPENAI_API_KEYS_METADATA"
        ]
    );
    assert_eq!(shown["ENABLE_OPENAI_API"], true);
    assert_eq!(shown["OPENAI_API_BASE_URLS"], json!([one.base_url(), two.base_url()]));
    assert_eq!(shown["OPENAI_ALLOWED_BASE_URLS"], json!([one.base_url(), two.base_url()]));
    assert_eq!(
        shown["OPENAI_API_KEYS_METADATA"],
        json!({ "persistence_enabled": true, "encryption_enabled": true, "stored_entries": 2 })
    );
    let (long, short) = (&shown["OPENAI_API_KEYS"][0], &shown["OPENAI_API_KEYS"][1]);
    let tail = &one.key()[one.key().len() - 4..];
    assert_eq!(long["masked"], format!("********{tail}"));
    assert_eq!((&short["masked"], &short["has_value"]), (&json!("********"), &json!(true)));
    let connections = admin.get("/api/v1/connections").await.expect(200).json();
    assert_eq!(long["fingerprint"], connections["items"][0]["key"]["fingerprint"]);
    assert_eq!(fields(&shown["OPENAI_API_CONFIGS"]), ["0", "1"]);
    let (first, second) = (&shown["OPENAI_API_CONFIGS"]["0"], &shown["OPENAI_API_CONFIGS"]["1"]);
    assert_eq!((&first["enable"], &first["prefix_id"]), (&json!(true), &json!("")));
    assert_eq!((&second["enable"], &second["prefix_id"]), (&json!(false), &json!("two")));
    assert_eq!(second["id"], connections["items"][1]["id"]);
    app.stop_and_search_for(one.key()).await;
}

async fn what_was_answered_can_be_sent_back_and_changes_nothing(stage: Stage) {
    let (_app, admin, [one, two]) = connected(stage).await;
    let rows = admin.get("/api/v1/connections").await.expect(200).json();
    let before = config(&admin).await;

    let after = update(&admin, before.clone()).await;

    assert_eq!(after, before);
    assert_eq!(admin.get("/api/v1/connections").await.expect(200).json(), rows);
    assert_eq!(sent(&admin, "model-0", &one).await, bearer(&one));
    assert_eq!(sent(&admin, "model-1", &two).await, bearer(&two));
}

async fn a_key_is_kept_changed_or_cleared_as_its_entry_says(stage: Stage) {
    let (app, admin, [provider]) = connected(stage).await;
    let url = provider.base_url();
    let with = |keys: Value| json!({ "OPENAI_API_BASE_URLS": [url], "OPENAI_API_KEYS": keys });
    let bare = json!({ "OPENAI_API_BASE_URLS": [url] });

    let kept = [
        bare,
        with(json!([])),
        with(json!([null])),
        with(json!([{}])),
        with(json!([{ "keep": true }])),
        with(json!([{ "keep": true, "value": "sk-not-this-one-0000" }])),
    ];
    for body in kept {
        update(&admin, body.clone()).await;
        assert_eq!(sent(&admin, "model-0", &provider).await, bearer(&provider), "{body}");
    }
    for (entry, key) in [
        (json!("sk-another-key-1111"), "sk-another-key-1111"),
        (json!({ "value": "sk-another-key-2222" }), "sk-another-key-2222"),
        (json!({ "value": " sk-another-key-3333\n", "keep": false }), "sk-another-key-3333"),
    ] {
        let shown = update(&admin, with(json!([entry]))).await;
        assert!(key.ends_with(shown["OPENAI_API_KEYS"][0]["masked"].as_str().unwrap().trim_matches('*')));
        assert_eq!(sent(&admin, "model-0", &provider).await, format!("Bearer {key}"));
    }
    for entry in [json!(""), json!({ "value": "" }), json!({ "value": null }), json!({ "keep": false })] {
        update(&admin, with(json!(["sk-another-key-4444"]))).await;
        let shown = update(&admin, with(json!([entry]))).await;
        let none = json!({ "has_value": false, "masked": "", "fingerprint": null });
        assert_eq!(shown["OPENAI_API_KEYS"], json!([none]), "{entry}");
        assert_eq!(shown["OPENAI_API_KEYS_METADATA"]["stored_entries"], 0);
        assert_eq!(sent(&admin, "model-0", &provider).await, "nothing");
    }
    app.stop_and_search_for("sk-another-key").await;
}

async fn a_key_stays_with_its_base_url_when_the_list_is_reordered(stage: Stage) {
    let (_app, admin, [one, two]) = connected(stage).await;
    let urls = json!([two.base_url(), format!("{}/", one.base_url())]);

    let shown =
        update(&admin, json!({ "OPENAI_API_BASE_URLS": urls, "OPENAI_API_KEYS": [{ "keep": true }] })).await;

    assert_eq!(shown["OPENAI_API_BASE_URLS"], json!([two.base_url(), one.base_url()]));
    assert_eq!(sent(&admin, "model-0", &one).await, bearer(&one));
    assert_eq!(sent(&admin, "model-1", &two).await, bearer(&two));
}

async fn a_key_stays_with_its_base_url_when_the_middle_of_the_list_goes(stage: Stage) {
    let (_app, admin, [one, middle, three]) = connected(stage).await;
    let urls = json!([one.base_url(), three.base_url()]);
    let calls = middle.listings();

    let shown = update(&admin, json!({ "OPENAI_API_BASE_URLS": urls })).await;

    assert_eq!(shown["OPENAI_API_BASE_URLS"], urls);
    assert_eq!(shown["OPENAI_API_KEYS"].as_array().unwrap().len(), 2);
    assert_eq!(sent(&admin, "model-0", &one).await, bearer(&one));
    assert_eq!(sent(&admin, "model-2", &three).await, bearer(&three));
    admin.ask("model-1", "Hi").await.expect(404);
    assert_eq!((middle.calls(), middle.listings()), (0, calls));
}

async fn a_new_base_url_never_gets_the_key_of_its_place(stage: Stage) {
    let (_app, admin, [one, two]) = connected(stage).await;
    update(&admin, json!({ "OPENAI_API_BASE_URLS": [one.base_url()] })).await;

    let moved = json!({ "OPENAI_API_BASE_URLS": [two.base_url()], "OPENAI_API_KEYS": [{ "keep": true }] });
    let shown = update(&admin, moved).await;

    assert_eq!(shown["OPENAI_API_KEYS"][0]["has_value"], false);
    assert_eq!(two.last_listing().header("authorization"), None);
    assert_eq!(sent(&admin, "model-1", &two).await, "nothing");
    update(&admin, json!({ "OPENAI_API_BASE_URLS": [one.base_url()] })).await;
    assert_eq!(sent(&admin, "model-0", &one).await, "nothing");
}

async fn two_connections_with_one_base_url_are_told_apart_by_prefix(stage: Stage) {
    let (_app, admin, [provider]) = connected(stage).await;
    let twice = |first: &str, second: &str, keys: Value| {
        json!({
            "OPENAI_API_BASE_URLS": [provider.base_url(), provider.base_url()],
            "OPENAI_API_KEYS": keys,
            "OPENAI_API_CONFIGS": { "0": { "prefix_id": first }, "1": { "prefix_id": second } },
        })
    };

    let refused = admin.post(UPDATE, twice("same", "same", json!([]))).await.expect(409);
    assert_eq!(
        (refused.code(), &refused.json()["field"]),
        ("duplicate_connection".into(), &json!("OPENAI_API_BASE_URLS[0]"))
    );
    update(&admin, twice("one", "two", json!(["sk-key-of-the-one", "sk-key-of-the-two"]))).await;
    update(&admin, twice("two", "one", json!([]))).await;

    assert_eq!(sent(&admin, "one/model-0", &provider).await, "Bearer sk-key-of-the-one");
    assert_eq!(sent(&admin, "two/model-0", &provider).await, "Bearer sk-key-of-the-two");
}

/// Sends a list that is refused, and looks whether everything is as before.
async fn refused(admin: &Admin, status: u16, body: Value) -> Answer {
    let before = admin.get("/api/v1/connections").await.expect(200).json();
    let answer = admin.post(UPDATE, body).await.expect(status);
    assert_eq!(admin.get("/api/v1/connections").await.expect(200).json(), before, "{}", answer.text());
    assert_eq!(config(admin).await["ENABLE_OPENAI_API"], true, "{}", answer.text());
    answer
}

async fn a_base_url_that_is_not_permitted_changes_nothing_at_all(stage: Stage) {
    let (_app, admin, [one, _two]) = connected(stage).await;
    let other = FakeProvider::start().await;
    for url in [other.base_url(), "http://169.254.169.254/v1".to_owned(), "https://example.com/v1".to_owned()]
    {
        let body = json!({
            "ENABLE_OPENAI_API": false,
            "OPENAI_API_BASE_URLS": [one.base_url(), url],
            "OPENAI_API_KEYS": ["sk-a-new-key-0000", "sk-a-new-key-1111"],
            "OPENAI_API_CONFIGS": { "0": { "enable": false } },
        });
        let answer = refused(&admin, 400, body).await;
        let words = format!("OpenAI base URL '{url}' is not permitted on this deployment.");
        assert_eq!(
            answer.json(),
            json!({ "detail": words, "code": "base_url_not_allowed", "field": "OPENAI_API_BASE_URLS[1]" })
        );
    }
    assert_eq!(other.connections(), 0);
    assert_eq!(sent(&admin, "model-0", &one).await, bearer(&one));
}

async fn what_does_not_fit_is_refused_by_place_and_changes_nothing(stage: Stage) {
    let (_app, admin, [one, two]) = connected(stage).await;
    let (one, two) = (one.base_url(), two.base_url());
    for (body, field) in [
        (json!({}), json!("OPENAI_API_BASE_URLS")),
        (
            json!({ "OPENAI_API_BASE_URLS": [one, "sk-secret-at-the-wrong-place"] }),
            json!("OPENAI_API_BASE_URLS[1]"),
        ),
        (
            json!({ "OPENAI_API_BASE_URLS": [one], "OPENAI_API_KEYS": "sk-secret-at-the-wrong-place" }),
            json!("OPENAI_API_KEYS"),
        ),
        (
            json!({ "OPENAI_API_BASE_URLS": [one], "OPENAI_API_KEYS": [["sk-secret-at-the-wrong-place"]] }),
            json!("OPENAI_API_KEYS"),
        ),
        (
            json!({ "OPENAI_API_BASE_URLS": [two, one], "OPENAI_API_KEYS": [null, "sk-secret\r\nat-the-wrong-place"] }),
            json!("OPENAI_API_KEYS[1]"),
        ),
        (
            json!({ "OPENAI_API_BASE_URLS": [two, one], "OPENAI_API_CONFIGS": { "1": { "prefix_id": "a/b" } } }),
            json!("OPENAI_API_CONFIGS.1.prefix_id"),
        ),
    ] {
        let answer = refused(&admin, 400, body).await;
        assert_eq!(answer.json()["field"], field, "{}", answer.text());
        assert!(!answer.text().contains("at-the-wrong-place"), "{}", answer.text());
    }
}

async fn what_the_environment_says_is_listed_and_stays(stage: Stage) {
    let (ours, theirs) = (FakeProvider::start().await, FakeProvider::start().await);
    theirs.offers(&["their-model"]);
    let allowed = format!("{};{}", ours.base_url(), theirs.base_url());
    let stage = stage.provider(&ours).env("OPENAI_ALLOWED_API_BASE_URLS", &allowed);
    let app = stage.start().await;
    let admin = app.admin().await;
    let both = json!([theirs.base_url(), ours.base_url()]);
    let with = |keys: Value| json!({ "OPENAI_API_BASE_URLS": both, "OPENAI_API_KEYS": keys });

    // Its own key sent back is no change.
    let shown = update(&admin, with(json!([theirs.key(), ours.key()]))).await;
    assert_eq!(shown["OPENAI_API_BASE_URLS"], both);
    assert_eq!(shown["OPENAI_API_KEYS"][1]["has_value"], true);
    assert_eq!(shown["OPENAI_API_CONFIGS"]["1"]["source"], "environment");
    assert_eq!(shown["OPENAI_API_KEYS_METADATA"]["stored_entries"], 1);

    for body in [
        json!({ "OPENAI_API_BASE_URLS": [] }),
        json!({ "OPENAI_API_BASE_URLS": [theirs.base_url()], "OPENAI_API_KEYS": ["sk-a-new-key-0000"] }),
        with(json!([null, "sk-a-new-key-1111"])),
        with(json!(["sk-a-new-key-0000", ""])),
    ] {
        let answer = refused(&admin, 409, body).await;
        assert_eq!(answer.code(), "set_by_environment");
        assert!(answer.message().contains("environment") && !answer.text().contains("sk-a-new-key"));
    }
    assert_eq!(sent(&admin, MODEL, &ours).await, bearer(&ours));
    assert_eq!(sent(&admin, "their-model", &theirs).await, bearer(&theirs));

    let mut body = with(json!([]));
    body["OPENAI_API_CONFIGS"] = json!({ "1": { "enable": false } });
    update(&admin, body).await;
    admin.chat("Hi").await.expect(404);
}

async fn the_demo_provider_is_listed_and_stays(stage: Stage) {
    let app = stage.demo().start().await;
    let admin = app.admin().await;
    let before = config(&admin).await;
    let url = &before["OPENAI_API_BASE_URLS"][0];

    assert_eq!(update(&admin, before.clone()).await, before);
    for body in [
        json!({ "OPENAI_API_BASE_URLS": [] }),
        json!({ "OPENAI_API_BASE_URLS": [url], "OPENAI_API_KEYS": ["sk-a-new-key-0000"] }),
        json!({ "OPENAI_API_BASE_URLS": [url], "OPENAI_API_CONFIGS": { "0": { "prefix_id": "x" } } }),
    ] {
        assert_eq!(refused(&admin, 409, body).await.code(), "set_by_environment");
    }
}

async fn the_switch_is_stored_unless_the_environment_sets_it(stage: Stage) {
    let mut app = stage.start().await;
    let admin = app.admin().await;
    let off = json!({ "ENABLE_OPENAI_API": false, "OPENAI_API_BASE_URLS": [] });

    assert_eq!(update(&admin, off.clone()).await["ENABLE_OPENAI_API"], false);
    app.restart().await;
    assert_eq!(config(&admin).await["ENABLE_OPENAI_API"], false);

    app.set_env("ENABLE_OPENAI_API", "true");
    app.restart().await;
    let answer = refused(&admin, 409, off).await;
    assert_eq!(
        (answer.code(), &answer.json()["field"]),
        ("set_by_environment".into(), &json!("ENABLE_OPENAI_API"))
    );
    update(&admin, json!({ "ENABLE_OPENAI_API": true, "OPENAI_API_BASE_URLS": [] })).await;
}

async fn a_provider_is_verified_before_anything_is_stored(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.env("OPENAI_ALLOWED_API_BASE_URLS", &provider.base_url()).start().await;
    let admin = app.admin().await;
    let body =
        json!({ "url": provider.base_url(), "key": provider.key(), "config": { "auth_type": "bearer" } });
    let verify = async || admin.post("/openai/verify", body.clone()).await;

    let good = verify().await.expect(200).json();
    assert_eq!((&good["object"], &good["data"][0]["id"]), (&json!("list"), &json!(MODEL)));
    assert_eq!(provider.last_listing().header("authorization"), Some(bearer(&provider).as_str()));
    admin.post("/openai/verify", json!({ "url": provider.base_url(), "key": "" })).await.expect(200);
    assert_eq!(provider.last_listing().header("authorization"), None);

    let words = format!("Incorrect API key provided: {}", provider.key());
    for (reply, status, code) in [
        (Reply::refuses(401, "invalid_api_key", &words), 400, "provider_auth_error"),
        (Reply::refuses(500, "oops", &words), 502, "provider_error"),
        (Reply::body(200, "text/html", "<html>Sign in</html>"), 502, "provider_bad_answer"),
    ] {
        provider.lists_as(reply);
        let bad = verify().await.expect(status);
        assert_eq!(bad.code(), code);
        assert!(!bad.text().contains(provider.key()) && bad.json()["detail"].is_string(), "{}", bad.text());
    }
    let foreign = admin.post("/openai/verify", json!({ "url": "https://example.com/v1" })).await.expect(400);
    let words = "OpenAI base URL 'https://example.com/v1' is not permitted on this deployment.";
    assert_eq!((foreign.message(), &foreign.json()["field"]), (words.to_owned(), &json!("url")));
    assert_eq!(config(&admin).await["OPENAI_API_BASE_URLS"], json!([]));
    app.stop_and_search_for(provider.key()).await;
}

async fn the_place_of_a_connection_names_the_models_it_serves(stage: Stage) {
    let (app, admin, [one, two]) = connected(stage).await;
    two.offers(&["model-1", "model-2", "0"]);
    update(&admin, json!({ "OPENAI_API_BASE_URLS": [one.base_url(), two.base_url()], "OPENAI_API_KEYS": [null, two.key()] })).await;
    let (bob, program) = (app.person("bob").await, app.key().models(&["model-2"]).create().await);
    let ids = |list: &Value| -> Vec<String> {
        let models = list["data"].as_array().unwrap().iter();
        models.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };

    let models = bob.get("/openai/models/1").await.expect(200).json();
    assert_eq!(
        (&models["object"], ids(&models)),
        (&json!("list"), vec!["model-1".into(), "model-2".into(), "0".into()])
    );
    assert_eq!(ids(&program.get("/openai/models/1").await.expect(200).json()), ["model-2"]);
    let model = bob.get("/openai/models/0").await.expect(200).json();
    assert_eq!((&model["object"], &model["id"]), (&json!("model"), &json!("0")));
    for missing in ["/openai/models/2", "/openai/models/-1", "/openai/models/x"] {
        bob.get(missing).await.expect(404);
    }
    app.anonymous().get("/openai/models/1").await.expect(401);

    update(&admin, json!({ "OPENAI_API_BASE_URLS": [one.base_url()] })).await;
    assert_eq!(ids(&bob.get("/openai/models/0").await.expect(200).json()), ["model-0"]);
}

async fn nobody_but_administrators_uses_the_configuration(stage: Stage) {
    let (app, admin, [provider]) = connected(stage).await;
    let (person, program) = (app.person("bob").await, app.key().create().await);
    let body = json!({ "OPENAI_API_BASE_URLS": [], "url": provider.base_url() });

    for caller in [&app.anonymous(), &*person, &*program, &app.master()] {
        for (method, path) in [("GET", "/openai/config"), ("POST", UPDATE), ("POST", "/openai/verify")] {
            caller.draft(method, path).json(&body).send().await.expect(401);
        }
    }
    assert_eq!(config(&admin).await["OPENAI_API_BASE_URLS"], json!([provider.base_url()]));
}
