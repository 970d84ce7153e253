//! Two servers on one database: what one decides holds at the other, and what one took as a proof the other does not.

use serde_json::{Value, json};
use testkit::{
    AuthenticatorApp, Caller, Device, FakeProvider, MODEL, Person, Stage, TestApp, Twin, eventually, spec,
};

spec! {
    a_permission_that_one_gives_or_takes_counts_at_the_other;
    a_grant_that_one_makes_or_takes_counts_at_the_other;
    a_code_that_one_took_is_used_at_the_other;
    a_second_step_that_began_at_one_ends_at_the_other;
    a_passkey_is_asked_for_at_one_and_shown_to_the_other;
    a_proof_at_one_counts_at_the_other;
}

const MINE: &str = "/api/v1/users/permissions";
const SIGN_IN: &str = "/api/v1/auths/signin";
const VERIFY: &str = "/api/v1/auths/mfa/verify";
const STEP_UP: &str = "/api/v1/auths/step-up";

async fn sees(what: &str, ask: impl AsyncFn() -> bool) {
    let ask = &ask;
    eventually(what, || async move { ask().await.then_some(()) }).await;
}

async fn a_permission_that_one_gives_or_takes_counts_at_the_other(stage: Stage) {
    let app = stage.start().await;
    let twin = app.twin().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let there = twin.seen(&bob);
    let has = async |leaf: &str| there.get(MINE).await.expect(200).json()["features"][leaf] == json!(true);
    assert!(!has("webhooks").await);
    let staff =
        json!({ "name": "Staff", "description": "", "permissions": { "features": { "webhooks": true } } });
    let staff = ada.post("/api/v1/groups/create", staff).await.expect(200).json()["id"].clone();
    let members = format!("/api/v1/groups/id/{}/users/", staff.as_str().unwrap());
    let bobs = json!({ "user_ids": [bob.id] });
    ada.post(&format!("{members}add"), bobs.clone()).await.expect(200);
    sees("the group's permission", async || has("webhooks").await).await;
    ada.post(&format!("{members}remove"), bobs).await.expect(200);
    sees("that the permission is gone", async || !has("webhooks").await).await;
    let defaults = json!({ "features": { "automations": true } });
    ada.post("/api/v1/users/default/permissions", defaults).await.expect(200);
    sees("the default of everybody", async || has("automations").await).await;
}

async fn a_grant_that_one_makes_or_takes_counts_at_the_other(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    bob.chat("Hi").await.expect(200);
    let twin = app.twin().await;
    let there = twin.seen(&bob);
    there.chat("Hi").await.expect(200);
    let decide = async |grants: Value| {
        let decision = json!({ "id": MODEL, "access_grants": grants });
        ada.post("/api/v1/models/model/access/update", decision).await.expect(200);
    };
    decide(json!([])).await;
    sees("that the model is nobody's", async || there.chat("Hi").await.status == 404).await;
    decide(json!([{ "principal_type": "user", "principal_id": bob.id, "permission": "read" }])).await;
    sees("the grant", async || there.chat("Hi").await.status == 200).await;
}

/// Sets an app up with the code of the step before, so that the present one is still to be used.
async fn enrol(person: &Person) -> AuthenticatorApp {
    let made = person.post("/api/v1/auths/mfa/enroll/start", json!({})).await.expect(200).json();
    let device = AuthenticatorApp::new(made["secret"].as_str().unwrap());
    person.post("/api/v1/auths/mfa/enroll/confirm", json!({ "code": device.code(-1) })).await.expect(200);
    device
}

/// The ticket of a first step at one of them.
async fn first_step(door: &Caller, person: &Person) -> Value {
    let step = door.post(SIGN_IN, json!({ "email": person.email, "password": person.password })).await;
    step.expect(200).json()["challenge_token"].clone()
}

async fn two(stage: Stage) -> (TestApp, Twin) {
    let app = stage.start().await;
    let twin = app.twin().await;
    (app, twin)
}

async fn a_code_that_one_took_is_used_at_the_other(stage: Stage) {
    let (app, twin) = two(stage).await;
    let (here, there) = (app.anonymous().caller(), twin.anonymous().caller());
    let ada = app.person("ada").await;
    let device = enrol(&ada).await;
    let (at_one, at_other) = (first_step(&here, &ada).await, first_step(&there, &ada).await);
    let code = device.code(0);
    here.post(VERIFY, json!({ "challenge_token": at_one, "code": code })).await.expect(200);
    let again = there.post(VERIFY, json!({ "challenge_token": at_other, "code": code })).await;
    assert_eq!((again.status, again.code().as_str()), (400, "wrong_code"));
    there.post(VERIFY, json!({ "challenge_token": at_other, "code": device.code(1) })).await.expect(200);
}

async fn a_second_step_that_began_at_one_ends_at_the_other(stage: Stage) {
    let (app, twin) = two(stage).await;
    let (here, there) = (app.anonymous().caller(), twin.anonymous().caller());
    let ada = app.person("ada").await;
    let device = enrol(&ada).await;
    let ticket = first_step(&here, &ada).await;
    let shown = |code: String| json!({ "challenge_token": ticket, "code": code });
    let session = there.post(VERIFY, shown(device.code(0))).await.expect(200).json();
    here.bearer(session["token"].as_str().unwrap()).get("/api/v1/auths/").await.expect(200);
    let used = here.post(VERIFY, shown(device.code(1))).await;
    assert_eq!(used.status, 400, "a ticket works once at both: {}", used.text());
}

async fn a_passkey_is_asked_for_at_one_and_shown_to_the_other(stage: Stage) {
    const PASSKEYS: &str = "/api/v1/auths/passkeys";
    let (app, twin) = two(stage.env("WEBUI_URL", "http://localhost:8080")).await;
    let at = |caller: &Caller| caller.with("host", "localhost:8080");
    let ada = app.person("ada").await;
    let mut device = Device::new("http://localhost:8080");
    let asked = at(&ada).post(&format!("{PASSKEYS}/register/start"), json!({})).await.expect(200).json();
    let made = device.make(&asked["options"]);
    let body = json!({ "challenge_id": asked["challenge_id"], "name": "Phone", "credential": made });
    at(&twin.seen(&ada)).post(&format!("{PASSKEYS}/register/finish"), body).await.expect(201);

    let (here, there) = (at(&app.anonymous()), at(&twin.anonymous()));
    let asked = here.post(&format!("{PASSKEYS}/signin/start"), json!({})).await.expect(200).json();
    let signed = device.sign(&asked["options"]);
    let answer = json!({ "challenge_id": asked["challenge_id"], "credential": signed });
    let session = there.post(&format!("{PASSKEYS}/signin/finish"), answer.clone()).await.expect(200).json();
    assert_eq!(session["id"], json!(ada.id));
    // What one took, neither takes again.
    for door in [&here, &there] {
        door.post(&format!("{PASSKEYS}/signin/finish"), answer.clone()).await.expect(400);
    }
}

async fn a_proof_at_one_counts_at_the_other(stage: Stage) {
    let (app, twin) = two(stage).await;
    let ada = app.admin().await;
    let there = twin.seen(&ada);
    app.sql("UPDATE session SET proved_at = proved_at - 3600000000");
    app.sql("UPDATE revision SET value = value + 1 WHERE topic = 'identity'");
    let is_stale = async || {
        let status = there.get(STEP_UP).await.expect(200).json();
        status["confirmed_until"].is_null()
    };
    sees("that an hour has passed", is_stale).await;
    assert_eq!(there.post("/api/v1/keys", json!({ "name": "a" })).await.code(), "step_up_required");
    ada.post(STEP_UP, json!({ "password": ada.password })).await.expect(200);
    sees("the proof", async || there.post("/api/v1/keys", json!({ "name": "a" })).await.status == 201).await;
}
