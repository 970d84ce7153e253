//! What a browser is told with every answer, whatever the answer is, and what it may not do for other sites.

use serde_json::json;
use testkit::{Answer, FakeProvider, Stage, TestApp, spec, spec_sqlite};

spec! {
    an_error_of_the_database_shows_nothing_of_it;
    another_sites_page_cannot_spend_a_persons_session_on_a_model;
}

spec_sqlite! {
    every_kind_of_answer_carries_the_headers;
    the_policy_lets_nothing_run_but_our_own_files;
    below_an_api_prefix_an_unknown_path_is_404_in_its_dialect_and_never_the_page;
    everything_else_is_the_page_which_routes_in_the_browser;
    a_wrong_method_is_405_in_the_dialect_of_the_path;
    no_other_origin_is_let_in_not_even_by_a_preflight;
    reading_changes_nothing;
    an_answer_names_no_software;
}

const ALWAYS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("x-permitted-cross-domain-policies", "none"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

fn assert_is_guarded(what: &str, answer: &Answer) {
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none';"), "{what}: {policy}");
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() > 10), "{what}");
    assert!(answer.header("cache-control").is_some(), "{what}");
}

async fn every_kind_of_answer_carries_the_headers(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).env("WARDROOM_MAX_BODY_SIZE", "4KiB").start().await;
    let (ada, stranger, master) = (app.admin().await, app.anonymous(), app.master());
    let bob = app.person("bob").await;
    let page = stranger.get("/").await.expect(200);
    let answers = [
        ("page", 200, page.clone()),
        ("page below", 200, stranger.get("/c/some-chat").await),
        ("missing file", 404, stranger.get("/a/missing-0123.js").await),
        ("health", 200, stranger.get("/health").await),
        ("json", 200, ada.get("/api/v1/auths/").await),
        ("signed out", 401, stranger.get("/api/v1/auths/").await),
        ("no key", 401, stranger.chat("Hi").await),
        ("not permitted", 401, bob.get("/api/v1/users/").await),
        (
            "other site",
            403,
            ada.browser()
                .with("origin", "https://evil.example")
                .post("/api/v1/auths/signout", json!({}))
                .await,
        ),
        ("unknown path", 404, stranger.get("/api/nothing").await),
        ("unknown model", 404, master.ask("nobodys", "Hi").await),
        ("wrong method", 405, stranger.delete("/api/config").await),
        ("bad body", 400, master.draft("POST", "/v1/chat/completions").body("{").send().await),
        ("too large", 413, master.draft("POST", "/v1/chat/completions").body("x".repeat(5000)).send().await),
        ("answer", 200, master.chat("Hi").await),
        ("stream", 200, master.stream("Hi").await.answer().await),
        (
            "preflight",
            403,
            stranger
                .draft("OPTIONS", "/v1/chat/completions")
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "POST")
                .send()
                .await,
        ),
        ("foreign host", 421, stranger.draft("GET", "/").header("host", "evil.example").send().await),
        ("no host", 400, stranger.draft("GET", "/api/config").header("host", "a b").send().await),
    ];
    for (what, status, answer) in answers {
        if what != "other site" && what != "not permitted" {
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
        }
        assert_is_guarded(what, &answer);
    }
    if let Some(tag) = page.header("etag") {
        let unchanged = stranger.draft("GET", "/").header("if-none-match", tag).send().await.expect(304);
        assert_is_guarded("unchanged page", &unchanged);
    }
}

async fn the_policy_lets_nothing_run_but_our_own_files(app: TestApp) {
    let page = app.anonymous().get("/").await.expect(200);
    let policy = page.header("content-security-policy").unwrap().to_owned();
    let directive = |name: &str| {
        let found = policy.split(';').map(str::trim).find_map(|it| it.strip_prefix(name));
        found.map(|rest| rest.trim().to_owned())
    };
    assert_eq!(directive("default-src").as_deref(), Some("'none'"));
    assert_eq!(directive("script-src").as_deref(), Some("'self'"));
    assert_eq!(directive("style-src").as_deref(), Some("'self'"));
    assert_eq!(directive("connect-src").as_deref(), Some("'self'"));
    assert_eq!(directive("base-uri").as_deref(), Some("'none'"));
    assert_eq!(directive("frame-ancestors").as_deref(), Some("'none'"));
    assert_eq!(directive("form-action").as_deref(), Some("'self'"));
    assert_eq!(directive("object-src").as_deref(), Some("'none'"));
    assert_eq!(directive("require-trusted-types-for").as_deref(), Some("'script'"));
    for word in ["unsafe-inline", "unsafe-eval", "http:", "https:", "data:", "*"] {
        assert!(!policy.contains(word), "{word} in {policy}");
    }
    // What the policy forbids must not be in the page, or the page would not work.
    let text = page.text();
    assert!(
        !text.contains("<script>") && !text.contains("javascript:") && !text.contains(" onload="),
        "{text}"
    );
}

async fn below_an_api_prefix_an_unknown_path_is_404_in_its_dialect_and_never_the_page(app: TestApp) {
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/v1/nothing",
        "/api/v1/chats/x/y/z",
        "/health/nothing",
        "/ws/x",
    ] {
        let missing = app.anonymous().get(path).await.expect(404);
        assert!(missing.json()["detail"].is_string(), "{path}: {}", missing.text());
    }
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/chat/nothing",
        "/key/nothing",
        "/team/new",
        "/spend/nothing",
        "/engines/x/y",
    ] {
        let missing = app.anonymous().get(path).await.expect(404);
        assert!(missing.json()["error"]["message"].is_string(), "{path}: {}", missing.text());
    }
    for path in ["/api/nothing", "/v1/nothing"] {
        app.anonymous().post(path, json!({})).await.expect(404);
    }
    // What is below it may be the provider's, so it is asked first who wants to know.
    let stranger = app.anonymous().get("/openai/nothing").await.expect(401);
    assert!(stranger.json()["error"]["message"].is_string(), "{}", stranger.text());
}

async fn everything_else_is_the_page_which_routes_in_the_browser(app: TestApp) {
    for path in ["/", "/auth", "/c/0123", "/admin/connections", "/apidocs", "/v10"] {
        let page = app.anonymous().get(path).await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert_eq!(page.header("set-cookie"), None, "{path}");
    }
    app.anonymous().post("/c/0123", json!({})).await.expect(405);
}

async fn a_wrong_method_is_405_in_the_dialect_of_the_path(app: TestApp) {
    let workspace = app.anonymous().delete("/api/config").await.expect(405);
    assert_eq!(workspace.code(), "method_not_allowed");
    assert!(workspace.json()["detail"].is_string());
    let inference = app.anonymous().get("/v1/chat/completions").await.expect(405);
    assert!(inference.json()["error"]["message"].is_string());
}

async fn no_other_origin_is_let_in_not_even_by_a_preflight(app: TestApp) {
    let ada = app.admin().await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"] {
        for (method, path) in [
            ("OPTIONS", "/api/v1/auths/signin"),
            ("OPTIONS", "/v1/models"),
            ("GET", "/api/v1/auths/"),
            ("GET", "/"),
        ] {
            let asked = ada.browser().draft(method, path).header("origin", origin);
            let answer = asked.header("access-control-request-method", "POST").send().await;
            let allowed: Vec<_> =
                answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
            assert!(allowed.is_empty(), "{origin} {method} {path}: {allowed:?}");
        }
    }
}

async fn another_sites_page_cannot_spend_a_persons_session_on_a_model(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let browser = app.admin().await.browser();
    let foreign =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("sec-fetch-site", "nonsense")];
    let cookie = app.admin().await;
    for (name, value) in foreign {
        let caller = app.anonymous().with("cookie", &format!("token={}", cookie.token)).with(name, value);
        for path in ["/v1/chat/completions", "/api/chat/completions", "/openai/responses"] {
            let refused =
                caller.post(path, json!({ "model": testkit::MODEL, "messages": [], "input": "" })).await;
            assert_eq!(refused.expect(403).code(), "cross_origin", "{path}");
        }
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        &format!("{}.evil.example", app.origin()),
    ] {
        let caller =
            app.anonymous().with("cookie", &format!("token={}", cookie.token)).with("origin", origin);
        caller.chat("Hi").await.expect(403);
    }
    assert_eq!(provider.calls(), 0);
    browser.chat("Hi").await.expect(200);
    let own =
        app.anonymous().with("cookie", &format!("token={}", cookie.token)).with("origin", &app.origin());
    own.chat("Hi").await.expect(200);
}

async fn reading_changes_nothing(app: TestApp) {
    let ada = app.admin().await;
    ada.get("/api/v1/auths/").await.expect(200);
    let tables = app.sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    let state = || -> Vec<String> {
        tables
            .iter()
            // When somebody was last seen is written on the side, whatever they do; that an administrator read is
            // recorded.
            .filter(|table| table[0] != "account" && !table[0].starts_with("audit_"))
            .map(|table| format!("{table:?} {:?}", app.sql(&format!("SELECT * FROM {}", table[0]))))
            .collect()
    };
    let before = state();
    for path in [
        "/api/config",
        "/api/v1/users/",
        "/api/v1/chats/",
        "/api/models",
        "/v1/models",
        "/api/v1/auths/signout",
        "/api/v1/chats/new",
        "/",
    ] {
        for method in ["GET", "HEAD"] {
            ada.browser().with("sec-fetch-site", "cross-site").draft(method, path).send().await;
        }
    }
    assert_eq!(before, state());
}

async fn an_answer_names_no_software(app: TestApp) {
    for path in ["/", "/health", "/api/config", "/v1/models", "/nothing/at/all"] {
        let answer = app.anonymous().get(path).await;
        assert_eq!((answer.header("server"), answer.header("x-powered-by")), (None, None), "{path}");
    }
}

async fn an_error_of_the_database_shows_nothing_of_it(app: TestApp) {
    let ada = app.admin().await;
    ada.get("/api/v1/chats/").await.expect(200);
    app.sql("ALTER TABLE chat RENAME TO chat_gone");

    let broken = ada.get("/api/v1/chats/").await.expect(500);

    assert_is_guarded("broken", &broken);
    let text = broken.text().to_lowercase();
    for word in ["chat_gone", "sql", "table", "relation", "postgres", "column"] {
        assert!(!text.contains(word), "{text}");
    }
    app.anonymous().get("/health").await.expect(200);
}
