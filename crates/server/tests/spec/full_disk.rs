//! A disk that takes no more: a change without its record does not happen, and everything goes on when there is space.

use std::fs;

use serde_json::json;
use testkit::{Stage, TestApp, eventually, spec, spec_sqlite};

spec_sqlite! {
    a_change_that_cannot_be_recorded_is_refused_and_has_no_effect;
}

spec! {
    a_log_file_that_takes_no_more_is_shown_and_caught_up_later;
}

/// Makes chats with long names until one is refused. Says how many were made.
async fn fill(app: &TestApp, person: &testkit::Caller) -> usize {
    for made in 0..5_000 {
        let body = json!({ "chat": { "title": format!("{made} {}", "x".repeat(150)) } });
        let answer = person.post("/api/v1/chats/new", body).await;
        if answer.status != 200 {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (503, "database_unavailable"),
                "{}",
                app.log()
            );
            assert_eq!(answer.header("retry-after"), Some("1"));
            return made;
        }
    }
    panic!("the disk is never full");
}

async fn a_change_that_cannot_be_recorded_is_refused_and_has_no_effect(stage: Stage) {
    let mut app = stage.env("ENABLE_AUDIT_LOGS_FILE", "false").disk_of(1_500).start().await;
    let ada = app.admin().await;
    let made = fill(&app, &ada).await;

    for _ in 0..3 {
        ada.post("/api/v1/keys", json!({ "name": "no space" })).await.expect(503);
    }
    // A refused sign-in is a smaller record, so a few of them may still fit.
    let mut refused = 0;
    let wrong = json!({ "email": "x@y.example", "password": "no" });
    while app.anonymous().post("/api/v1/auths/signin", wrong.clone()).await.status != 503 {
        refused += 1;
        assert!(refused < 100, "a sign-in is refused without a record");
    }
    // Reading goes on.
    let chats = ada.get("/api/v1/chats/").await.expect(200).json();
    assert!(!chats.as_array().unwrap().is_empty());
    let keys = ada.get("/api/v1/auths/").await.expect(200).json();
    assert_eq!(keys["id"], ada.id);

    app.make_space();
    let key =
        async || (ada.post("/api/v1/keys", json!({ "name": "space" })).await.status == 201).then_some(());
    eventually("space is noticed", key).await;

    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [[made.to_string()]]);
    assert_eq!(app.sql("SELECT COUNT(*) FROM audit_record WHERE event = 'chat.made'"), [[made.to_string()]]);
    let recorded = app.sql("SELECT COUNT(*) FROM audit_record WHERE event = 'session.refused'");
    assert_eq!(recorded, [[refused.to_string()]]);
    assert_eq!(app.sql("SELECT name FROM virtual_key WHERE revoked_at IS NULL"), [["space"]]);
    app.stop().await;
    app.run(&["audit", "verify"]).expect_success();
}

/// The records are on PostgreSQL's disk here, and only the log's is full.
async fn a_log_file_that_takes_no_more_is_shown_and_caught_up_later(stage: Stage) {
    if stage.is_sqlite() {
        return;
    }
    let mut app = stage.disk_of(40).start().await;
    let ada = app.admin().await;
    for n in 0..60 {
        let body = json!({ "chat": { "title": format!("{n} {}", "x".repeat(150)) } });
        ada.post("/api/v1/chats/new", body).await.expect(200);
    }
    let file = async || ada.get("/api/v1/audit/status").await.expect(200).json()["sinks"][1].clone();
    let full = file().await;
    assert_eq!((&full["kind"], &full["ok"]), (&json!("file"), &json!(false)), "{full}");
    let text = fs::read_to_string(app.data_dir().join("audit.log")).unwrap();
    assert!(text.ends_with('\n') && text.len() <= 40 * 1024, "half a line was left behind");

    app.make_space();
    eventually("the file works again", async || (file().await["ok"] == true).then_some(())).await;

    app.stop().await;
    let made = of_event(&app, "chat.made");
    assert_eq!(made, 60);
    app.run(&["audit", "verify"]).expect_success();
}

fn of_event(app: &TestApp, event: &str) -> usize {
    let text = fs::read_to_string(app.data_dir().join("audit.log")).unwrap();
    text.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count()
}
