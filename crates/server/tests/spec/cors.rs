//! Pages of other origins: which may ask, what they may read, and with whose session.

use serde_json::json;
use testkit::{Answer, FakeProvider, MODEL, Stage, TestApp, spec, spec_sqlite};

spec! {
    a_page_of_a_named_origin_acts_with_the_persons_session;
    with_a_star_everybody_may_ask_with_a_key_and_nobody_with_a_session;
}

spec_sqlite! {
    without_a_word_of_the_operator_no_answer_speaks_of_origins;
    a_preflight_gets_our_own_lists_and_never_an_echo;
    an_origin_that_only_looks_like_a_named_one_gets_nothing;
    errors_can_be_read_by_a_named_origin_too;
    a_page_that_hides_its_origin_is_foreign;
    a_foreign_page_cannot_even_read_with_the_cookie;
    the_schemes_of_apps_are_named_one_by_one;
}

const FRIEND: &str = "https://friend.example";
const EVIL: &str = "https://evil.example";
const WHO: &str = "/api/v1/auths/";

async fn named(stage: Stage) -> TestApp {
    stage.env("CORS_ALLOW_ORIGIN", &format!("{FRIEND} ; https://other.example:8443")).start().await
}

async fn preflight(app: &TestApp, origin: &str, path: &str) -> Answer {
    let asked = app.anonymous().draft("OPTIONS", path).header("origin", origin);
    let asked = asked.header("access-control-request-method", "PUT");
    asked.header("access-control-request-headers", "authorization, x-evil").send().await
}

/// The names of all headers that let somebody in.
fn grants(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

async fn a_page_of_a_named_origin_acts_with_the_persons_session(stage: Stage) {
    let app = named(stage).await;
    let ada = app.admin().await;
    let page = app.anonymous().with("cookie", &format!("token={}", ada.token)).with("origin", FRIEND);
    let page = page.with("sec-fetch-site", "cross-site");

    let made = page.post("/api/v1/chats/new", json!({ "chat": { "title": "From afar" } })).await;

    assert!(made.status < 300, "{}", made.text());
    assert_eq!(made.header("access-control-allow-origin"), Some(FRIEND));
    assert_eq!(made.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(made.headers.get_all("access-control-allow-origin").iter().count(), 1);
    page.get(WHO).await.expect(200);
    let evil = app.anonymous().with("cookie", &format!("token={}", ada.token)).with("origin", EVIL);
    let refused = evil.post("/api/v1/chats/new", json!({ "chat": { "title": "Forged" } })).await.expect(403);
    assert_eq!(refused.code(), "cross_origin");
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["1"]]);
}

async fn with_a_star_everybody_may_ask_with_a_key_and_nobody_with_a_session(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).env("CORS_ALLOW_ORIGIN", "*").start().await;
    let ada = app.admin().await;

    let asked = app.master().with("origin", EVIL).chat("Hi").await.expect(200);
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    assert_eq!(asked.header("access-control-allow-credentials"), None);
    let allowed = preflight(&app, EVIL, "/v1/chat/completions").await.expect(204);
    assert_eq!(allowed.header("access-control-allow-credentials"), None);

    let page = app.anonymous().with("cookie", &format!("token={}", ada.token)).with("origin", EVIL);
    assert_eq!(page.get(WHO).await.expect(403).code(), "cross_origin");
    page.chat("Hi").await.expect(403);
    page.post("/api/v1/auths/signout", json!({})).await.expect(403);
    assert_eq!(provider.calls(), 1);
    ada.get(WHO).await.expect(200);
}

async fn without_a_word_of_the_operator_no_answer_speaks_of_origins(app: TestApp) {
    let ada = app.admin().await;
    for origin in [EVIL, "null", "http://127.0.0.1:1", &app.origin()] {
        for path in [WHO, "/", "/v1/models", "/api/nothing"] {
            let answer = ada.with("origin", origin).get(path).await;
            assert!(grants(&answer).is_empty(), "{origin} {path}: {:?}", answer.headers);
        }
    }
    let refused = preflight(&app, EVIL, "/v1/models").await.expect(403);
    assert_eq!((refused.code().as_str(), grants(&refused).len()), ("origin_not_allowed", 0));
}

async fn a_preflight_gets_our_own_lists_and_never_an_echo(stage: Stage) {
    let app = named(stage).await;
    for path in ["/v1/chat/completions", "/api/v1/chats/new", "/api/nothing"] {
        let allowed = preflight(&app, FRIEND, path).await.expect(204);
        assert_eq!(allowed.header("access-control-allow-origin"), Some(FRIEND));
        assert_eq!(
            allowed.header("access-control-allow-methods"),
            Some("GET, HEAD, POST, PUT, PATCH, DELETE")
        );
        let headers = allowed.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("authorization") && headers.contains("x-stainless-lang"), "{headers}");
        assert!(!headers.contains("x-evil") && !headers.contains('*'), "{headers}");
        assert_eq!(allowed.header("access-control-max-age"), Some("600"));
        assert_eq!(allowed.header("vary"), Some("origin"));
        assert!(allowed.header("content-security-policy").is_some());
    }
}

async fn an_origin_that_only_looks_like_a_named_one_gets_nothing(stage: Stage) {
    let app = named(stage).await;
    for origin in [
        "https://friend.example.evil.example",
        "https://evilfriend.example",
        "http://friend.example",
        "https://friend.example:8443",
        "https://other.example",
        "https://FRIEND.example",
        "https://friend.example/",
        "friend.example",
        "null",
        "*",
    ] {
        let refused = preflight(&app, origin, "/v1/models").await.expect(403);
        assert!(grants(&refused).is_empty(), "{origin}: {:?}", refused.headers);
        let read = app.anonymous().with("origin", origin).get("/api/config").await.expect(200);
        assert!(grants(&read).is_empty(), "{origin}: {:?}", read.headers);
        assert_eq!(read.header("vary"), Some("origin"), "a cache must not give it to the other");
    }
    let twice = app.anonymous().with("origin", FRIEND).with("origin", EVIL).get("/api/config").await;
    assert!(grants(&twice).is_empty(), "{:?}", twice.headers);
}

async fn errors_can_be_read_by_a_named_origin_too(stage: Stage) {
    let app = named(stage).await;
    let page = app.anonymous().with("origin", FRIEND);
    for (path, status) in [(WHO, 401), ("/api/nothing", 404), ("/v1/models", 401)] {
        let answer = page.get(path).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(FRIEND), "{path}");
        assert!(answer.header("access-control-expose-headers").unwrap().contains("x-request-id"));
    }
    let foreign = page.draft("GET", "/api/config").header("host", "evil.example").send().await.expect(421);
    assert!(foreign.header("content-security-policy").is_some());
}

async fn a_page_that_hides_its_origin_is_foreign(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let ada = app.admin().await;
    let hidden = app.anonymous().with("cookie", &format!("token={}", ada.token)).with("origin", "null");
    for site in [None, Some("cross-site"), Some("same-site"), Some("nonsense")] {
        let page = site.map_or_else(|| hidden.clone(), |site| hidden.with("sec-fetch-site", site));
        page.chat("Hi").await.expect(403);
        page.get("/api/v1/chats/").await.expect(403);
    }
    let body = json!({ "model": MODEL, "messages": [] });
    let twice = app.anonymous().with("cookie", &format!("token={}", ada.token));
    let twice = twice.with("sec-fetch-site", "same-origin").with("sec-fetch-site", "cross-site");
    twice.post("/v1/chat/completions", body).await.expect(403);
    assert_eq!(provider.calls(), 0);
}

async fn a_foreign_page_cannot_even_read_with_the_cookie(app: TestApp) {
    let ada = app.admin().await;
    let cookie = app.anonymous().with("cookie", &format!("token={}", ada.token));
    for path in ["/api/v1/chats/", "/api/v1/users/", "/api/models"] {
        assert_eq!(cookie.with("origin", EVIL).get(path).await.expect(403).code(), "cross_origin");
        // A link on another site leads here without an origin.
        cookie.with("sec-fetch-site", "cross-site").get(path).await.expect(200);
        cookie.with("origin", &app.origin()).get(path).await.expect(200);
    }
}

async fn the_schemes_of_apps_are_named_one_by_one(stage: Stage) {
    let stage = stage.env("CORS_ALLOW_ORIGIN", "app://main");
    let said = stage.fails().stderr;
    assert!(said.contains("CORS_ALLOW_CUSTOM_SCHEME"), "{said}");
    let app = stage.env("CORS_ALLOW_CUSTOM_SCHEME", "app").start().await;
    let allowed = preflight(&app, "app://main", "/v1/models").await.expect(204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("app://main"));
    preflight(&app, "app://other", "/v1/models").await.expect(403);
}
