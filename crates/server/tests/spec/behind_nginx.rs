//! Behind a real nginx, with the very configuration that docs/reverse-proxy.md tells operators to use.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Caller, FakeProvider, Gate, Nginx, Reply, Stage, TestApp, spec_sqlite};

spec_sqlite! {
    the_address_in_sessions_and_records_is_the_persons;
    what_the_client_claims_of_its_address_and_host_counts_for_nothing;
    the_cookie_is_for_https_alone_and_the_browser_is_told_to_stay_there;
    a_host_that_is_not_ours_gets_nothing_through_the_proxy_either;
    a_page_of_the_public_address_may_act_and_one_of_another_may_not;
    words_arrive_while_the_provider_is_still_thinking;
    a_body_up_to_the_limit_passes_and_a_larger_one_is_refused_in_our_words;
    the_person_is_found_behind_several_proxies;
    whoever_the_proxy_names_is_signed_in_and_recorded_with_their_address;
    what_the_client_claims_about_itself_never_signs_it_in;
    whoever_comes_around_the_proxy_is_nobody;
    a_session_ends_where_the_proxy_names_somebody_else;
    a_program_with_a_key_passes_the_proxys_sign_in;
}

const PAGE: &str = include_str!("../../../../docs/reverse-proxy.md");
const HOST: &str = "chat.example.org";
/// The address of the person, which is neither the proxy's nor the server's.
const PERSON: [u8; 4] = [127, 0, 9, 9];
const SIGN_IN: &str = "/api/v1/auths/signin";
const WHO: &str = "/api/v1/auths/";

/// The blocks of the page in this language: in front, further inside, and with a sign-in of the proxy's own.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// The text with what is only true in the example replaced. All of it must be there.
fn with(text: &str, replaced: &[(&str, &str)]) -> String {
    replaced.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "the documentation does not say {old}:\n{text}");
        text.replace(old, new)
    })
}

/// A stage with the settings of one of the page's lists.
fn told(stage: Stage, list: &str) -> Stage {
    let settings = list.lines().filter_map(|line| line.split(" #").next()?.trim().split_once('='));
    settings.fold(stage, |stage, (name, value)| stage.env(name, value))
}

/// A server with the settings that the page begins with.
async fn settled(stage: Stage) -> TestApp {
    told(stage, &blocks("sh")[0]).start().await
}

/// The nginx of the page's first example.
async fn nginx(app: &TestApp) -> Nginx {
    let site = &blocks("nginx")[0];
    Nginx::start(|address| {
        with(site, &[("listen 443", &format!("listen {address}")), ("http://127.0.0.1:8080", &app.origin())])
            .replace("/etc/ssl/", "")
    })
    .await
}

/// Somebody who opens the public address.
fn person(app: &TestApp, nginx: &Nginx) -> Caller {
    app.anonymous().at(PERSON).through(nginx).with("host", HOST)
}

async fn signs_up(caller: &Caller, name: &str) -> Answer {
    let email = format!("{}@example.com", name.to_lowercase());
    let form = json!({ "name": name, "email": email, "password": "anchovy lamp post" });
    caller.post("/api/v1/auths/signup", form).await.expect(200)
}

fn going_on(caller: &Caller, session: &Answer) -> Caller {
    caller.bearer(session.json()["token"].as_str().unwrap())
}

/// The address and the detail of the record of this kind, of which there must be one.
fn record(app: &TestApp, event: &str) -> (Value, Value) {
    let bodies = app.sql(&format!("SELECT body FROM audit_record WHERE event = '{event}' ORDER BY seq"));
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let body: Value = serde_json::from_str(&bodies[0][0]).unwrap();
    (body["request"]["address"].clone(), body)
}

async fn the_address_in_sessions_and_records_is_the_persons(stage: Stage) {
    let app = settled(stage).await;
    let nginx = nginx(&app).await;
    let person = person(&app, &nginx);
    let session = signs_up(&person, "Ada").await;
    let sessions = going_on(&person, &session).get("/api/v1/auths/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["address"], "127.0.9.9", "{sessions}");
    assert_eq!(record(&app, "account.signed_up").0, "127.0.9.9");
}

async fn what_the_client_claims_of_its_address_and_host_counts_for_nothing(stage: Stage) {
    let app = settled(stage).await;
    let nginx = nginx(&app).await;
    let liar = person(&app, &nginx)
        .with("x-forwarded-for", "203.0.113.66")
        .with("x-forwarded-for", "203.0.113.67, 127.0.0.1")
        .with("x-real-ip", "203.0.113.68")
        .with("forwarded", "for=203.0.113.69;host=evil.example;proto=http")
        .with("x-forwarded-host", "evil.example")
        .with("x-forwarded-proto", "http");
    let session = signs_up(&liar, "Eve").await;
    assert!(session.header("set-cookie").unwrap().contains("; Secure"));
    let sessions = going_on(&liar, &session).get("/api/v1/auths/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["address"], "127.0.9.9", "{sessions}");
    assert!(!app.log().contains("203.0.113."), "{}", app.log());
}

async fn the_cookie_is_for_https_alone_and_the_browser_is_told_to_stay_there(stage: Stage) {
    let list = with(
        &blocks("sh")[0],
        &[("WEBUI_URL=https://chat.example.org", "WARDROOM_ALLOWED_HOSTS=chat.example.org")],
    );
    let list = with(&list, &[("WARDROOM_ALLOWED_HOSTS=  ", "IGNORED=")]).replace("IGNORED=", "#");
    // Without the public address, the proxy's word alone says that it is HTTPS.
    let app = told(stage, &list).start().await;
    let nginx = nginx(&app).await;
    let session = signs_up(&person(&app, &nginx), "Ada").await;
    let cookie = session.header("set-cookie").unwrap();
    assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
    assert_eq!(session.header("strict-transport-security"), Some("max-age=31536000"));
    let direct = app.anonymous().at(PERSON).with("x-forwarded-proto", "https").get("/api/config").await;
    assert_eq!(direct.header("strict-transport-security"), None, "anybody can claim it");
}

async fn a_host_that_is_not_ours_gets_nothing_through_the_proxy_either(stage: Stage) {
    let app = settled(stage).await;
    let nginx = nginx(&app).await;
    let asked = app.anonymous().at(PERSON).through(&nginx);
    let foreign = asked.with("host", "evil.example").get("/api/config").await.expect(421);
    assert_eq!(foreign.code(), "foreign_host");
    asked.with("host", "CHAT.example.org:8443").get("/api/config").await.expect(200);
}

async fn a_page_of_the_public_address_may_act_and_one_of_another_may_not(stage: Stage) {
    let app = settled(stage).await;
    let nginx = nginx(&app).await;
    let person = person(&app, &nginx);
    let session = signs_up(&person, "Ada").await.json();
    let cookie = person.with("cookie", &format!("token={}", session["token"].as_str().unwrap()));
    let chat = json!({ "chat": { "title": "Hello" } });
    let page = cookie.with("origin", "https://chat.example.org");
    page.with("sec-fetch-site", "same-origin").post("/api/v1/chats/new", chat.clone()).await.expect(200);
    page.post("/api/v1/chats/new", chat.clone()).await.expect(200);
    for origin in
        ["https://evil.example", "http://chat.example.org", "https://chat.example.org.evil.example", "null"]
    {
        let refused = cookie.with("origin", origin).post("/api/v1/chats/new", chat.clone()).await.expect(403);
        assert_eq!(refused.code(), "cross_origin", "{origin}");
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["2"]]);
}

async fn words_arrive_while_the_provider_is_still_thinking(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = settled(stage.provider(&provider)).await;
    let nginx = nginx(&app).await;
    let gate = Gate::closed();
    provider.answers(Reply::says("one two three").gated(&gate));
    gate.lets(1);
    let mut stream = app.master().through(&nginx).with("host", HOST).stream("Count").await;
    assert_eq!(stream.next_event().await.unwrap().delta(), "one ");
    assert!(stream.is_silent_for(Duration::from_millis(150)).await);
    gate.lets(1);
    assert_eq!(stream.next_event().await.unwrap().delta(), "two ");
    gate.open();
    assert!(stream.events().await.last().unwrap().is_done());
    // A client that goes away is gone for the server too, so that nobody pays for a closed window.
    provider.answers(Reply::says("one two three").gated(&Gate::closed()));
    let stream = app.master().through(&nginx).with("host", HOST).draft("POST", "/v1/chat/completions");
    let body = json!({ "model": testkit::MODEL, "stream": true, "messages": [] });
    let waiting = tokio::time::timeout(Duration::from_millis(500), stream.json(&body).open());
    drop(waiting.await);
    provider.hung_up().await;
}

async fn a_body_up_to_the_limit_passes_and_a_larger_one_is_refused_in_our_words(stage: Stage) {
    const LIMIT: usize = 32 * 1024 * 1024;
    let provider = FakeProvider::start().await;
    let app = settled(stage.provider(&provider)).await;
    let nginx = nginx(&app).await;
    let master = app.master().through(&nginx).with("host", HOST);
    let send = async |master: &Caller, size: usize| {
        let head = format!(r#"{{"model":"{}","messages":[{{"role":"user","content":""#, testkit::MODEL);
        let body = format!("{head}{}\"}}]}}", "x".repeat(size - head.len() - 4));
        assert_eq!(body.len(), size);
        master
            .draft("POST", "/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
    };
    send(&master, LIMIT).await.expect(200);
    assert_eq!(provider.last().body.len() / 1024, LIMIT / 1024);
    let refused = send(&master, LIMIT + 1).await;
    assert_eq!(refused.status, 413, "{}", nginx.said());
    assert_eq!(refused.code(), "body_too_large");
    // Whoever is refused before the body was even looked at reads why, too.
    let stranger = send(&master.bearer("sk-nonsense"), LIMIT).await;
    assert_eq!(stranger.status, 401, "{}", nginx.said());
    assert_eq!(provider.calls(), 1);
    master.post("/v1/chat/completions", json!({ "model": 1 })).await.expect(400);
    assert_eq!(master.get("/api/nothing").await.expect(404).code(), "not_found");
}

async fn the_person_is_found_behind_several_proxies(stage: Stage) {
    let app =
        told(stage, &blocks("sh")[0]).env("FORWARDED_ALLOW_IPS", "127.0.7.0/24, 127.0.8.1").start().await;
    // Each proxy asks from an address of its own.
    let from = |address: &str| format!("listen_here;\n    proxy_bind {address};");
    let inner = Nginx::start(|address| {
        let listen = from("127.0.8.1").replace("listen_here", &format!("listen {address}"));
        with(&blocks("nginx")[1], &[("listen 80;", &listen), ("http://127.0.0.1:8080", &app.origin())])
    })
    .await;
    let outer = Nginx::start(|address| {
        let listen = from("127.0.7.3").replace("listen_here", &format!("listen {address} ssl"));
        with(&blocks("nginx")[0], &[("listen 443 ssl;", &listen), ("http://127.0.0.1:8080", &inner.origin())])
            .replace("/etc/ssl/", "")
    })
    .await;
    let liar = person(&app, &outer).with("x-forwarded-for", "203.0.113.66, 127.0.7.9");
    let session = signs_up(&liar, "Ada").await;
    assert!(session.header("set-cookie").unwrap().contains("; Secure"));
    assert_eq!(record(&app, "account.signed_up").0, "127.0.9.9");
    // Whoever reaches the inner one around the outer one is seen where they are, whatever they say.
    let around = app.anonymous().at(PERSON).through(&inner).with("host", HOST);
    let around = around.with("x-forwarded-for", "203.0.113.66");
    let form = json!({ "email": "nobody@example.com", "password": "whatever it is" });
    around.post(SIGN_IN, form).await.expect(400);
    assert_eq!(record(&app, "session.refused").0, "127.0.9.9");
}

/// What stands behind `/oauth2/auth`: whoever has the cookie `proxy_session` is the person that it names.
async fn sign_in_of_the_proxy() -> Nginx {
    Nginx::start(|address| {
        format!(
            "server {{ listen {address}; location / {{ return 200 'sign in here'; }} location = /oauth2/auth {{
                if ($cookie_proxy_session = '') {{ return 401; }}
                add_header X-Auth-Request-Email $cookie_proxy_session always; return 202; }} }}"
        )
    })
    .await
}

/// A server with the settings of the page for sign-in by the proxy, behind the nginx of that example.
async fn vouched(stage: Stage) -> (TestApp, Nginx, Nginx) {
    let lists = blocks("sh");
    let headers = with(&lists[1], &[("172.18.0.5", "127.0.0.1")]);
    let app = told(told(stage, &lists[0]), &headers).env("ENABLE_API_KEYS", "true").start().await;
    let gatekeeper = sign_in_of_the_proxy().await;
    let nginx = Nginx::start(|address| {
        let replaced = [
            ("listen 443", format!("listen {address}")),
            ("http://127.0.0.1:8080", app.origin()),
            ("http://127.0.0.1:4180", gatekeeper.origin()),
        ];
        let replaced: Vec<_> = replaced.iter().map(|(old, new)| (*old, new.as_str())).collect();
        with(&blocks("nginx")[2], &replaced).replace("/etc/ssl/", "")
    })
    .await;
    (app, nginx, gatekeeper)
}

async fn signs_in(caller: &Caller) -> Answer {
    caller.draft("POST", SIGN_IN).send().await
}

async fn whoever_the_proxy_names_is_signed_in_and_recorded_with_their_address(stage: Stage) {
    let (app, nginx, _gatekeeper) = vouched(stage).await;
    let person = person(&app, &nginx);
    let stranger = signs_in(&person).await.expect(403);
    assert_eq!(stranger.text(), "sign in here");
    let ada = person.with("cookie", "proxy_session=ada@example.com");
    let session = signs_in(&ada).await.expect(200);
    assert_eq!(session.json()["email"], "ada@example.com");
    assert!(session.header("set-cookie").unwrap().contains("; Secure"));
    going_on(&ada, &session).get(WHO).await.expect(200);
    signs_in(&ada).await.expect(200);
    for event in ["account.signed_up", "session.started"] {
        let (address, record) = record(&app, event);
        assert_eq!(address, "127.0.9.9");
        assert_eq!(record["detail"]["method"], "trusted_header", "{record}");
        assert_eq!(record["detail"]["vouched_by"], "127.0.0.1", "{record}");
    }
}

async fn what_the_client_claims_about_itself_never_signs_it_in(stage: Stage) {
    let (app, nginx, _gatekeeper) = vouched(stage).await;
    let person = person(&app, &nginx);
    signs_in(&person.with("cookie", "proxy_session=ada@example.com")).await.expect(200);
    let bob = person.with("cookie", "proxy_session=bob@example.com");
    let claims = [
        ("x-forwarded-email", "ada@example.com"),
        ("X-FORWARDED-EMAIL", "ada@example.com"),
        ("x_forwarded_email", "ada@example.com"),
        ("x-forwarded_email", "ada@example.com"),
        ("x-auth-request-email", "ada@example.com"),
        ("x-forwarded-role", "admin"),
        ("x_forwarded_role", "admin"),
        ("x-forwarded-groups", "staff"),
        ("connection", "x-forwarded-email"),
    ];
    for (name, value) in claims {
        let answer = signs_in(&bob.with(name, value).with(name, value)).await.expect(200).json();
        assert_eq!(
            (&answer["email"], &answer["role"]),
            (&json!("bob@example.com"), &json!("user")),
            "{name}"
        );
        // Past the proxy's sign-in nobody is named, whatever is claimed there.
        let path = "/v1/../api/v1/auths/signin";
        let around = person.with(name, value).draft("POST", path).send().await;
        assert!(around.status >= 400 && around.header("set-cookie").is_none(), "{name}: {}", around.text());
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM account"), [["2"]]);
    // A second cookie of the proxy's is the proxy's to refuse; here it is one address or none.
    let both = person.with("cookie", "proxy_session=ada@example.com,bob@example.com");
    assert_eq!(signs_in(&both).await.expect(400).code(), "invalid_email");
}

async fn whoever_comes_around_the_proxy_is_nobody(stage: Stage) {
    let (app, nginx, _gatekeeper) = vouched(stage).await;
    let ada = person(&app, &nginx).with("cookie", "proxy_session=ada@example.com");
    let session = signs_in(&ada).await.expect(200);
    let direct = app.anonymous().at(PERSON).with("host", HOST).with("x-forwarded-email", "ada@example.com");
    assert_eq!(signs_in(&direct).await.expect(400).code(), "trusted_header_missing");
    direct.get(WHO).await.expect(401);
    // The header is gone before it is compared, so it neither helps nor harms a session.
    let other = app.anonymous().at(PERSON).with("x-forwarded-email", "bob@example.com");
    going_on(&other, &session).get(WHO).await.expect(200);
}

async fn a_session_ends_where_the_proxy_names_somebody_else(stage: Stage) {
    let (app, nginx, _gatekeeper) = vouched(stage).await;
    let person = person(&app, &nginx);
    let ada = person.with("cookie", "proxy_session=ada@example.com");
    let session = signs_in(&ada).await.expect(200);
    let token = session.json()["token"].as_str().unwrap().to_owned();
    let page = |who: &str| {
        let cookie = format!("proxy_session={who}; token={token}");
        person.with("cookie", &cookie).with("sec-fetch-site", "same-origin")
    };
    page("Ada@Example.com").get(WHO).await.expect(200);
    assert_eq!(page("bob@example.com").get(WHO).await.expect(401).code(), "session_over");
    let bob = signs_in(&page("bob@example.com")).await.expect(200);
    assert_eq!(bob.json()["email"], "bob@example.com");
}

async fn a_program_with_a_key_passes_the_proxys_sign_in(stage: Stage) {
    let provider = FakeProvider::start().await;
    let (app, nginx, _gatekeeper) = vouched(stage.provider(&provider)).await;
    let person = person(&app, &nginx);
    let ada = person.with("cookie", "proxy_session=ada@example.com");
    let session = signs_in(&ada).await.expect(200);
    let made =
        going_on(&ada, &session).post("/api/v1/auths/api_keys", json!({ "name": "cron" })).await.expect(201);
    let key = made.json()["api_key"].as_str().unwrap().to_owned();
    person.bearer(&key).chat("Hi").await.expect(200);
    // Also where the proxy says that somebody else sits there: a key stands for its owner alone.
    let bob = person.with("cookie", "proxy_session=bob@example.com").bearer(&key);
    assert!(bob.get("/api/models").await.expect(200).json()["data"].is_array());
    app.master().through(&nginx).with("host", HOST).chat("Hi").await.expect(200);
    person.bearer("sk-nonsense").chat("Hi").await.expect(401);
    assert_eq!(provider.calls(), 2);
}
