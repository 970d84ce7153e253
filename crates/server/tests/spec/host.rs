//! Under which names the server answers: a page whose own name was made to resolve to it gets nothing.

use serde_json::json;
use testkit::{Answer, FakeProvider, MODEL, Stage, TestApp, exchange, spec, spec_sqlite};

spec! {
    a_page_that_made_its_name_resolve_here_does_not_become_the_first_administrator;
    a_foreign_name_gets_nothing_even_with_a_key;
}

spec_sqlite! {
    the_public_name_and_further_ones_are_answered_and_a_stored_one_counts_at_once;
    a_refusal_is_written_for_whoever_asked;
    a_request_that_names_no_host_or_two_is_400;
    health_is_told_under_every_name;
    a_forwarded_name_counts_from_a_trusted_proxy_only_and_must_be_ours;
    a_star_answers_to_everything_and_is_said_aloud;
}

/// GET for this host.
async fn under(app: &TestApp, host: &str, path: &str) -> Answer {
    app.anonymous().draft("GET", path).header("host", host).send().await
}

async fn a_page_that_made_its_name_resolve_here_does_not_become_the_first_administrator(app: TestApp) {
    let host = format!("rebound.example:{}", app.address().port());
    let form = json!({ "name": "Eve", "email": "eve@example.com", "password": "anchovy lamp post" });
    let page = app.anonymous().draft("POST", "/api/v1/auths/signup").header("host", &host);
    let page = page.header("origin", &format!("http://{host}")).header("sec-fetch-site", "same-origin");

    let refused = page.json(&form).send().await.expect(421);

    assert_eq!(refused.code(), "foreign_host");
    assert_eq!(refused.header("set-cookie"), None);
    assert_eq!(app.sql("SELECT COUNT(*) FROM account"), [["0"]]);
}

async fn a_foreign_name_gets_nothing_even_with_a_key(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }] });
    for path in ["/v1/chat/completions", "/api/chat/completions", "/key/generate"] {
        let draft = app.master().draft("POST", path).header("host", "evil.example").json(&body);
        draft.send().await.expect(421);
    }
    assert_eq!(provider.calls(), 0);
}

async fn the_public_name_and_further_ones_are_answered_and_a_stored_one_counts_at_once(stage: Stage) {
    let app = stage.env("WARDROOM_ALLOWED_HOSTS", "wardroom, *.lan.example").start().await;
    for host in ["wardroom:8080", "a.lan.example", "localhost", "LOCALHOST:1", "[::1]:8080", "10.1.2.3"] {
        under(&app, host, "/api/config").await.expect(200);
    }
    for host in ["lan.example", "chat.example.com", "wardroom.evil.example", "localhost.evil.example"] {
        under(&app, host, "/api/config").await.expect(421);
    }
    let url = json!({ "WEBUI_URL": "https://chat.example.com" });
    app.admin().await.patch("/api/v1/settings", url).await.expect(200);
    under(&app, "chat.example.com", "/api/config").await.expect(200);
    under(&app, "Chat.Example.com.:443", "/api/config").await.expect(200);
    under(&app, "example.com", "/api/config").await.expect(421);
}

async fn a_refusal_is_written_for_whoever_asked(app: TestApp) {
    let workspace = under(&app, "evil.example", "/api/v1/chats/").await.expect(421);
    assert!(workspace.json()["detail"].as_str().unwrap().contains("WEBUI_URL"));
    let program = under(&app, "evil.example", "/v1/models").await.expect(421);
    assert!(program.json()["error"]["message"].is_string());
    let page = under(&app, "evil.example", "/").await.expect(421);
    assert!(page.header("content-type").unwrap().starts_with("text/plain"));
    for answer in [workspace, program, page] {
        assert!(!answer.text().contains("evil"), "{}", answer.text());
    }
}

async fn a_request_that_names_no_host_or_two_is_400(app: TestApp) {
    let cases = [
        "GET /api/config HTTP/1.1\r\n",
        "GET /api/config HTTP/1.1\r\nHost:\r\n",
        "GET /api/config HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n",
        "GET /api/config HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET /api/config HTTP/1.1\r\nHost: user@localhost\r\n",
        "GET /api/config HTTP/1.1\r\nHost: localhost, evil.example\r\n",
        "GET /api/config HTTP/1.1\r\nHost: localhost:0\r\n",
        "GET /api/config HTTP/1.1\r\nHost: localhost:65536\r\n",
        "GET /api/config HTTP/1.1\r\nHost: [::1]:99999\r\n",
        "GET //evil.example/api/config HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET http://localhost/api/config HTTP/1.1\r\nHost: evil.example\r\n",
        "GET http://user@localhost/api/config HTTP/1.1\r\nHost: localhost\r\n",
    ];
    for case in cases {
        let answer = exchange(app.address(), format!("{case}Connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{case}: {answer}");
    }
    let absolute =
        b"GET http://localhost/api/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange(app.address(), absolute).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn health_is_told_under_every_name(app: TestApp) {
    for path in ["/health", "/health/liveness", "/health/readiness", "/ready"] {
        under(&app, "a-name-of-the-cluster", path).await.expect(200);
    }
    let old = exchange(app.address(), b"GET /health HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
    under(&app, "a-name-of-the-cluster", "/health/nothing").await.expect(421);
}

async fn a_forwarded_name_counts_from_a_trusted_proxy_only_and_must_be_ours(stage: Stage) {
    let asked = |app: &TestApp| {
        app.anonymous().draft("GET", "/api/config").header("x-forwarded-host", "evil.example")
    };
    let mut app = stage.start().await;
    asked(&app).send().await.expect(421);
    app.set_env("FORWARDED_ALLOW_IPS", "192.0.2.1");
    app.restart().await;
    asked(&app).send().await.expect(200);
}

async fn a_star_answers_to_everything_and_is_said_aloud(stage: Stage) {
    let app = stage.env("WARDROOM_ALLOWED_HOSTS", "*").start().await;
    under(&app, "anything.example", "/api/config").await.expect(200);
    assert!(app.log().contains("WARDROOM_ALLOWED_HOSTS is *"), "{}", app.log());
}
