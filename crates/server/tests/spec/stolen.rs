//! What somebody gets who stole a password, a session or a code, or who only wants to shut the owner out.

use serde_json::{Value, json};
use testkit::{Answer, AuthenticatorApp, Caller, Person, Stage, TestApp, eventually, spec};
use tokio::task::JoinSet;

spec! {
    a_guesser_of_codes_leaves_the_owner_the_recovery_codes;
    of_fifty_who_show_one_recovery_code_at_once_one_gets_in;
    who_only_repeats_a_used_code_uses_up_no_tries;
    a_stolen_session_and_the_password_change_no_password_where_there_is_a_second_factor;
    over_https_the_cookie_is_secure_whatever_the_operator_says;
    a_digest_in_the_place_of_a_password_is_no_password;
}

const SIGN_IN: &str = "/api/v1/auths/signin";
const VERIFY: &str = "/api/v1/auths/mfa/verify";
const RECOVER: &str = "/api/v1/auths/mfa/recover";
const STEP_UP: &str = "/api/v1/auths/step-up";

/// What the owner has, and a caller in the session that goes on.
struct Owner {
    device: AuthenticatorApp,
    codes: Vec<String>,
    session: Caller,
}

/// Sets an app up, with the code of the step before, so that the present one and the next are still to be used.
async fn enrol(app: &TestApp, person: &Person) -> Owner {
    let made = person.post("/api/v1/auths/mfa/enroll/start", json!({})).await.expect(200).json();
    let device = AuthenticatorApp::new(made["secret"].as_str().unwrap());
    let body = json!({ "code": device.code(-1) });
    let done = person.post("/api/v1/auths/mfa/enroll/confirm", body).await.expect(200).json();
    let codes = done["recovery_codes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let session = stranger(app).bearer(done["session"]["token"].as_str().unwrap());
    Owner { device, codes, session }
}

fn stranger(app: &TestApp) -> Caller {
    Caller::clone(&app.anonymous())
}

/// The second step, after a first one of its own.
async fn second(app: &TestApp, person: &Person, path: &str, code: &str) -> Answer {
    let body = json!({ "email": person.email, "password": person.password });
    let step = stranger(app).post(SIGN_IN, body).await.expect(200).json();
    let ticket = step["challenge_token"].as_str().unwrap();
    stranger(app).post(path, json!({ "challenge_token": ticket, "code": code })).await
}

async fn a_guesser_of_codes_leaves_the_owner_the_recovery_codes(app: TestApp) {
    let ada = app.person("ada").await;
    let owner = enrol(&app, &ada).await;
    for guess in 0..10 {
        second(&app, &ada, VERIFY, &format!("{guess:06}")).await.expect(400);
    }
    assert_eq!(second(&app, &ada, VERIFY, &owner.device.code(0)).await.code(), "too_many_attempts");
    second(&app, &ada, RECOVER, &owner.codes[0]).await.expect(200);
    // They have tries of their own, and no more than ten.
    for _ in 0..10 {
        second(&app, &ada, RECOVER, &owner.codes[0]).await.expect(400);
    }
    let late = second(&app, &ada, RECOVER, &owner.codes[1]).await.expect(429);
    assert!(late.header("retry-after").is_some());
}

async fn of_fifty_who_show_one_recovery_code_at_once_one_gets_in(app: TestApp) {
    let ada = app.person("ada").await;
    let owner = enrol(&app, &ada).await;
    let step = json!({ "email": ada.email, "password": ada.password });
    let mut running = JoinSet::new();
    for n in 0..50 {
        let first = stranger(&app).post(SIGN_IN, step.clone()).await.expect(200).json();
        let typed = if n % 2 == 0 { owner.codes[0].clone() } else { owner.codes[0].to_lowercase() };
        let body = json!({ "challenge_token": first["challenge_token"], "code": typed });
        let caller = stranger(&app);
        running.spawn(async move { caller.post(RECOVER, body).await.status });
    }
    let statuses = running.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400 | 429)), "{statuses:?}");
}

async fn who_only_repeats_a_used_code_uses_up_no_tries(app: TestApp) {
    let ada = app.person("ada").await;
    let owner = enrol(&app, &ada).await;
    let used = owner.device.code(0);
    second(&app, &ada, VERIFY, &used).await.expect(200);
    for _ in 0..12 {
        assert_eq!(second(&app, &ada, VERIFY, &used).await.code(), "wrong_code");
    }
    second(&app, &ada, VERIFY, &owner.device.code(1)).await.expect(200);
}

async fn a_stolen_session_and_the_password_change_no_password_where_there_is_a_second_factor(app: TestApp) {
    let ada = app.person("ada").await;
    let owner = enrol(&app, &ada).await;
    app.sql("UPDATE session SET proved_at = proved_at - 3600000000");
    app.sql("UPDATE revision SET value = value + 1 WHERE topic = 'identity'");
    eventually("the server looks again", || async {
        let status = owner.session.get(STEP_UP).await.expect(200).json();
        status["confirmed_until"].is_null().then_some(())
    })
    .await;
    let change = json!({ "password": ada.password, "new_password": "walnut ferry 88 quilt" });
    let refused = owner.session.post("/api/v1/auths/update/password", change.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "step_up_required"));
    owner.session.post(STEP_UP, json!({ "code": owner.device.code(0) })).await.expect(200);
    owner.session.post("/api/v1/auths/update/password", change).await.expect(200);
}

async fn over_https_the_cookie_is_secure_whatever_the_operator_says(stage: Stage) {
    let app = stage.env("WEBUI_AUTH_COOKIE_SECURE", "false").start().await;
    let ada = app.person("ada").await;
    let cookie = async |proto: &str| {
        let body = json!({ "email": ada.email, "password": ada.password });
        let answer = stranger(&app).with("x-forwarded-proto", proto).post(SIGN_IN, body).await.expect(200);
        answer.header("set-cookie").unwrap_or_default().to_owned()
    };
    for proto in ["https", "HTTPS"] {
        let secure = cookie(proto).await;
        assert!(secure.contains("; Secure; Max-Age=2419200"), "{secure}");
    }
    let plain = cookie("http").await;
    assert!(plain.ends_with("; HttpOnly; SameSite=Lax; Max-Age=2419200"), "{plain}");
}

async fn a_digest_in_the_place_of_a_password_is_no_password(app: TestApp) {
    // A published test vector of bcrypt: "abc", cost 6.
    const BCRYPT: &str = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    let admin = app.admin().await;
    let list = format!("Name,Email,Password,Role\nBob,bob@example.com,{BCRYPT},user\n");
    let sent = admin.draft("POST", "/api/v1/users/import").header("content-type", "text/csv").body(list);
    let report: Value = sent.send().await.expect(200).json();
    assert_eq!(report, json!({ "made": 1, "refused": [] }));
    let sign_in = async |password: &str| {
        let body = json!({ "email": "bob@example.com", "password": password });
        stranger(&app).post(SIGN_IN, body).await.status
    };
    assert_eq!((sign_in(BCRYPT).await, sign_in("abc").await), (400, 200));
}
