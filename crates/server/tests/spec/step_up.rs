//! Confirming who sits there: what a session that nobody proved lately may not do, and how it is proved.

use serde_json::json;
use testkit::{AuthenticatorApp, Caller, TestApp, spec};

spec! {
    an_old_session_changes_no_keys_until_it_is_confirmed_by_the_password;
    a_proof_counts_for_its_own_session_alone;
    with_a_second_factor_the_password_alone_confirms_nothing;
    a_code_confirms_once_and_guessing_ends_after_ten_tries;
    nothing_that_opens_doors_changes_or_leaves_without_a_fresh_proof;
}

const STEP_UP: &str = "/api/v1/auths/step-up";
const KEYS: &str = "/api/v1/keys";

/// All sessions were proved an hour ago.
async fn an_hour_passes(app: &TestApp, caller: &Caller) {
    app.sql("UPDATE session SET proved_at = proved_at - 3600000000");
    app.sql("UPDATE revision SET value = value + 1 WHERE topic = 'identity'");
    testkit::eventually("the server looks again", || async {
        let status = caller.get(STEP_UP).await.expect(200).json();
        status["confirmed_until"].is_null().then_some(())
    })
    .await;
}

async fn an_old_session_changes_no_keys_until_it_is_confirmed_by_the_password(app: TestApp) {
    let ada = app.admin().await;
    ada.post(KEYS, json!({ "name": "fresh" })).await.expect(201);
    an_hour_passes(&app, &ada).await;
    let refused = ada.post(KEYS, json!({ "name": "late" })).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "step_up_required"));
    ada.get(KEYS).await.expect(200);

    let wrong = ada.post(STEP_UP, json!({ "password": "wrong guess" })).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "wrong_password"));
    ada.post(KEYS, json!({ "name": "late" })).await.expect(403);
    let confirmed = ada.post(STEP_UP, json!({ "password": ada.password })).await.expect(200).json();
    assert!(confirmed["confirmed_until"].is_i64());
    ada.post(KEYS, json!({ "name": "late" })).await.expect(201);
    for two in
        [json!({}), json!({ "password": "a", "code": "b" }), json!({ "password": ada.password, "more": 1 })]
    {
        ada.post(STEP_UP, two).await.expect(400);
    }
}

async fn a_proof_counts_for_its_own_session_alone(app: TestApp) {
    let ada = app.admin().await;
    let body = json!({ "email": ada.email, "password": ada.password });
    let session = app.anonymous().post("/api/v1/auths/signin", body).await.expect(200).json();
    let there = app.anonymous().bearer(session["token"].as_str().unwrap());
    an_hour_passes(&app, &ada).await;
    there.post(STEP_UP, json!({ "password": ada.password })).await.expect(200);
    there.post(KEYS, json!({ "name": "there" })).await.expect(201);
    assert_eq!(ada.post(KEYS, json!({ "name": "here" })).await.code(), "step_up_required");
}

async fn with_a_second_factor_the_password_alone_confirms_nothing(app: TestApp) {
    let ada = app.admin().await;
    let (device, ada, password) = with_app(&app, &ada).await;
    let status = ada.get(STEP_UP).await.expect(200).json();
    assert_eq!(status["methods"], json!(["totp"]));
    let refused = ada.post(STEP_UP, json!({ "password": password })).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "method_unavailable"));
    ada.post(STEP_UP, json!({ "code": device.code(0) })).await.expect(200);
}

async fn a_code_confirms_once_and_guessing_ends_after_ten_tries(app: TestApp) {
    let ada = app.admin().await;
    let (device, ada, _) = with_app(&app, &ada).await;
    let code = device.code(0);
    ada.post(STEP_UP, json!({ "code": code })).await.expect(200);
    assert_eq!(ada.post(STEP_UP, json!({ "code": code })).await.code(), "wrong_code");
    let mut codes = Vec::new();
    for _ in 0..11 {
        codes.push(ada.post(STEP_UP, json!({ "code": "000000" })).await.code());
    }
    assert_eq!((codes[9].as_str(), codes[10].as_str()), ("wrong_code", "too_many_attempts"));
    assert_eq!(ada.post(STEP_UP, json!({ "code": device.code(1) })).await.code(), "too_many_attempts");
}

/// What changes who gets in, or lets data out.
const GUARDED: [(&str, &str); 34] = [
    // Credentials and factors.
    ("POST", "/api/v1/auths/mfa/enroll/start"),
    ("POST", "/api/v1/auths/mfa/recovery/codes"),
    ("DELETE", "/api/v1/auths/mfa"),
    ("POST", "/api/v1/auths/passkeys/register/start"),
    ("DELETE", "/api/v1/auths/passkeys/passkey_1"),
    ("POST", "/api/v1/users/user_1/second-factor/reset"),
    // Keys of people, of programs and of providers.
    ("POST", "/api/v1/auths/api_keys"),
    ("POST", "/api/v1/auths/api_key"),
    ("POST", KEYS),
    ("PATCH", "/api/v1/keys/key_1"),
    ("DELETE", "/api/v1/keys/key_1"),
    ("POST", "/api/v1/keys/key_1/unblock"),
    ("POST", "/key/generate"),
    ("POST", "/key/update"),
    ("POST", "/key/delete"),
    ("POST", "/key/unblock"),
    ("POST", "/api/v1/connections"),
    ("PATCH", "/api/v1/connections/conn_1"),
    ("DELETE", "/api/v1/connections/conn_1"),
    ("POST", "/openai/config/update"),
    // Accounts, roles and rights.
    ("POST", "/api/v1/auths/add"),
    ("POST", "/api/v1/users/import"),
    ("DELETE", "/api/v1/users/user_1"),
    ("POST", "/api/v1/users/default/permissions"),
    ("POST", "/api/v1/groups/create"),
    ("POST", "/api/v1/groups/id/group_1/update"),
    ("POST", "/api/v1/groups/id/group_1/users/add"),
    ("POST", "/api/v1/groups/id/group_1/users/remove"),
    ("DELETE", "/api/v1/groups/id/group_1/delete"),
    ("POST", "/api/v1/models/model/access/update"),
    // Settings, those of the audit log among them, and exports.
    ("PATCH", "/api/v1/settings"),
    ("POST", "/api/v1/auths/admin/config"),
    ("GET", "/api/v1/audit/export"),
    ("GET", "/api/v1/chats/all/db"),
];

async fn nothing_that_opens_doors_changes_or_leaves_without_a_fresh_proof(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    an_hour_passes(&app, &ada).await;
    let before = app.sql("SELECT id, name, email, role, password, deactivated_at FROM account ORDER BY id");
    for (method, path) in GUARDED {
        let refused = ada.draft(method, path).json(&json!({})).send().await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "step_up_required"), "{method} {path}");
    }
    let update = format!("/api/v1/users/{}/update", bob.id);
    for change in [
        json!({ "role": "admin" }),
        json!({ "email": "other@example.com" }),
        json!({ "password": "anchovy lamp post" }),
        json!({ "name": "Robert", "role": "admin" }),
    ] {
        assert_eq!(ada.post(&update, change).await.expect(403).code(), "step_up_required");
    }
    assert_eq!(
        app.sql("SELECT id, name, email, role, password, deactivated_at FROM account ORDER BY id"),
        before
    );
    for table in ["api_key", "virtual_key", "connection", "user_group", "passkey", "totp"] {
        assert_eq!(app.sql(&format!("SELECT COUNT(*) FROM {table}")), [["0"]], "{table}");
    }
    ada.post(&update, json!({ "name": "Robert" })).await.expect(200);
}

/// The same person with an authenticator app, in the session that goes on.
async fn with_app(app: &TestApp, person: &testkit::Person) -> (AuthenticatorApp, Caller, String) {
    let made = person.post("/api/v1/auths/mfa/enroll/start", json!({})).await.expect(200).json();
    let device = AuthenticatorApp::new(made["secret"].as_str().unwrap());
    let confirmed =
        person.post("/api/v1/auths/mfa/enroll/confirm", json!({ "code": device.code(-1) })).await.expect(200);
    let token = confirmed.json()["session"]["token"].as_str().unwrap().to_owned();
    (device, app.anonymous().bearer(&token), person.password.clone())
}
