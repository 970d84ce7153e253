//! The process dies without a goodbye, under load: what was acknowledged is there, and what is there fits
//! together.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{Caller, FakeProvider, MODEL, Reply, Stage, TestApp, spec};
use tokio::task::JoinSet;

spec! {
    what_was_acknowledged_before_a_kill_is_there_after_it;
    the_ledger_and_the_spend_of_a_key_agree_after_a_kill;
    the_usage_of_answered_requests_is_there_but_for_the_last_moment;
    a_budget_is_not_refilled_by_a_kill;
    a_kill_in_the_middle_of_the_first_start_leaves_nothing_half_made;
}

/// What clients were told is done.
#[derive(Default)]
struct Acknowledged {
    chats: Mutex<Vec<(String, String)>>,
    keys: Mutex<Vec<String>>,
    answers: AtomicUsize,
    is_over: AtomicBool,
}

impl Acknowledged {
    fn go_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }
}

async fn write_chats(person: Caller, done: Arc<Acknowledged>, worker: usize) {
    for n in 0.. {
        if !done.go_on() {
            return;
        }
        let title = format!("chat {worker}-{n}");
        let body = json!({ "chat": { "title": title } });
        let Ok(made) = person.draft("POST", "/api/v1/chats/new").json(&body).try_send().await else { return };
        if made.status == 200 {
            let id = made.json()["id"].as_str().unwrap().to_owned();
            done.chats.lock().unwrap().push((id, title));
        }
    }
}

async fn make_keys(admin: Caller, done: Arc<Acknowledged>) {
    for n in 0.. {
        if !done.go_on() {
            return;
        }
        let body = json!({ "name": format!("made {n}") });
        let Ok(made) = admin.draft("POST", "/api/v1/keys").json(&body).try_send().await else { return };
        if made.status == 201 {
            done.keys.lock().unwrap().push(made.json()["key"].as_str().unwrap().to_owned());
        }
    }
}

async fn ask_models(program: Caller, done: Arc<Acknowledged>, is_stream: bool) {
    while done.go_on() {
        let body = json!({ "model": MODEL, "stream": is_stream, "max_tokens": 5, "messages": [{ "role": "user", "content": "Hi" }] });
        let Ok(answer) = program.draft("POST", "/v1/chat/completions").json(&body).try_send().await else {
            return;
        };
        if answer.status == 200 {
            done.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Loads the app from all sides, kills it in the middle and starts it again.
async fn kill_under_load(app: &mut TestApp, program: &Caller) -> Arc<Acknowledged> {
    let done = Arc::new(Acknowledged::default());
    let admin = app.admin().await.caller();
    let mut load = JoinSet::new();
    for worker in 0..3 {
        load.spawn(write_chats(admin.clone(), done.clone(), worker));
        load.spawn(ask_models(program.clone(), done.clone(), worker % 2 == 0));
    }
    load.spawn(make_keys(admin, done.clone()));
    let enough = || {
        done.chats.lock().unwrap().len() >= 20
            && done.answers.load(Ordering::Relaxed) >= 20
            && done.keys.lock().unwrap().len() >= 5
    };
    testkit::eventually("enough load", async || enough().then_some(())).await;

    app.kill();
    done.is_over.store(true, Ordering::Relaxed);
    load.join_all().await;

    if app.is_sqlite() {
        assert_eq!(app.sql("PRAGMA integrity_check"), [["ok"]]);
        assert!(app.sql("PRAGMA foreign_key_check").is_empty());
    }
    app.start_again().await;
    done
}

async fn shop(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 100.0, 1000.0).start().await;
    (app, provider)
}

async fn what_was_acknowledged_before_a_kill_is_there_after_it(stage: Stage) {
    let (mut app, _provider) = shop(stage).await;
    let program = app.key().create().await;

    let done = kill_under_load(&mut app, &program).await;

    let ada = app.admin().await;
    let chats = done.chats.lock().unwrap().clone();
    let listed = ada.get("/api/v1/chats/").await.expect(200).json();
    for (id, title) in &chats {
        let is_it = |chat: &&Value| chat["id"] == id.as_str() && chat["title"] == title.as_str();
        assert!(
            listed.as_array().unwrap().iter().any(|chat| is_it(&chat)),
            "{title} of {} is lost",
            chats.len()
        );
    }
    let keys = done.keys.lock().unwrap().clone();
    for key in &keys {
        app.anonymous().bearer(key).get("/v1/models").await.expect(200);
    }
    program.chat("Hi").await.expect(200);
    assert!(!app.log().contains("panicked"), "{}", app.log());
}

async fn the_ledger_and_the_spend_of_a_key_agree_after_a_kill(stage: Stage) {
    let (mut app, _provider) = shop(stage).await;
    let program = app.key().budget(1000.0).create().await;
    for _ in 0..2 {
        kill_under_load(&mut app, &program).await;
        let sums = app.sql(&format!(
            "SELECT SUM(cost), (SELECT spend FROM virtual_key WHERE id = '{0}') FROM usage_record WHERE key_id = '{0}'",
            program.id
        ));
        assert_eq!(sums[0][0], sums[0][1]);
        assert_eq!(program.shown().await["reserved"], 0.0);
        let twice = app.sql("SELECT request_id FROM usage_record GROUP BY request_id HAVING COUNT(*) > 1");
        assert!(twice.is_empty(), "{twice:?}");
    }
}

async fn the_usage_of_answered_requests_is_there_but_for_the_last_moment(stage: Stage) {
    let (mut app, provider) = shop(stage).await;
    let program = app.key().create().await;
    for _ in 0..30 {
        program.chat("Hi").await.expect(200);
    }
    // Rows gather for a moment before they are written; a tenth of a second is many such moments.
    tokio::time::sleep(Duration::from_millis(500)).await;

    app.kill();
    app.start_again().await;

    app.usage(30).await;
    assert_eq!(provider.calls(), 30);
}

async fn a_budget_is_not_refilled_by_a_kill(stage: Stage) {
    let (mut app, provider) = shop(stage).await;
    provider.answers(Reply::says_for("Hello.", 10, 5));
    let program = app.key().budget(0.02).create().await;
    let question =
        json!({ "model": MODEL, "max_tokens": 5, "messages": [{ "role": "user", "content": "Hi" }] });
    while program.complete(question.clone()).await.status == 200 {}
    tokio::time::sleep(Duration::from_millis(500)).await;
    let calls = provider.calls();

    app.kill();
    app.start_again().await;

    assert_eq!(program.complete(question).await.expect(429).code(), "budget_exceeded");
    assert_eq!(provider.calls(), calls);
}

async fn a_kill_in_the_middle_of_the_first_start_leaves_nothing_half_made(stage: Stage) {
    for milliseconds in [2, 5, 10, 20, 40, 80] {
        stage.kill_after(Duration::from_millis(milliseconds));
    }
    let app = stage.start().await;
    app.admin().await.get("/api/v1/auths/").await.expect(200);
    let twice = app.sql("SELECT version FROM schema_migration GROUP BY version HAVING COUNT(*) > 1");
    assert!(twice.is_empty(), "{twice:?}");
}
