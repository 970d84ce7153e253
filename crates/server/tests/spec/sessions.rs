//! Sessions: where somebody is signed in, and how it ends everywhere at once.

use serde_json::{Value, json};
use testkit::{Caller, Person, Stage, TestApp, spec};

spec! {
    people_see_where_they_are_signed_in_and_end_it_there;
    somebody_elses_session_is_answered_like_one_that_is_not_there;
    signing_out_everywhere_ends_every_session_or_all_but_this;
    a_new_password_ends_all_other_sessions_and_goes_on_in_a_new_one;
    the_old_password_is_asked_for_and_guessing_it_ends_after_ten_tries;
    a_profile_is_changed_by_its_owner;
}

const SESSIONS: &str = "/api/v1/auths/sessions";
const WHO: &str = "/api/v1/auths/";
const EVERYWHERE: &str = "/api/v1/auths/signout/all";
const PASSWORD: &str = "/api/v1/auths/update/password";

/// The same person in another place.
async fn elsewhere(app: &TestApp, person: &Person) -> Caller {
    let body = json!({ "email": person.email, "password": person.password });
    let firefox = app
        .anonymous()
        .with("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let session = firefox.post("/api/v1/auths/signin", body).await.expect(200).json();
    app.anonymous().bearer(session["token"].as_str().unwrap())
}

async fn listed(caller: &Caller) -> Vec<Value> {
    caller.get(SESSIONS).await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn people_see_where_they_are_signed_in_and_end_it_there(app: TestApp) {
    let ada = app.person("ada").await;
    let there = elsewhere(&app, &ada).await;
    let sessions = listed(&ada).await;
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    assert_eq!((&other["device"], &other["address"]), (&json!("Firefox on Linux"), &json!("127.0.0.1")));
    let path = format!("{SESSIONS}/{}", other["id"].as_str().unwrap());
    ada.delete(&path).await.expect(204);
    there.get(WHO).await.expect(401);
    ada.get(WHO).await.expect(200);
    ada.delete(&path).await.expect(404);
}

async fn somebody_elses_session_is_answered_like_one_that_is_not_there(stage: Stage) {
    let app = stage.env("ENABLE_SIGNUP", "true").start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let id = listed(&ada).await[0]["id"].as_str().unwrap().to_owned();
    let foreign = bob.delete(&format!("{SESSIONS}/{id}")).await.expect(404);
    let missing = bob.delete(&format!("{SESSIONS}/session_none")).await.expect(404);
    assert_eq!(foreign.body, missing.body);
    ada.get(WHO).await.expect(200);
}

async fn signing_out_everywhere_ends_every_session_or_all_but_this(app: TestApp) {
    let ada = app.person("ada").await;
    let there = elsewhere(&app, &ada).await;
    let kept = ada.post(EVERYWHERE, json!({ "keep_current": true })).await.expect(200).json();
    assert_eq!(kept["ended"], 1);
    there.get(WHO).await.expect(401);
    ada.get(WHO).await.expect(200);
    let all = ada.post(EVERYWHERE, json!({})).await.expect(200);
    assert!(all.header("set-cookie").unwrap().contains("Max-Age=0"));
    ada.get(WHO).await.expect(401);
}

async fn a_new_password_ends_all_other_sessions_and_goes_on_in_a_new_one(app: TestApp) {
    let ada = app.person("ada").await;
    let there = elsewhere(&app, &ada).await;
    let changed = ada
        .post(PASSWORD, json!({ "password": ada.password, "new_password": "velvet harbour lamp 9" }))
        .await
        .expect(200);
    assert_eq!(changed.json(), json!(true));
    let cookie = changed.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    there.get(WHO).await.expect(401);
    ada.get(WHO).await.expect(401);
    let on = app.anonymous().bearer(cookie.trim_start_matches("token="));
    on.get(WHO).await.expect(200);
    assert_eq!(listed(&on).await.len(), 1);
    let old = app
        .anonymous()
        .post("/api/v1/auths/signin", json!({ "email": ada.email, "password": ada.password }))
        .await;
    assert_eq!(old.status, 400);
}

async fn the_old_password_is_asked_for_and_guessing_it_ends_after_ten_tries(stage: Stage) {
    let app = stage.start().await;
    let ada = app.person("ada").await;
    let weak = ada.post(PASSWORD, json!({ "password": ada.password, "new_password": "password" })).await;
    assert_eq!((weak.status, weak.code().as_str()), (400, "weak_password"));
    let mut codes = Vec::new();
    for _ in 0..11 {
        codes.push(
            ada.post(PASSWORD, json!({ "password": "wrong guess", "new_password": "velvet harbour lamp 9" }))
                .await
                .code(),
        );
    }
    assert_eq!(codes[0], "wrong_password");
    assert_eq!(codes[10], "too_many_attempts");
    ada.get(WHO).await.expect(200);
}

async fn a_profile_is_changed_by_its_owner(app: TestApp) {
    let ada = app.person("ada").await;
    ada.post("/api/v1/auths/update/profile", json!({ "name": "Countess" })).await.expect(200);
    assert_eq!(ada.get(WHO).await.expect(200).json()["name"], "Countess");
    let refused = ada.post("/api/v1/auths/update/profile", json!({ "name": "\u{202e}" })).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_name"));
}
