//! The response headers that an operator may choose: taken as they are, everywhere, or refused by name.

use testkit::{Answer, FakeProvider, Stage, TestApp, spec_sqlite};

spec_sqlite! {
    what_the_operator_chose_stands_on_every_kind_of_answer_once;
    over_https_the_browser_is_told_to_stay_there;
    frames_of_our_own_pages_are_allowed_by_both_headers;
    files_that_never_change_stay_cached_whatever_the_operator_says_of_the_rest;
    a_value_that_is_none_stops_the_start_by_its_name;
    a_sealed_server_carries_the_headers_and_checks_the_host;
}

/// Each variable with its header and value.
const CHOSEN: [(&str, &str, &str); 13] = [
    ("HSTS", "strict-transport-security", "max-age=31536000;includeSubDomains"),
    ("XFRAME_OPTIONS", "x-frame-options", "SAMEORIGIN"),
    ("XCONTENT_TYPE", "x-content-type-options", "nosniff"),
    ("REFERRER_POLICY", "referrer-policy", "strict-origin-when-cross-origin"),
    ("PERMISSIONS_POLICY", "permissions-policy", "camera=(),microphone=(),geolocation=()"),
    ("XDOWNLOAD_OPTIONS", "x-download-options", "noopen"),
    ("XPERMITTED_CROSS_DOMAIN_POLICIES", "x-permitted-cross-domain-policies", "master-only"),
    (
        "CONTENT_SECURITY_POLICY",
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'",
    ),
    (
        "CONTENT_SECURITY_POLICY_REPORT_ONLY",
        "content-security-policy-report-only",
        "default-src 'self'; report-uri /csp-report",
    ),
    ("CROSS_ORIGIN_EMBEDDER_POLICY", "cross-origin-embedder-policy", "require-corp"),
    ("CROSS_ORIGIN_OPENER_POLICY", "cross-origin-opener-policy", "same-origin-allow-popups"),
    ("CROSS_ORIGIN_RESOURCE_POLICY", "cross-origin-resource-policy", "same-site"),
    (
        "REPORTING_ENDPOINTS",
        "reporting-endpoints",
        "default=\"https://your-report-collector.example/reports\"",
    ),
];

#[track_caller]
fn assert_chosen(what: &str, answer: &Answer) {
    for (_, header, value) in CHOSEN {
        let found: Vec<_> = answer.headers.get_all(header).iter().collect();
        assert_eq!(found, [value], "{what}: {header}");
    }
}

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy").unwrap_or_default()
}

async fn what_the_operator_chose_stands_on_every_kind_of_answer_once(stage: Stage) {
    let provider = FakeProvider::start().await;
    let stage = CHOSEN.iter().fold(stage, |stage, (name, _, value)| stage.env(name, value));
    let stage = stage.env("CACHE_CONTROL", "no-store, max-age=0");
    let app = stage.provider(&provider).env("CORS_ALLOW_ORIGIN", "https://friend.example").start().await;
    let stranger = app.anonymous();
    let preflight = stranger.draft("OPTIONS", "/v1/models").header("access-control-request-method", "GET");
    let answers = [
        ("page", 200, stranger.get("/").await),
        ("json", 200, stranger.get("/api/config").await),
        ("stream", 200, app.master().stream("Hi").await.answer().await),
        ("signed out", 401, stranger.get("/api/v1/auths/").await),
        ("unknown path", 404, stranger.get("/api/nothing").await),
        ("missing file", 404, stranger.get("/a/nothing.js").await),
        ("wrong method", 405, stranger.delete("/api/config").await),
        ("foreign host", 421, stranger.draft("GET", "/").header("host", "evil.example").send().await),
        ("preflight", 204, preflight.clone().header("origin", "https://friend.example").send().await),
        ("refused preflight", 403, preflight.header("origin", "https://evil.example").send().await),
    ];
    for (what, status, answer) in answers {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_chosen(what, &answer);
    }
    let config = stranger.get("/api/config").await;
    assert_eq!(config.header("cache-control"), Some("no-store, max-age=0"));
}

async fn over_https_the_browser_is_told_to_stay_there(mut app: TestApp) {
    const NAME: &str = "strict-transport-security";
    let plain = app.anonymous().get("/api/config").await;
    assert_eq!(plain.header(NAME), None);
    let forwarded = app.anonymous().with("x-forwarded-proto", "https").get("/api/nothing").await.expect(404);
    assert_eq!(forwarded.header(NAME), Some("max-age=31536000"));
    app.set_env("FORWARDED_ALLOW_IPS", "192.0.2.1");
    app.restart().await;
    let claimed = app.anonymous().with("x-forwarded-proto", "https").get("/api/config").await;
    assert_eq!(claimed.header(NAME), None, "anybody can claim it");
    app.set_env("WEBUI_URL", "https://chat.example.com");
    app.restart().await;
    assert_eq!(app.anonymous().get("/").await.header(NAME), Some("max-age=31536000"));
}

async fn frames_of_our_own_pages_are_allowed_by_both_headers(mut app: TestApp) {
    let strict = app.anonymous().get("/").await;
    assert!(policy(&strict).contains("frame-ancestors 'none'"), "{}", policy(&strict));
    app.set_env("XFRAME_OPTIONS", "sameorigin");
    app.restart().await;
    let own = app.anonymous().get("/").await;
    assert_eq!(own.header("x-frame-options"), Some("SAMEORIGIN"));
    assert!(policy(&own).contains("frame-ancestors 'self'"), "{}", policy(&own));
    assert_eq!(policy(&own).replace("ancestors 'self'", "ancestors 'none'"), policy(&strict));
}

async fn files_that_never_change_stay_cached_whatever_the_operator_says_of_the_rest(stage: Stage) {
    let app = stage.env("CACHE_CONTROL", "no-store").start().await;
    let page = app.anonymous().get("/").await.text();
    // A binary without the UI has no such file; the page then says so.
    let Some(file) = page.split('"').find(|part| part.starts_with("/a/")) else {
        assert!(page.contains("The web UI is not in this binary"), "{page}");
        return;
    };
    let file = app.anonymous().get(file).await.expect(200);
    assert!(file.header("cache-control").unwrap().contains("immutable"));
    assert!(file.header("content-security-policy").is_some());
}

async fn a_value_that_is_none_stops_the_start_by_its_name(stage: Stage) {
    let stage = stage
        .env("HSTS", "forever")
        .env("PERMISSIONS_POLICY", "none")
        .env("CONTENT_SECURITY_POLICY", "default-src 'self'\nSet-Cookie: a=b")
        .env("CORS_ALLOW_ORIGIN", "null")
        .env("WARDROOM_ALLOWED_HOSTS", "https://chat.example.com")
        // What a browser would silently take for something else is no value either.
        .env("CONTENT_SECURITY_POLICY_REPORT_ONLY", "default-src self")
        .env("REPORTING_ENDPOINTS", "default=\"http://reports.example/\"")
        .env("WEBUI_URL", "https://*.example.com")
        .env("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "Sec-Fetch-User");
    let said = stage.fails().stderr;
    for name in [
        "HSTS",
        "PERMISSIONS_POLICY",
        "CONTENT_SECURITY_POLICY",
        "CORS_ALLOW_ORIGIN",
        "WARDROOM_ALLOWED_HOSTS",
        "CONTENT_SECURITY_POLICY_REPORT_ONLY",
        "REPORTING_ENDPOINTS",
        "WEBUI_URL",
        "WEBUI_AUTH_TRUSTED_EMAIL_HEADER",
    ] {
        assert!(said.contains(&format!("{name} is ")), "{name} is not in: {said}");
    }
}

async fn a_sealed_server_carries_the_headers_and_checks_the_host(stage: Stage) {
    let mut app = stage.env("REFERRER_POLICY", "same-origin").start().await;
    app.stop().await;
    std::fs::remove_file(app.data_dir().join(".webui_secret_key")).unwrap();
    app.start_sealed().await;
    let sealed = app.anonymous().get("/api/config").await.expect(503);
    assert_eq!(sealed.header("referrer-policy"), Some("same-origin"));
    assert_eq!(sealed.header("x-frame-options"), Some("DENY"));
    app.anonymous().draft("GET", "/api/config").header("host", "evil.example").send().await.expect(421);
}
