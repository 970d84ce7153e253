//! Passkeys: signing in without a password, and what a device that lies gets.

use serde_json::{Value, json};
use testkit::{Answer, Caller, Device, Person, Stage, TestApp, spec};

spec! {
    a_passkey_signs_in_without_a_password_and_counts_as_both_factors;
    a_passkey_is_the_second_step_after_a_password;
    an_answer_counts_once_and_for_its_own_challenge;
    a_device_that_lies_is_refused_in_one_way;
    a_passkey_belongs_to_one_account_and_strangers_do_not_see_it;
    a_removed_passkey_no_longer_opens_anything;
}

const PASSKEYS: &str = "/api/v1/auths/passkeys";
const SIGN_IN: &str = "/api/v1/auths/signin";

/// The origin at which browsers have passkeys without HTTPS.
fn origin(app: &TestApp) -> String {
    format!("http://localhost:{}", app.address().port())
}

/// The same caller, who opened us as localhost.
fn local(app: &TestApp, caller: &Caller) -> Caller {
    caller.with("host", &format!("localhost:{}", app.address().port()))
}

fn stranger(app: &TestApp) -> Caller {
    local(app, &Caller::clone(&app.anonymous()))
}

async fn add(app: &TestApp, person: &Caller, device: &mut Device) -> Answer {
    let person = local(app, person);
    let asked = person.post(&format!("{PASSKEYS}/register/start"), json!({})).await.expect(200).json();
    let body = json!({ "challenge_id": asked["challenge_id"], "name": "Phone", "credential": device.make(&asked["options"]) });
    person.post(&format!("{PASSKEYS}/register/finish"), body).await
}

/// The token that a changed session goes on with.
fn next_token(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_default();
    cookie.split(';').next().unwrap_or_default().trim_start_matches("token=").to_owned()
}

async fn asked(app: &TestApp, body: Value) -> Value {
    stranger(app).post(&format!("{PASSKEYS}/signin/start"), body).await.expect(200).json()
}

async fn sign_in(app: &TestApp, device: &mut Device) -> Answer {
    let asked = asked(app, json!({})).await;
    finish(app, &asked, device.sign(&asked["options"])).await
}

async fn finish(app: &TestApp, asked: &Value, credential: Value) -> Answer {
    let body = json!({ "challenge_id": asked["challenge_id"], "credential": credential });
    stranger(app).post(&format!("{PASSKEYS}/signin/finish"), body).await
}

async fn with_passkey(app: &TestApp) -> (Person, Device) {
    let ada = app.person("ada").await;
    let mut device = Device::new(&origin(app));
    add(app, &ada, &mut device).await.expect(201);
    (ada, device)
}

async fn a_passkey_signs_in_without_a_password_and_counts_as_both_factors(app: TestApp) {
    let ada = app.person("ada").await;
    let mut device = Device::new(&origin(&app));
    let added = add(&app, &ada, &mut device).await.expect(201);
    assert_eq!(added.json()["name"], "Phone");
    ada.get(PASSKEYS).await.expect(401);

    let session = sign_in(&app, &mut device).await.expect(200).json();
    assert_eq!(session["id"], json!(ada.id));
    let token = session["token"].as_str().unwrap();
    let listed = app.anonymous().bearer(token).get(PASSKEYS).await.expect(200).json();
    assert!(listed["items"][0]["last_used_at"].is_i64(), "{listed}");
}

async fn a_passkey_is_the_second_step_after_a_password(app: TestApp) {
    let (ada, mut device) = with_passkey(&app).await;
    let step = app
        .anonymous()
        .post(SIGN_IN, json!({ "email": ada.email, "password": ada.password }))
        .await
        .expect(200)
        .json();
    assert_eq!((&step["next_step"], &step["methods"]), (&json!("verify"), &json!(["passkey"])));
    let ticket = &step["challenge_token"];
    let asked = asked(&app, json!({ "challenge_token": ticket })).await;
    assert_eq!(asked["options"]["allowCredentials"].as_array().unwrap().len(), 1);
    let credential = device.sign(&asked["options"]);
    let without = finish(&app, &asked, credential.clone()).await;
    assert_eq!((without.status, without.code().as_str()), (400, "challenge_expired"));
    let body =
        json!({ "challenge_token": ticket, "challenge_id": asked["challenge_id"], "credential": credential });
    stranger(&app).post(&format!("{PASSKEYS}/signin/finish"), body).await.expect(200);
}

async fn an_answer_counts_once_and_for_its_own_challenge(app: TestApp) {
    let (_, mut device) = with_passkey(&app).await;
    let first = asked(&app, json!({})).await;
    let credential = device.sign(&first["options"]);
    finish(&app, &first, credential.clone()).await.expect(200);
    let again = finish(&app, &first, credential.clone()).await;
    assert_eq!((again.status, again.code().as_str()), (400, "wrong_credentials"));
    let second = asked(&app, json!({})).await;
    let swapped = finish(&app, &second, credential).await;
    assert_eq!((swapped.status, swapped.code().as_str()), (400, "challenge_expired"));
}

async fn a_device_that_lies_is_refused_in_one_way(app: TestApp) {
    let (_, mut device) = with_passkey(&app).await;
    sign_in(&app, &mut device).await.expect(200);
    let true_origin = device.origin.clone();
    let handle = device.user_handle.clone();
    let wrong =
        |answer: &Answer| assert_eq!((answer.status, answer.code().as_str()), (400, "wrong_credentials"));

    "https://evil.example".clone_into(&mut device.origin);
    wrong(&sign_in(&app, &mut device).await);
    device.origin = true_origin;
    device.flags = 1;
    wrong(&sign_in(&app, &mut device).await);
    device.flags = 5;
    device.count = 0;
    wrong(&sign_in(&app, &mut device).await);
    device.count = 100;
    "c29tZWJvZHk".clone_into(&mut device.user_handle);
    wrong(&sign_in(&app, &mut device).await);
    device.user_handle = handle;
    sign_in(&app, &mut device).await.expect(200);
    wrong(&sign_in(&app, &mut Device::new(&origin(&app))).await);
}

async fn a_passkey_belongs_to_one_account_and_strangers_do_not_see_it(stage: Stage) {
    let app = stage.env("ENABLE_SIGNUP", "true").env("DEFAULT_USER_ROLE", "user").start().await;
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    let mut device = Device::new(&origin(&app));
    let added = add(&app, &ada, &mut device).await.expect(201);
    let id = added.json()["id"].as_str().unwrap().to_owned();
    let taken = add(&app, &bob, &mut device).await;
    assert_eq!((taken.status, taken.code().as_str()), (409, "passkey_taken"));
    bob.patch(&format!("{PASSKEYS}/{id}"), json!({ "name": "Mine" })).await.expect(404);
    bob.delete(&format!("{PASSKEYS}/{id}")).await.expect(404);
    let ada = app.anonymous().bearer(&next_token(&added));
    let renamed = ada.patch(&format!("{PASSKEYS}/{id}"), json!({ "name": "Work phone" })).await.expect(200);
    assert_eq!(renamed.json()["name"], "Work phone");
}

async fn a_removed_passkey_no_longer_opens_anything(app: TestApp) {
    let ada = app.person("ada").await;
    let mut device = Device::new(&origin(&app));
    let added = add(&app, &ada, &mut device).await.expect(201);
    let id = added.json()["id"].as_str().unwrap().to_owned();
    app.anonymous().bearer(&next_token(&added)).delete(&format!("{PASSKEYS}/{id}")).await.expect(204);
    let refused = sign_in(&app, &mut device).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "wrong_credentials"));
    let session =
        app.anonymous().post(SIGN_IN, json!({ "email": ada.email, "password": ada.password })).await;
    assert!(session.expect(200).json()["token"].is_string());
}
