//! What programs send that is no request: a clear refusal, nothing that reaches the provider, a process that
//! lives on.

use serde_json::json;
use testkit::{FakeProvider, MASTER_KEY, MODEL, Stage, TestApp, exchange, spec, spec_sqlite};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

spec! {
    what_is_no_json_is_400_and_says_where;
    a_field_of_the_wrong_type_is_400_and_named;
    what_two_readers_could_read_differently_is_refused;
    fields_that_would_lead_the_request_elsewhere_are_refused;
    an_unknown_model_is_404_and_named;
    every_refused_body_leaves_a_row_in_the_ledger;
    the_workspace_refuses_bad_bodies_in_its_own_dialect;
}

spec_sqlite! {
    a_body_over_the_limit_is_413_whether_or_not_it_says_its_length;
    nesting_as_deep_as_the_body_is_long_costs_nothing;
    a_flood_of_headers_is_turned_away;
    requests_that_two_servers_could_cut_differently_are_refused;
    what_is_no_http_ends_the_connection_and_nothing_else;
    a_body_that_ends_too_early_is_not_waited_for;
    a_head_that_never_ends_is_not_waited_for;
    a_body_that_never_ends_is_not_waited_for;
    paths_that_climb_lead_nowhere;
}

const CHAT: &str = "/v1/chat/completions";

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    (stage.provider(&provider).start().await, provider)
}

async fn is_alive(app: &mut TestApp) {
    assert_eq!(app.ended(), None, "{}", app.log());
    app.master().chat("Hi").await.expect(200);
    assert!(!app.log().contains("panicked"), "{}", app.log());
}

async fn what_is_no_json_is_400_and_says_where(stage: Stage) {
    let (mut app, provider) = with_provider(stage).await;
    let cases: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"{\"model\":\"plain-model\",", "ends in the middle"),
        (b"{\"model\": \"plain-model\"\n \"n\": 1}", "line 2"),
        (b"{\"model\":\"plain-model\"} {}", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"\"plain-model\"", "must be a JSON object"),
        (b"{\"model\":\"plain-model\",\"x\":\"\xff\"}", "not valid UTF-8"),
        (b"{\"model\":\"plain-model\",\"x\":\"\\ud83d\"}", "surrogate"),
    ];
    for (body, words) in cases {
        let refused = app.master().draft("POST", CHAT).body(body).send().await.expect(400);
        assert!(refused.message().contains(words), "{words}: {}", refused.text());
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
    }
    assert_eq!(provider.calls(), 0);
    is_alive(&mut app).await;
}

async fn a_field_of_the_wrong_type_is_400_and_named(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let long = "m".repeat(257);
    let cases = [
        ("model", json!(5)),
        ("model", json!(null)),
        ("model", json!("")),
        ("model", json!(long)),
        ("model", json!("two\nlines")),
        ("stream", json!("yes")),
        ("stream", json!(1)),
        ("n", json!("3")),
        ("n", json!(0)),
        ("n", json!(-1)),
        ("n", json!(1.5)),
        ("n", json!(100_000)),
        ("max_tokens", json!("many")),
        ("max_completion_tokens", json!(-5)),
        ("stream_options", json!("usage")),
    ];
    for (field, value) in cases {
        let mut body = json!({ "model": MODEL, "messages": [] });
        body[field] = value;
        let refused = app.master().complete(body.clone()).await.expect(400);
        assert_eq!(refused.json()["error"]["param"], field, "{body}: {}", refused.text());
        assert!(refused.message().contains(field), "{}", refused.text());
    }
    let without = app.master().complete(json!({ "messages": [] })).await.expect(400);
    assert_eq!(
        (without.code().as_str(), &without.json()["error"]["param"]),
        ("missing_required_parameter", &json!("model"))
    );
    assert_eq!(provider.calls(), 0);
}

async fn what_two_readers_could_read_differently_is_refused(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.offers(&[MODEL, "dear-model"]);
    for body in [
        r#"{"model":"plain-model","model":"dear-model","messages":[]}"#,
        r#"{"model":"plain-model","Model":"dear-model","messages":[]}"#,
        r#"{"model":"plain-model","n":1,"N":100,"messages":[]}"#,
        r#"{"model":"plain-model","max_tokens":1,"max_tokens":100000,"messages":[]}"#,
        r#"{"model":"plain-model","mod\u0065l":"dear-model","messages":[]}"#,
    ] {
        app.master().draft("POST", CHAT).body(body).send().await.expect(400);
    }
    assert_eq!(provider.calls(), 0);
}

async fn fields_that_would_lead_the_request_elsewhere_are_refused(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let canary = FakeProvider::start().await;
    for field in ["api_base", "base_url", "api_key", "user_config", "model_list"] {
        let mut body = json!({ "model": MODEL, "messages": [] });
        body[field] = json!(canary.base_url());
        let refused = app.master().complete(body).await.expect(400);
        assert_eq!(refused.json()["error"]["param"], field);
    }
    assert_eq!((provider.calls(), canary.connections()), (0, 0));
}

async fn an_unknown_model_is_404_and_named(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    for model in ["nobodys", "plain-model ", "PLAIN-MODEL", "../plain-model", "plain-model\u{200b}"] {
        let refused = app.master().ask(model, "Hi").await.expect(404);
        assert_eq!(refused.code(), "model_not_found");
        assert_eq!(refused.json()["error"]["param"], "model");
    }
    assert_eq!(provider.calls(), 0);
}

async fn every_refused_body_leaves_a_row_in_the_ledger(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    app.master().draft("POST", CHAT).body("{").send().await.expect(400);
    app.master().complete(json!({ "model": MODEL, "n": 0 })).await.expect(400);
    app.master().ask("nobodys", "Hi").await.expect(404);

    let rows = app.usage(3).await;
    assert!(rows.iter().all(|row| row.status == "refused" && row.error.is_some()), "{rows:#?}");
    assert_eq!(rows.iter().map(|row| row.http_status).collect::<Vec<_>>(), [400, 400, 404]);
    assert!(rows.iter().all(|row| row.prompt_tokens == 0 && row.nanos.unwrap_or(0) == 0), "{rows:#?}");
}

async fn the_workspace_refuses_bad_bodies_in_its_own_dialect(stage: Stage) {
    let app = stage.start().await;
    let sign_up = "/api/v1/auths/signup";
    let stranger = app.anonymous();
    let refused =
        stranger.draft("POST", sign_up).header("content-type", "application/json").body("{").send().await;
    assert_eq!(refused.expect(400).code(), "invalid_body");
    let plain = stranger.draft("POST", sign_up).header("content-type", "text/plain").body("{}").send().await;
    assert_eq!(plain.expect(400).code(), "not_json");
    let wrong = stranger.post(sign_up, json!({ "name": 5, "email": "a@example.com", "password": "x" })).await;
    assert_eq!(wrong.expect(400).json()["field"], "name");
    let after =
        stranger.draft("POST", sign_up).header("content-type", "application/json").body("{} {}").send().await;
    after.expect(400);
}

async fn a_body_over_the_limit_is_413_whether_or_not_it_says_its_length(stage: Stage) {
    let (mut app, provider) = with_provider(stage.env("WARDROOM_MAX_BODY_SIZE", "4KiB")).await;
    let of_length = |length: usize| {
        let head = r#"{"model":"plain-model","messages":[],"x":""#;
        format!("{head}{}\"}}", "x".repeat(length - head.len() - 2))
    };
    app.master().draft("POST", CHAT).body(of_length(4096)).send().await.expect(200);
    let refused = app.master().draft("POST", CHAT).body(of_length(4097)).send().await.expect(413);
    assert_eq!(refused.code(), "body_too_large");

    let body = of_length(5000);
    let chunked = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let answer = exchange(app.address(), chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(provider.calls(), 1);

    // A length that nobody could send is refused before it is waited for.
    let boast = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\ncontent-length: 99999999999\r\n\r\n"
    );
    let answer = exchange(app.address(), boast.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    is_alive(&mut app).await;
}

async fn nesting_as_deep_as_the_body_is_long_costs_nothing(stage: Stage) {
    let (mut app, provider) = with_provider(stage).await;
    let depth = 1_000_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let body = format!(
            "{{\"model\":\"plain-model\",\"messages\":[],\"x\":{}0{}}}",
            open.repeat(depth),
            close.repeat(depth)
        );
        let refused = app.master().draft("POST", CHAT).body(body).send().await.expect(400);
        assert!(refused.message().contains("nested deeper"), "{}", refused.text());
        let unclosed = format!("{{\"model\":\"plain-model\",\"x\":{}", open.repeat(depth));
        app.master().draft("POST", CHAT).body(unclosed.clone()).send().await.expect(400);
        let sign_up =
            app.anonymous().draft("POST", "/api/v1/auths/signup").header("content-type", "application/json");
        sign_up.body(unclosed).send().await.expect(400);
    }
    assert_eq!(provider.calls(), 0);
    is_alive(&mut app).await;
}

async fn a_flood_of_headers_is_turned_away(stage: Stage) {
    let (mut app, _provider) = with_provider(stage).await;
    let many = "x-flood: 1\r\n".repeat(500);
    let long = format!("x-flood: {}\r\n", "x".repeat(200_000));
    for headers in [many, long] {
        let request = format!("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n");
        let answer = exchange(app.address(), request.as_bytes()).await;
        // The connection may be reset before the refusal is read.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let address = format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "x".repeat(200_000));
    let answer = exchange(app.address(), address.as_bytes()).await;
    assert!(!answer.contains(" 200 "), "{answer}");
    is_alive(&mut app).await;
}

async fn requests_that_two_servers_could_cut_differently_are_refused(stage: Stage) {
    let (mut app, provider) = with_provider(stage).await;
    let inner = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\ncontent-length: 37\r\n\r\n{{\"model\":\"plain-model\",\"messages\":[]}}"
    );
    let outer = [
        format!("content-length: 5\r\ncontent-length: {}\r\n\r\n", inner.len()),
        "content-length: +5\r\n\r\n".to_owned(),
        "content-length: 5, 6\r\n\r\n".to_owned(),
        "content-length: -1\r\n\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n\r\n".to_owned(),
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        " folded: yes\r\n\r\n".to_owned(),
        "x: y\r\n\tfolded\r\n\r\n".to_owned(),
        "x\0y: z\r\n\r\n".to_owned(),
    ];
    for head in outer {
        let request = format!("POST /health HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}{inner}");
        let answer = exchange(app.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answer}");
    }
    assert_eq!(provider.calls(), 0);
    is_alive(&mut app).await;
}

async fn what_is_no_http_ends_the_connection_and_nothing_else(stage: Stage) {
    let (mut app, _provider) = with_provider(stage).await;
    let garbage: Vec<u8> = (0..4096_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let cases: [&[u8]; 7] = [
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 client hello of TLS",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"CONNECT internal:80 HTTP/1.1\r\nhost: internal\r\nconnection: close\r\n\r\n",
        &garbage,
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(app.address()).await.unwrap();
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
    }
    is_alive(&mut app).await;
}

async fn a_body_that_ends_too_early_is_not_waited_for(stage: Stage) {
    let (mut app, provider) = with_provider(stage).await;
    for framing in
        ["content-length: 500\r\n\r\n{\"model\":", "transfer-encoding: chunked\r\n\r\n1f4\r\n{\"model\":"]
    {
        let mut stream = TcpStream::connect(app.address()).await.unwrap();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\n{framing}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    is_alive(&mut app).await;
    assert_eq!(provider.calls(), 1);
}

async fn a_head_that_never_ends_is_not_waited_for(stage: Stage) {
    let app = stage.start().await;
    let beginnings = ["", "G", "PRI * HTTP/2.0\r\n", "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: "];
    // Each is kept until the server closes it; one that is not closed fails the test.
    let mut waiting = JoinSet::new();
    for text in beginnings {
        let address = app.address();
        waiting.spawn(async move { exchange(address, text.as_bytes()).await });
    }
    for answer in waiting.join_all().await {
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}

async fn a_body_that_never_ends_is_not_waited_for(stage: Stage) {
    let (app, provider) = with_provider(stage.env("WARDROOM_BODY_TIMEOUT", "1s")).await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\ncontent-length: 500\r\n\r\n{{\"mod"
    );
    let answer = exchange(app.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_incomplete"), "{answer}");
    assert_eq!(provider.calls(), 0);
}

async fn paths_that_climb_lead_nowhere(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    for path in [
        "/../../../../etc/passwd",
        "/a/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/a/..\\..\\etc\\passwd",
        "/a/%00/index.html",
        "//etc/passwd",
        "/.env",
        "/data/wardroom.db",
        "/.webui_secret_key",
        "http://elsewhere.example/etc/passwd",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        let answer = exchange(app.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("SQLite format"), "{path}: {answer}");
        let is_page_or_refusal = answer.contains("<!doctype html")
            || answer.contains("<!DOCTYPE html")
            || answer.starts_with("HTTP/1.1 4");
        assert!(is_page_or_refusal, "{path}: {answer}");
    }
}
