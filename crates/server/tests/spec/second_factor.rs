//! The second factor: what it takes to sign in with one, and what a thief of a password or of a code gets.

use serde_json::{Value, json};
use testkit::{Answer, AuthenticatorApp, Caller, Person, Stage, TestApp, spec};
use tokio::task::JoinSet;

spec! {
    a_password_alone_no_longer_signs_in_and_a_code_works_once;
    of_a_hundred_who_show_one_code_at_once_one_gets_in;
    a_recovery_code_signs_in_once_in_any_spelling;
    guessing_codes_ends_after_ten_tries_however_many_come_at_once;
    a_ticket_is_worth_nothing_once_the_password_is_another;
    what_is_no_ticket_is_refused_in_one_way_and_opens_nothing;
    where_everybody_needs_a_second_factor_it_is_set_up_on_the_way_in;
    a_sign_in_from_before_everybody_needed_a_second_factor_is_over;
    the_operator_takes_a_lost_factor_away;
    neither_seed_nor_codes_stand_in_the_database_or_in_the_log;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const VERIFY: &str = "/api/v1/auths/mfa/verify";
const RECOVER: &str = "/api/v1/auths/mfa/recover";
const START: &str = "/api/v1/auths/mfa/enroll/start";
const CONFIRM: &str = "/api/v1/auths/mfa/enroll/confirm";

/// Sets an app up, with the code of the step before, so that the present one and the next are still to be used.
async fn enrol(person: &Person) -> (AuthenticatorApp, Vec<String>) {
    let made = person.post(START, json!({})).await.expect(200).json();
    let app = AuthenticatorApp::new(made["secret"].as_str().unwrap());
    let confirmed = person.post(CONFIRM, json!({ "code": app.code(-1) })).await.expect(200).json();
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    (app, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

fn stranger(app: &TestApp) -> Caller {
    Caller::clone(&app.anonymous())
}

async fn password(app: &TestApp, person: &Person) -> Answer {
    stranger(app).post(SIGN_IN, json!({ "email": person.email, "password": person.password })).await
}

/// The ticket of a first step.
async fn ticket(app: &TestApp, person: &Person) -> String {
    let answer = password(app, person).await.expect(200);
    assert_eq!(answer.header("set-cookie"), None, "nobody is signed in yet");
    let step = answer.json();
    assert_eq!(step["next_step"], "verify", "{step}");
    assert_eq!(step.get("token"), None, "{step}");
    step["challenge_token"].as_str().unwrap().to_owned()
}

fn shown(ticket: &str, code: &str) -> Value {
    json!({ "challenge_token": ticket, "code": code })
}

async fn a_password_alone_no_longer_signs_in_and_a_code_works_once(app: TestApp) {
    let ada = app.person("ada").await;
    let (device, _) = enrol(&ada).await;
    ada.get("/api/v1/auths/").await.expect(401);

    let first = ticket(&app, &ada).await;
    let wrong = stranger(&app).post(VERIFY, shown(&first, "000000")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "wrong_code"));
    let code = device.code(0);
    let session = stranger(&app).post(VERIFY, shown(&first, &code)).await.expect(200);
    assert!(session.header("set-cookie").unwrap().starts_with("token="), "the cookie is set");
    let token = session.json()["token"].as_str().unwrap().to_owned();
    let status = stranger(&app).bearer(&token).get("/api/v1/auths/mfa/status").await.expect(200).json();
    assert_eq!(
        (&status["enabled"], &status["totp"], &status["recovery_codes_left"]),
        (&json!(true), &json!(true), &json!(10))
    );

    let replayed = stranger(&app).post(VERIFY, shown(&ticket(&app, &ada).await, &code)).await;
    assert_eq!((replayed.status, replayed.code().as_str()), (400, "wrong_code"));
    let used = stranger(&app).post(VERIFY, shown(&first, &device.code(1))).await;
    assert_eq!(used.status, 400, "a ticket works once: {}", used.text());
}

async fn of_a_hundred_who_show_one_code_at_once_one_gets_in(app: TestApp) {
    let ada = app.person("ada").await;
    let (device, _) = enrol(&ada).await;
    let (code, mut running) = (device.code(0), JoinSet::new());
    let mut tickets = Vec::new();
    for _ in 0..4 {
        tickets.push(ticket(&app, &ada).await);
    }
    for n in 0..100 {
        let (caller, body) = (stranger(&app), shown(&tickets[n % tickets.len()], &code));
        running.spawn(async move { caller.post(VERIFY, body).await.status });
    }
    let statuses = running.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400 | 429)), "{statuses:?}");
}

async fn a_recovery_code_signs_in_once_in_any_spelling(app: TestApp) {
    let ada = app.person("ada").await;
    let (_, codes) = enrol(&ada).await;
    assert_eq!(codes.len(), 10);
    let typed = codes[3].to_lowercase().replace('-', " ");
    let first = stranger(&app).post(RECOVER, shown(&ticket(&app, &ada).await, &typed)).await.expect(200);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let status = stranger(&app).bearer(&token).get("/api/v1/auths/mfa/status").await.expect(200).json();
    assert_eq!(status["recovery_codes_left"], 9);
    let again = stranger(&app).post(RECOVER, shown(&ticket(&app, &ada).await, &codes[3])).await;
    assert_eq!((again.status, again.code().as_str()), (400, "wrong_code"));
    stranger(&app).post(RECOVER, shown(&ticket(&app, &ada).await, &codes[4])).await.expect(200);
}

async fn guessing_codes_ends_after_ten_tries_however_many_come_at_once(app: TestApp) {
    let ada = app.person("ada").await;
    let (device, _) = enrol(&ada).await;
    let ticket = ticket(&app, &ada).await;
    let mut running = JoinSet::new();
    for n in 0..60 {
        let (caller, body) = (stranger(&app), shown(&ticket, &format!("{n:06}")));
        running.spawn(async move { caller.post(VERIFY, body).await.status });
    }
    let statuses = running.join_all().await;
    assert!(statuses.iter().filter(|status| **status != 429).count() <= 10, "{statuses:?}");
    let late = stranger(&app).post(VERIFY, shown(&ticket, &device.code(0))).await.expect(429);
    assert_eq!(late.code(), "too_many_attempts");
    assert!(late.header("retry-after").is_some());
}

async fn a_ticket_is_worth_nothing_once_the_password_is_another(app: TestApp) {
    let ada = app.person("ada").await;
    let (device, _) = enrol(&ada).await;
    let ticket = ticket(&app, &ada).await;
    app.run(&["users", "reset-password", "--email", &ada.email, "--json"]).expect_success();
    let refused = stranger(&app).post(VERIFY, shown(&ticket, &device.code(0))).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "challenge_expired"));
}

async fn what_is_no_ticket_is_refused_in_one_way_and_opens_nothing(stage: Stage) {
    let app = stage.env("ENABLE_SIGNUP", "true").start().await;
    let ada = app.person("ada").await;
    let (device, _) = enrol(&ada).await;
    let ticket = ticket(&app, &ada).await;
    let other = app.person("bob").await;
    let stolen = format!("{}.{}", ticket.rsplit_once('.').unwrap().0, other.id);
    let longer = format!("{ticket}{}", "x".repeat(5_000));
    for forged in ["", ".", "a.b.c", &ada.token, &stolen, &longer, "\u{0}", "a.b.\r\n"] {
        let refused = stranger(&app).post(VERIFY, shown(forged, &device.code(0))).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "challenge_expired"), "{forged:.80}");
    }
    stranger(&app).bearer(&ticket).get("/api/v1/auths/").await.expect(401);
    let as_enrolment = stranger(&app).post(START, json!({ "challenge_token": ticket })).await;
    assert_eq!((as_enrolment.status, as_enrolment.code().as_str()), (400, "challenge_expired"));
}

/// Sets an app up in the middle of a sign-in; the session's token, and the app.
async fn enrol_on_the_way_in(app: &TestApp, step: Answer) -> (String, AuthenticatorApp) {
    assert_eq!(step.header("set-cookie"), None, "nobody is signed in yet");
    let step = step.json();
    assert_eq!((&step["next_step"], &step["token"]), (&json!("enroll"), &Value::Null), "{step}");
    let ticket = step["challenge_token"].as_str().unwrap();
    let seed = stranger(app).post(START, json!({ "challenge_token": ticket })).await.expect(200).json();
    let device = AuthenticatorApp::new(seed["secret"].as_str().unwrap());
    let body = json!({ "challenge_token": ticket, "code": device.code(-1) });
    let confirmed = stranger(app).post(CONFIRM, body).await.expect(200);
    assert!(confirmed.header("set-cookie").unwrap().starts_with("token="));
    (confirmed.json()["session"]["token"].as_str().unwrap().to_owned(), device)
}

async fn where_everybody_needs_a_second_factor_it_is_set_up_on_the_way_in(stage: Stage) {
    let app = stage.env("ENABLE_MFA", "true").start().await;
    let account = json!({ "name": "Ada", "email": "ada@example.com", "password": "Correct-ada-9-Battery" });
    let up = stranger(&app).post("/api/v1/auths/signup", account.clone()).await.expect(200);
    assert_eq!(app.sql("SELECT role FROM account"), [["admin"]]);
    assert_eq!(app.sql("SELECT COUNT(*) FROM session"), [["0"]]);
    drop(up);
    let step = stranger(&app).post(SIGN_IN, account.clone()).await.expect(200);
    let (session, device) = enrol_on_the_way_in(&app, step).await;
    stranger(&app).bearer(&session).get("/api/v1/auths/").await.expect(200);
    let next = stranger(&app).post(SIGN_IN, account).await.expect(200).json();
    let next = next["challenge_token"].as_str().unwrap();
    stranger(&app).post(VERIFY, shown(next, &device.code(0))).await.expect(200);
    // The ticket of the sign-up itself does as well.
    let bob = json!({ "name": "Bob", "email": "bob@example.com", "password": "Correct-bob-9-Battery" });
    let up = stranger(&app).post("/api/v1/auths/signup", bob).await.expect(200);
    let (session, _) = enrol_on_the_way_in(&app, up).await;
    stranger(&app).bearer(&session).get("/api/v1/chats/").await.expect(200);
}

async fn a_sign_in_from_before_everybody_needed_a_second_factor_is_over(stage: Stage) {
    let mut app = stage.env("ENABLE_API_KEYS", "true").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    enrol(&bob).await;
    let listed = ada.get("/api/v1/users/").await.expect(200).json();
    let of = |person: &Person| {
        let users = listed["users"].as_array().unwrap();
        users.iter().find(|user| user["id"] == person.id).unwrap()["second_factor"].clone()
    };
    assert_eq!((of(&ada), of(&bob)), (json!(false), json!(true)));
    app.set_env("ENABLE_MFA", "true");
    app.restart().await;
    for path in ["/api/v1/auths/", "/api/v1/chats/", "/api/v1/users/", "/api/v1/auths/sessions"] {
        let refused = ada.get(path).await.expect(401);
        assert_eq!(refused.code(), "second_factor_required", "{path}");
        assert!(refused.message().contains("ENABLE_MFA"), "{}", refused.message());
    }
    ada.chat("Hi").await.expect(401);
    ada.post(START, json!({})).await.expect(400);
    let (session, _) = enrol_on_the_way_in(&app, password(&app, &ada).await.expect(200)).await;
    let ada = stranger(&app).bearer(&session);
    ada.get("/api/v1/users/").await.expect(200);
    // Whoever takes the factor away signs in once more, and sets another one up.
    let cookie = ada.delete("/api/v1/auths/mfa").await.expect(204).header("set-cookie").unwrap().to_owned();
    let token = cookie.trim_start_matches("token=").split(';').next().unwrap();
    let refused = stranger(&app).bearer(token).get("/api/v1/users/").await.expect(401);
    assert_eq!(refused.code(), "second_factor_required");
    let step = password(&app, &bob).await.expect(200).json();
    assert_eq!(step["next_step"], "verify");
}

async fn the_operator_takes_a_lost_factor_away(app: TestApp) {
    let ada = app.person("ada").await;
    enrol(&ada).await;
    app.run(&["users", "reset-second-factor", &ada.email]).expect_success();
    let session = password(&app, &ada).await.expect(200).json();
    assert!(session["token"].is_string(), "{session}");
}

async fn neither_seed_nor_codes_stand_in_the_database_or_in_the_log(app: TestApp) {
    let ada = app.person("ada").await;
    let made = ada.post(START, json!({})).await.expect(200).json();
    let seed = made["secret"].as_str().unwrap().to_owned();
    let device = AuthenticatorApp::new(&seed);
    let confirmed = ada.post(CONFIRM, json!({ "code": device.code(-1) })).await.expect(200).json();
    let code = confirmed["recovery_codes"][0].as_str().unwrap().to_owned();
    app.must_not_hold(&seed);
    app.stop_and_search_for(&code).await;
}
