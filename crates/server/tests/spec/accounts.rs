//! Accounts and sign-ins: who gets in, as what, for how long, and what a session token is worth.

use serde_json::{Value, json};
use testkit::{Answer, Caller, Person, Stage, TestApp, eventually, spec};
use tokio::task::JoinSet;

spec! {
    of_fifty_people_who_sign_up_first_one_administrates_and_the_others_find_the_door_closed;
    where_the_operator_keeps_sign_up_open_fifty_people_make_one_administrator;
    an_operator_opens_sign_up_again_while_the_server_runs;
    what_is_wrong_with_a_sign_up_is_said_with_the_name_of_the_field;
    every_route_that_is_not_for_everybody_turns_strangers_away;
    a_person_who_waits_gets_nowhere_but_to_the_own_account;
    a_person_without_the_role_gets_nowhere_where_administrators_do;
    a_higher_role_counts_from_the_next_request_on_and_a_lower_one_signs_out;
    the_last_administrator_cannot_be_demoted_even_by_two_at_once;
    accounts_are_found_by_a_part_of_the_name_thirty_a_page;
    sign_out_ends_the_session_at_once_for_cookie_and_bearer_and_no_other;
    sign_out_without_a_living_session_clears_the_cookie;
    a_session_lives_through_a_restart_and_ends_by_the_clock;
    a_token_that_was_tampered_with_is_401_wherever_it_is_presented;
    a_wrong_password_and_an_unknown_account_are_answered_alike_to_the_byte;
    guessing_ends_after_fifteen_failures_and_forged_headers_do_not_help;
    the_owner_in_another_network_is_not_locked_out_by_a_guesser;
    another_site_cannot_use_the_cookie_to_change_anything;
    the_cookie_is_out_of_reach_of_scripts_and_secure_over_https;
    the_environments_administrator_is_made_once_and_never_reset;
    a_password_reset_on_the_command_line_ends_sessions_of_the_running_server;
    strangers_learn_neither_version_nor_providers_from_the_configuration;
    neither_addresses_nor_passwords_nor_tokens_stand_in_the_log;
}

const GOOD: &str = "anchovy lamp post";
const SIGN_UP: &str = "/api/v1/auths/signup";
const SIGN_IN: &str = "/api/v1/auths/signin";
const SIGN_OUT: &str = "/api/v1/auths/signout";
const WHO: &str = "/api/v1/auths/";
const USERS: &str = "/api/v1/users/";

fn account(name: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.com"), "password": GOOD })
}

fn credentials(name: &str, password: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": password })
}

/// Somebody without a credential, to be given one or another mark.
fn stranger(app: &TestApp) -> Caller {
    Caller::clone(&app.anonymous())
}

fn role(answer: &Answer) -> String {
    answer.json()["role"].as_str().unwrap_or_default().to_owned()
}

/// Fifty people who found the address at the same moment.
async fn fifty_sign_ups(app: &TestApp) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for n in 0..50 {
        let stranger = app.anonymous();
        running.spawn(async move { stranger.post(SIGN_UP, account(&format!("p{n}"))).await });
    }
    running.join_all().await
}

async fn of_fifty_people_who_sign_up_first_one_administrates_and_the_others_find_the_door_closed(
    stage: Stage,
) {
    let app = stage.without("ENABLE_SIGNUP").start().await;
    let before = app.anonymous().get("/api/config").await.expect(200).json();
    assert_eq!((&before["onboarding"], &before["features"]["enable_signup"]), (&json!(true), &json!(true)));

    let answers = fifty_sign_ups(&app).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.iter().map(role).collect::<Vec<_>>(), ["admin"]);
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (403, "signup_closed"));
    }
    let after = app.anonymous().get("/api/config").await.expect(200).json();
    assert_eq!((&after["onboarding"], &after["features"]["enable_signup"]), (&json!(false), &json!(false)));
}

async fn where_the_operator_keeps_sign_up_open_fifty_people_make_one_administrator(stage: Stage) {
    let app = stage.env("DEFAULT_USER_ROLE", "pending").start().await;
    let mut roles: Vec<_> = fifty_sign_ups(&app).await.iter().map(role).collect();
    roles.sort();
    assert_eq!((roles[0].as_str(), roles[1].as_str(), roles[49].as_str()), ("admin", "pending", "pending"));
}

async fn an_operator_opens_sign_up_again_while_the_server_runs(stage: Stage) {
    let app = stage.without("ENABLE_SIGNUP").start().await;
    app.anonymous().post(SIGN_UP, account("ada")).await.expect(200);
    app.anonymous().post(SIGN_UP, account("bob")).await.expect(403);
    app.run(&["settings", "set", "ENABLE_SIGNUP", "true"]).expect_success();
    eventually("the door opens", || async {
        let answer = app.anonymous().post(SIGN_UP, account("bob")).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

async fn what_is_wrong_with_a_sign_up_is_said_with_the_name_of_the_field(app: TestApp) {
    app.admin().await;
    let with = |field: &str, value: Value| {
        let mut body = account("bob");
        body[field] = value;
        body
    };
    for (body, code, field) in [
        (with("email", json!("not an address")), "invalid_email", "email"),
        (with("email", json!("ada.admin@EXAMPLE.com ")), "email_taken", "email"),
        (with("name", json!(" \n")), "invalid_name", "name"),
        (with("password", json!("short")), "weak_password", "password"),
        (with("password", json!("Password123")), "weak_password", "password"),
        (with("password", json!("x".repeat(1025))), "weak_password", "password"),
        (
            with("profile_image_url", json!("https://tracker.example/who.png")),
            "invalid_picture",
            "profile_image_url",
        ),
        (with("password", json!(12_345_678)), "invalid_body", "password"),
    ] {
        let refused = app.anonymous().post(SIGN_UP, body).await.expect(400);
        assert_eq!((refused.code().as_str(), &refused.json()["field"]), (code, &json!(field)));
        assert!(!refused.message().is_empty());
    }
    app.anonymous().post(SIGN_UP, account("bob")).await.expect(200);
}

/// The routes that the binary itself says it has, and for whom, with something in place of each parameter.
fn routes(app: &TestApp) -> Vec<(String, String, String)> {
    let page = app.run(&["routes"]).expect_success().stdout;
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let routes: Vec<_> = rows
        .map(|row| {
            let cells: Vec<&str> =
                row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let path: Vec<&str> =
                cells[1].split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            (cells[0].to_owned(), path.join("/"), cells[2].to_owned())
        })
        .collect();
    assert!(routes.len() > 20, "these are not all routes: {page}");
    routes
}

async fn every_route_that_is_not_for_everybody_turns_strangers_away(app: TestApp) {
    app.admin().await;
    let stranger = app.anonymous();
    for (method, path, who) in routes(&app) {
        let answer = stranger.draft(&method, &path).json(&json!({})).send().await;
        assert_eq!(answer.status == 401, who != "everybody", "{method} {path} for {who}: {}", answer.text());
    }
}

async fn a_person_who_waits_gets_nowhere_but_to_the_own_account(stage: Stage) {
    let app = stage.env("DEFAULT_USER_ROLE", "pending").start().await;
    let ada = app.admin().await;
    let bob = app.person("bob").await;
    assert_eq!(role(&bob.get(WHO).await.expect(200)), "pending");
    let contact = bob.get("/api/v1/auths/admin/details").await.expect(200).json();
    assert_eq!(contact, json!({ "name": "Ada Admin", "email": ada.email }));

    for caller in [bob.browser(), Caller::clone(&bob)] {
        for (method, path, who) in routes(&app) {
            if who == "everybody" || who.contains("pending") {
                continue;
            }
            let answer = caller.draft(&method, &path).json(&json!({})).send().await;
            assert_eq!(answer.status, 401, "{method} {path} for {who}: {}", answer.text());
            assert!(answer.message().starts_with("You do not have permission to access this resource"));
        }
    }
}

async fn a_person_without_the_role_gets_nowhere_where_administrators_do(app: TestApp) {
    app.admin().await;
    let bob = app.person("bob").await;
    for (method, path, who) in routes(&app) {
        if !who.starts_with("administrators") {
            continue;
        }
        let answer = bob.draft(&method, &path).json(&json!({})).send().await;
        assert_eq!(answer.status, 401, "{method} {path} for {who}: {}", answer.text());
    }
}

async fn a_higher_role_counts_from_the_next_request_on_and_a_lower_one_signs_out(stage: Stage) {
    let app = stage.env("DEFAULT_USER_ROLE", "pending").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let change = async |role: &str| {
        let changed =
            ada.post(&format!("/api/v1/users/{}/update", bob.id), json!({ "role": role })).await.expect(200);
        assert_eq!(changed.json()["role"], json!(role));
    };
    bob.get(USERS).await.expect(401);
    change("admin").await;
    bob.get(USERS).await.expect(200);
    change("user").await;
    bob.get(WHO).await.expect(401);
    let bob = app.person("bob").await;
    bob.get(USERS).await.expect(401);
    assert_eq!(role(&bob.get(WHO).await.expect(200)), "user");
}

async fn the_last_administrator_cannot_be_demoted_even_by_two_at_once(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let demote = |by: &Person, whom: &Person| {
        let (caller, path) = (by.clone(), format!("/api/v1/users/{}/update", whom.id));
        async move { caller.post(&path, json!({ "role": "user" })).await }
    };
    let refused = demote(&ada, &ada).await.expect(400);
    assert_eq!((refused.code().as_str(), &refused.json()["field"]), ("last_admin", &json!("role")));

    ada.post(&format!("/api/v1/users/{}/update", bob.id), json!({ "role": "admin" })).await.expect(200);
    let (one, two) = tokio::join!(demote(&ada, &bob), demote(&bob, &ada));
    assert!(one.status == 200 || two.status == 200, "{} {}", one.text(), two.text());
    let still = [ada.get(USERS).await.status, bob.get(USERS).await.status];
    assert_eq!(still.iter().filter(|status| **status == 200).count(), 1, "exactly one administrator is left");

    let nobody = "/api/v1/users/user_nobody/update";
    let left = if still[0] == 200 { (*ada).clone() } else { bob };
    left.post(nobody, json!({ "role": "user" })).await.expect(404);
    left.post(nobody, json!({ "role": "owner" })).await.expect(400);
    left.post(nobody, json!({ "is_active": "no" })).await.expect(400);
}

async fn accounts_are_found_by_a_part_of_the_name_thirty_a_page(app: TestApp) {
    let ada = app.admin().await;
    app.run(&["users", "create-admin", "--email", "grace@example.com", "--name", "Grace 100%"])
        .expect_success();
    let found = ada.get("/api/v1/users/?query=grace%20100%25").await.expect(200).json();
    assert_eq!((&found["total"], &found["users"][0]["name"]), (&json!(1), &json!("Grace 100%")));
    let account = &found["users"][0];
    assert!(account["created_at"].is_i64() && account["last_active_at"].is_i64());
    assert!(account.get("password").is_none());

    let all = ada.get(USERS).await.expect(200).json();
    assert_eq!((&all["total"], &all["users"][0]["email"]), (&json!(2), &json!(ada.email)));
    assert_eq!(ada.get("/api/v1/users/?page=2").await.expect(200).json()["users"], json!([]));
    ada.get("/api/v1/users/?page=two").await.expect(400);
}

async fn sign_out_ends_the_session_at_once_for_cookie_and_bearer_and_no_other(app: TestApp) {
    let (phone, laptop) = (app.admin().await, app.admin().await);
    for caller in [phone.browser(), Caller::clone(&phone), laptop.browser()] {
        caller.get(WHO).await.expect(200);
    }
    let out = phone.browser().post(SIGN_OUT, json!({})).await.expect(200);
    assert_eq!(out.json(), json!({ "status": true }));
    assert!(
        out.header("set-cookie")
            .is_some_and(|cookie| cookie.starts_with("token=;") && cookie.contains("Max-Age=0"))
    );
    phone.browser().get(WHO).await.expect(401);
    phone.get(WHO).await.expect(401);
    phone.get("/v1/models").await.expect(401);
    laptop.browser().get(WHO).await.expect(200);

    laptop.post(SIGN_OUT, json!({})).await.expect(200);
    laptop.browser().get(WHO).await.expect(401);
}

async fn sign_out_without_a_living_session_clears_the_cookie(app: TestApp) {
    let ada = app.admin().await;
    ada.post(SIGN_OUT, json!({})).await.expect(200);
    for caller in [ada.browser(), stranger(&app)] {
        let out = caller.post(SIGN_OUT, json!({})).await.expect(200);
        assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    }
    // An old cookie does not keep anybody from signing in again.
    ada.browser().post(SIGN_IN, json!({ "email": ada.email, "password": ada.password })).await.expect(200);
}

async fn a_session_lives_through_a_restart_and_ends_by_the_clock(stage: Stage) {
    let mut app = stage.env("JWT_EXPIRES_IN", "1h").start().await;
    let ada = app.admin().await;
    app.restart().await;
    ada.get(WHO).await.expect(200);

    app.set_env("JWT_EXPIRES_IN", "4s");
    app.restart().await;
    let short = app.admin().await;
    assert!(short.get(WHO).await.expect(200).json()["expires_at"].is_i64());
    eventually("the session ends", || async { (short.get(WHO).await.status == 401).then_some(()) }).await;

    app.set_env("JWT_EXPIRES_IN", "-1");
    app.restart().await;
    let endless = app.admin().await.get(WHO).await.expect(200);
    assert_eq!(endless.json()["expires_at"], Value::Null);
    assert!(endless.header("set-cookie").is_some_and(|cookie| !cookie.contains("Max-Age")));
}

async fn a_token_that_was_tampered_with_is_401_wherever_it_is_presented(app: TestApp) {
    // The headers of RFC 7519's unsecured token, of other algorithms, and one with a key of its own choice.
    const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    const HS512: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
    const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
    // `{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}`
    const KID: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0";
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let parts: Vec<&str> = ada.token.split('.').collect();
    assert_eq!(parts.len(), 3, "a token has three parts");
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    let foreign = bob.token.split('.').nth(1).unwrap_or_default();

    for token in [
        format!("{NONE}.{claims}."),
        format!("{NONE}.{claims}.{signature}"),
        format!("{HS512}.{claims}.{signature}"),
        format!("{RS256}.{claims}.{signature}"),
        format!("{KID}.{claims}.{signature}"),
        format!("{head}.{foreign}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!("{head}.{claims}.{}", &signature[..signature.len() - 2]),
        format!("{}.{signature}", ada.token),
        "a.b.c".to_owned(),
        "x".repeat(6_000),
    ] {
        let bearer = stranger(&app).bearer(&token);
        let cookie = stranger(&app).with("cookie", &format!("token={token}"));
        for path in [WHO, USERS, "/v1/models"] {
            assert_eq!(bearer.get(path).await.status, 401, "{path} with bearer {token:.80}");
            assert_eq!(cookie.get(path).await.status, 401, "{path} with cookie {token:.80}");
        }
    }
    ada.get(WHO).await.expect(200);
}

/// What a client can tell answers apart by: everything but the request's own id and the time.
fn fingerprint(answer: &Answer) -> String {
    let headers =
        answer.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.text())
}

async fn a_wrong_password_and_an_unknown_account_are_answered_alike_to_the_byte(app: TestApp) {
    app.anonymous().post(SIGN_UP, account("ada")).await.expect(200);
    let wrong = app.anonymous().post(SIGN_IN, credentials("ada", "velvet harbour")).await.expect(400);
    assert_eq!(wrong.code(), "wrong_credentials");
    for body in [
        credentials("nobody", GOOD),
        credentials("nobody", ""),
        credentials("ada", ""),
        json!({ "email": "not an address", "password": GOOD }),
    ] {
        let answer = app.anonymous().post(SIGN_IN, body.clone()).await;
        assert_eq!(fingerprint(&answer), fingerprint(&wrong), "{body}");
    }
}

async fn guessing_ends_after_fifteen_failures_and_forged_headers_do_not_help(stage: Stage) {
    // The proxy of this operator stands elsewhere, so what this client says of itself does not count.
    let app = stage.env("FORWARDED_ALLOW_IPS", "192.0.2.1").start().await;
    app.anonymous().post(SIGN_UP, account("ada")).await.expect(200);
    let mut running = JoinSet::new();
    for n in 0..30 {
        let guesser = stranger(&app).with("x-forwarded-for", &format!("203.0.{n}.1"));
        running
            .spawn(async move { guesser.post(SIGN_IN, credentials("ada", "velvet harbour")).await.status });
    }
    let statuses = running.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 15, "{statuses:?}");

    let refused = app.anonymous().post(SIGN_IN, credentials("ada", GOOD)).await.expect(429);
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!((1..=180).contains(&wait), "retry after {wait} seconds");
    assert_eq!(refused.code(), "too_many_attempts");
}

async fn the_owner_in_another_network_is_not_locked_out_by_a_guesser(app: TestApp) {
    app.anonymous().post(SIGN_UP, account("ada")).await.expect(200);
    let from = |address: &str| stranger(&app).with("x-forwarded-for", address);
    for n in 0..30 {
        from(&format!("203.0.113.{n}")).post(SIGN_IN, credentials("ada", "velvet harbour")).await.expect(400);
    }
    from("203.0.113.77").post(SIGN_IN, credentials("ada", GOOD)).await.expect(429);
    from("198.51.100.1").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
    from("2001:db8::1").post(SIGN_IN, credentials("ada", GOOD)).await.expect(200);
}

async fn another_site_cannot_use_the_cookie_to_change_anything(app: TestApp) {
    let ada = app.admin().await;
    let cookie = stranger(&app).with("cookie", &format!("token={}", ada.token));
    let rename = format!("/api/v1/users/{}/update", ada.id);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let page = cookie.clone().with(name, value);
        let refused = page.post(&rename, json!({ "name": "Mallory" })).await.expect(403);
        assert_eq!(refused.code(), "cross_origin", "{name}: {value}");
        page.post(SIGN_OUT, json!({})).await.expect(403);
        page.post(SIGN_IN, json!({ "email": ada.email, "password": ada.password })).await.expect(403);
    }
    let name = |answer: Answer| answer.expect(200).json()["name"].clone();
    assert_eq!(name(ada.get(WHO).await), json!("Ada Admin"));
    // Our own pages and programs may.
    let own = cookie.clone().with("origin", &app.origin());
    assert_eq!(name(own.post(&rename, json!({ "name": "Ada" })).await), json!("Ada"));
    let program = Caller::clone(&ada).with("origin", "https://tool.example");
    assert_eq!(name(program.post(&rename, json!({ "name": "Ada L." })).await), json!("Ada L."));
}

async fn the_cookie_is_out_of_reach_of_scripts_and_secure_over_https(app: TestApp) {
    let ada = app.admin().await;
    let signed_in = async |caller: Caller| {
        let answer =
            caller.post(SIGN_IN, json!({ "email": ada.email, "password": ada.password })).await.expect(200);
        answer.header("set-cookie").unwrap_or_default().to_owned()
    };
    let plain = signed_in(stranger(&app)).await;
    assert!(plain.starts_with("token=ey"), "{plain}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age="] {
        assert!(plain.contains(attribute), "{plain}");
    }
    assert!(!plain.contains("Secure") && !plain.contains("Domain"), "{plain}");
    let https = signed_in(stranger(&app).with("x-forwarded-proto", "https")).await;
    assert!(https.contains("; Secure"), "{https}");
}

async fn the_environments_administrator_is_made_once_and_never_reset(stage: Stage) {
    let weak = stage.env("WEBUI_ADMIN_EMAIL", "Root@example.com").env("WEBUI_ADMIN_PASSWORD", "password");
    assert!(weak.fails().everything().contains("WEBUI_ADMIN_PASSWORD"));

    let mut app = weak.env("WEBUI_ADMIN_PASSWORD", GOOD).without("ENABLE_SIGNUP").start().await;
    let root = app.anonymous().post(SIGN_IN, credentials("root", GOOD)).await.expect(200);
    assert_eq!(role(&root), "admin");
    app.anonymous().post(SIGN_UP, account("bob")).await.expect(403);

    app.set_env("WEBUI_ADMIN_PASSWORD", "velvet harbour");
    app.restart().await;
    app.anonymous().post(SIGN_IN, credentials("root", "velvet harbour")).await.expect(400);
    app.anonymous().post(SIGN_IN, credentials("root", GOOD)).await.expect(200);
}

async fn a_password_reset_on_the_command_line_ends_sessions_of_the_running_server(app: TestApp) {
    let ada = app.admin().await;
    ada.get(WHO).await.expect(200);
    let ran = app.run(&["users", "reset-password", "--email", &ada.email, "--json"]).expect_success();
    let fresh = ran.json()["password"].as_str().unwrap_or_default().to_owned();
    eventually("the session ends", || async { (ada.get(WHO).await.status == 401).then_some(()) }).await;

    let sign_in = async |password: &str| {
        app.anonymous().post(SIGN_IN, json!({ "email": ada.email, "password": password })).await.status
    };
    assert_eq!(sign_in(&ada.password).await, 400);
    assert_eq!(sign_in(&fresh).await, 200);
}

async fn strangers_learn_neither_version_nor_providers_from_the_configuration(stage: Stage) {
    let app = stage.demo().env("WEBUI_NAME", "The Mess").start().await;
    let ada = app.admin().await;
    let told = app.anonymous().get("/api/config").await.expect(200).json();
    assert_eq!((&told["name"], &told["features"]["auth"]), (&json!("The Mess"), &json!(true)));
    assert!(told.get("demo").is_none() && told.get("version").is_none(), "{told}");
    assert_eq!(ada.get("/api/config").await.expect(200).json()["demo"], json!(true));
    let over = stranger(&app).bearer("ey.over");
    assert!(over.get("/api/config").await.expect(200).json().get("demo").is_none());
}

async fn neither_addresses_nor_passwords_nor_tokens_stand_in_the_log(app: TestApp) {
    let ada = app.admin().await;
    app.anonymous()
        .post(SIGN_IN, json!({ "email": ada.email, "password": "velvet harbour" }))
        .await
        .expect(400);
    ada.get(&format!("/api/v1/users/?query={}", ada.email)).await.expect(200);
    ada.browser().post(SIGN_OUT, json!({})).await.expect(200);
    app.log_line(SIGN_OUT).await;
    let (log, signature) = (app.log(), ada.token.rsplit('.').next().unwrap_or_default());
    for secret in [ada.email.as_str(), ada.password.as_str(), "velvet harbour", signature] {
        assert!(!log.contains(secret), "a secret of {} bytes stands in the log", secret.len());
    }
    // The account is named where its owner cannot be read from it.
    assert!(log.contains(&ada.id));
}
