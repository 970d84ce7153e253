//! What ends when somebody loses access: the next request, streams, requests that wait, answers in chats, and what
//! providers do for all of them, in every process.

mod keys;
mod running;

use serde_json::{Value, json};
use testkit::{
    Admin, AuthenticatorApp, Caller, FakeProvider, Gate, MODEL, Person, Reply, Stage, TestApp, eventually,
    spec,
};

use self::running::Running;

spec! {
    signing_out_ends_what_the_session_runs_and_keeps_what_was_written;
    a_session_that_is_ended_from_another_one_takes_what_it_runs_with_it;
    signing_out_everywhere_ends_what_every_session_runs;
    a_new_password_ends_what_every_session_runs;
    a_new_second_factor_ends_what_every_session_runs;
    new_recovery_codes_end_what_other_sessions_run;
    an_administrator_ends_what_the_sessions_of_somebody_run;
    a_password_that_an_administrator_resets_ends_what_runs;
    a_second_factor_that_an_administrator_takes_away_ends_what_runs;
    a_lower_role_ends_what_runs;
    deactivation_ends_what_runs;
    deletion_ends_what_runs;
    what_another_process_runs_ends_too;
    the_command_line_ends_what_the_server_runs;
    what_runs_for_others_goes_on;
    a_higher_role_ends_nothing;
    a_client_that_does_not_read_keeps_no_provider_at_work;
    a_request_ends_before_the_provider_says_its_first_word;
    a_request_that_is_passed_on_ends;
}

const SESSIONS: &str = "/api/v1/auths/sessions";
const OVER: &str = "session_over";

/// A server with a provider, an administrator, and a person who has something running.
struct House {
    app: TestApp,
    provider: FakeProvider,
    ada: Admin,
    bob: Person,
}

impl House {
    async fn on(stage: Stage) -> Self {
        let provider = FakeProvider::start().await;
        let app = stage.provider(&provider).start().await;
        let (ada, bob) = (app.admin().await, app.person("bob").await);
        Self { app, provider, ada, bob }
    }

    async fn running(&self) -> Running {
        Running::of_a_person(&self.provider, &self.bob).await
    }

    /// What ran for a session has ended with it.
    async fn has_ended(&self, running: Running) {
        running.has_ended(&self.app, &self.provider, 401, OVER).await;
    }

    /// An administrator does this to the account.
    async fn update(&self, change: Value) {
        self.ada.post(&self.path("/update"), change).await.expect(200);
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/users/{}{rest}", self.bob.id)
    }
}

async fn signing_out_ends_what_the_session_runs_and_keeps_what_was_written(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.bob.post("/api/v1/auths/signout", json!({})).await.expect(200);
    house.has_ended(running).await;

    let again = house.app.person("bob").await;
    let chat = again.get("/api/v1/chats/").await.expect(200).json()[0]["id"].as_str().unwrap().to_owned();
    let kept = async || {
        let chat = again.get(&format!("/api/v1/chats/{chat}")).await.expect(200).json();
        let messages = chat["chat"]["history"]["messages"].as_object().unwrap().clone();
        let answer = messages.values().find(|message| message["role"] == "assistant").unwrap().clone();
        (answer["done"] == true).then_some(answer)
    };
    let answer = eventually("the answer is over", kept).await;
    assert_eq!((&answer["content"], &answer["stopped"]), (&json!("one two "), &json!(true)));
}

async fn a_session_that_is_ended_from_another_one_takes_what_it_runs_with_it(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    let there = house.app.person("bob").await;
    let sessions = there.get(SESSIONS).await.expect(200).json()["items"].clone();
    let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    there.delete(&format!("{SESSIONS}/{}", other["id"].as_str().unwrap())).await.expect(204);
    house.has_ended(running).await;
    there.get(SESSIONS).await.expect(200);
}

async fn signing_out_everywhere_ends_what_every_session_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    let there = house.app.person("bob").await;
    there.post("/api/v1/auths/signout/all", json!({})).await.expect(200);
    house.has_ended(running).await;
}

async fn a_new_password_ends_what_every_session_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    let there = house.app.person("bob").await;
    let change = json!({ "password": there.password, "new_password": "velvet harbour lamp 9" });
    there.post("/api/v1/auths/update/password", change).await.expect(200);
    house.has_ended(running).await;
}

async fn a_new_second_factor_ends_what_every_session_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    set_up_an_app(&house.app.person("bob").await).await;
    house.has_ended(running).await;
}

async fn new_recovery_codes_end_what_other_sessions_run(stage: Stage) {
    let house = House::on(stage).await;
    let (here, device) = set_up_an_app(&house.bob).await;
    let form = json!({ "email": house.bob.email, "password": house.bob.password });
    let step = house.app.anonymous().post("/api/v1/auths/signin", form).await.expect(200).json();
    let shown = json!({ "challenge_token": step["challenge_token"], "code": device.code(0) });
    let there = house.app.anonymous().post("/api/v1/auths/mfa/verify", shown).await.expect(200).json();
    let there = house.bob.bearer(there["token"].as_str().unwrap());
    let running = Running::of_a_person(&house.provider, &there).await;
    here.post("/api/v1/auths/mfa/recovery/codes", json!({})).await.expect(200);
    house.has_ended(running).await;
    here.get(SESSIONS).await.expect(200);
}

/// What signs in from then on, and the app.
async fn set_up_an_app(person: &Person) -> (Caller, AuthenticatorApp) {
    let made = person.post("/api/v1/auths/mfa/enroll/start", json!({})).await.expect(200).json();
    let app = AuthenticatorApp::new(made["secret"].as_str().unwrap());
    let confirmed = person.post("/api/v1/auths/mfa/enroll/confirm", json!({ "code": app.code(-1) })).await;
    let cookie = confirmed.expect(200).header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    (person.bearer(cookie.trim_start_matches("token=")), app)
}

async fn an_administrator_ends_what_the_sessions_of_somebody_run(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.ada.post(&house.path("/sessions/revoke"), json!({})).await.expect(200);
    house.has_ended(running).await;
}

async fn a_password_that_an_administrator_resets_ends_what_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.update(json!({ "password": "velvet harbour lamp 9" })).await;
    house.has_ended(running).await;
}

async fn a_second_factor_that_an_administrator_takes_away_ends_what_runs(stage: Stage) {
    let house = House::on(stage).await;
    let (on, _) = set_up_an_app(&house.bob).await;
    let running = Running::of_a_person(&house.provider, &on).await;
    house.ada.post(&house.path("/second-factor/reset"), json!({})).await.expect(204);
    house.has_ended(running).await;
}

async fn a_lower_role_ends_what_runs(stage: Stage) {
    let house = House::on(stage).await;
    house.update(json!({ "role": "admin" })).await;
    let running = house.running().await;
    house.update(json!({ "role": "user" })).await;
    house.has_ended(running).await;
    // With the role that is left the person may come back.
    house.app.person("bob").await.get(SESSIONS).await.expect(200);
}

async fn deactivation_ends_what_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.update(json!({ "is_active": false })).await;
    house.has_ended(running).await;
}

async fn deletion_ends_what_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.ada.delete(&house.path("")).await.expect(200);
    house.has_ended(running).await;
}

async fn what_another_process_runs_ends_too(stage: Stage) {
    let house = House::on(stage).await;
    let twin = house.app.twin().await;
    let running = Running::of_a_person(&house.provider, &twin.seen(&house.bob)).await;
    house.update(json!({ "is_active": false })).await;
    house.has_ended(running).await;
}

async fn the_command_line_ends_what_the_server_runs(stage: Stage) {
    let house = House::on(stage).await;
    let running = house.running().await;
    house.app.run(&["users", "deactivate", "--email", &house.bob.email]).expect_success();
    house.has_ended(running).await;
}

async fn what_runs_for_others_goes_on(stage: Stage) {
    let house = House::on(stage).await;
    let (there, cy) = (house.app.person("bob").await, house.app.person("cy").await);
    let mut streams = Vec::new();
    for reader in [&there, &cy] {
        let gate = Gate::closed();
        house.provider.answers_once(Reply::says("one two three").gated(&gate));
        gate.lets(1);
        let mut stream = reader.stream("Count").await;
        assert_eq!(stream.next_event().await.unwrap().delta(), "one ");
        streams.push((stream, gate));
    }

    house.bob.post("/api/v1/auths/signout", json!({})).await.expect(200);
    house.bob.get(SESSIONS).await.expect(401);
    for (stream, gate) in streams {
        gate.open();
        assert!(stream.events().await.last().unwrap().is_done());
    }
}

async fn a_higher_role_ends_nothing(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two three").gated(&gate));
    gate.lets(1);
    let mut stream = house.bob.stream("Count").await;
    assert_eq!(stream.next_event().await.unwrap().delta(), "one ");
    house.update(json!({ "role": "admin" })).await;
    house.bob.get("/api/v1/users/").await.expect(200);
    gate.open();
    assert!(stream.events().await.last().unwrap().is_done());
}

async fn a_client_that_does_not_read_keeps_no_provider_at_work(stage: Stage) {
    let house = House::on(stage).await;
    // Far more than fits between the two.
    house.provider.answers(Reply::says(&"word ".repeat(200_000)));
    let stream = house.bob.stream("Talk").await;
    house.update(json!({ "is_active": false })).await;
    house.provider.hung_up_on(1).await;
    let row = &house.app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.error.as_deref()), ("disconnected", Some(OVER)));
    assert_eq!(stream.events().await.pop().unwrap().json()["error"]["code"], OVER);
}

async fn a_request_ends_before_the_provider_says_its_first_word(stage: Stage) {
    let house = House::on(stage).await;
    house.provider.answers(Reply::never());
    let asking = house.bob.clone();
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move { asking.ask(MODEL, "Hi").await });
    house.provider.called(1).await;
    house.update(json!({ "is_active": false })).await;
    let answer = waiting.join_next().await.unwrap().unwrap().expect(401);
    assert_eq!(answer.code(), OVER);
    house.provider.hung_up_on(1).await;
    assert_eq!(house.app.usage(1).await[0].http_status, 401);
}

async fn a_request_that_is_passed_on_ends(stage: Stage) {
    let house = House::on(stage.env("ENABLE_OPENAI_API_PASSTHROUGH", "true")).await;
    house.provider.answers(Reply::never());
    let asking = house.bob.clone();
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move { asking.post("/openai/audio/speech", json!({ "input": "Hi" })).await });
    house.provider.called(1).await;
    house.update(json!({ "is_active": false })).await;
    assert_eq!(waiting.join_next().await.unwrap().unwrap().expect(401).code(), OVER);
    house.provider.hung_up_on(1).await;
}
