//! Strangers who are refused again and again: the log stays small, and still tells of each of them.

use serde_json::{Value, json};
use testkit::{Caller, Stage, TestApp, spec};

spec! {
    a_flood_of_strangers_is_counted_and_told_in_one_record;
    a_key_that_is_over_does_not_fill_the_log_however_often_its_program_tries;
    a_flood_hides_neither_other_networks_nor_failed_sign_ins;
}

/// More than one network has recorded one by one at once.
const FLOOD: usize = 400;

async fn flood(caller: &Caller, path: &str) {
    for _ in 0..FLOOD {
        caller.get(path).await.expect(401);
    }
}

/// All records of the event about this address or actor, as they were written.
fn records(app: &TestApp, matching: &str) -> Vec<Value> {
    let rows = app.sql(&format!("SELECT body FROM audit_record WHERE {matching} ORDER BY seq"));
    rows.concat().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

/// How many refusals these records tell of, and how many of them tell of more than their own.
fn told(records: &[Value]) -> (u64, usize) {
    let counts = records.iter().map(|record| record["detail"]["repeated"].as_u64());
    (counts.clone().map(|count| count.unwrap_or(1)).sum(), counts.flatten().count())
}

async fn a_flood_of_strangers_is_counted_and_told_in_one_record(stage: Stage) {
    let mut app = stage.start().await;
    flood(&app.anonymous(), "/api/v1/users/").await;
    let before = records(&app, "event = 'access.denied'");
    assert!(before.len() < FLOOD, "each is recorded");
    assert_eq!(told(&before).1, 0, "nothing is told before the minute is over");

    app.stop().await;
    let denials = records(&app, "event = 'access.denied'");
    assert_eq!(told(&denials), (FLOOD as u64, 1), "none is lost");
    let last = denials.last().unwrap();
    assert_eq!(last["detail"]["source"], "127.0.0.0/24");
    assert!(last["detail"]["since"].is_i64(), "{last}");
    let (actor, request) = (&last["actor"]["kind"], &last["request"]);
    assert_eq!(
        (actor, &request["status"], &request["address"]),
        (&json!("anonymous"), &json!(401), &json!("127.0.0.1"))
    );
    app.start_again().await;
    let report = app.admin().await.post("/api/v1/audit/verify", json!({})).await.expect(200).json();
    assert_eq!(report["ok"], true, "{report}");
}

async fn a_key_that_is_over_does_not_fill_the_log_however_often_its_program_tries(stage: Stage) {
    let mut app = stage.start().await;
    let key = app.key().create().await;
    key.block().await;
    flood(&key, "/v1/models").await;
    app.stop().await;
    let denials = records(&app, &format!("event = 'access.denied' AND actor_id = '{}'", key.id));
    assert!(denials.len() < FLOOD, "each is recorded");
    assert_eq!(told(&denials), (FLOOD as u64, 1), "none is lost");
    assert_eq!(denials.last().unwrap()["detail"]["source"], key.id);
}

async fn a_flood_hides_neither_other_networks_nor_failed_sign_ins(stage: Stage) {
    let app = stage.start().await;
    app.admin().await;
    flood(&app.anonymous(), "/api/v1/users/").await;
    let elsewhere = app.anonymous().with("x-forwarded-for", "198.51.100.7");
    elsewhere.get("/api/v1/users/").await.expect(401);
    assert_eq!(records(&app, "event = 'access.denied' AND address = '198.51.100.7'").len(), 1);
    for tried in ["ada@example.com", "bob@example.com"] {
        let wrong = json!({ "email": tried, "password": "a guess" });
        app.anonymous().post("/api/v1/auths/signin", wrong).await.expect(400);
    }
    let refused = records(&app, "event = 'session.refused'");
    let names: Vec<_> = refused.iter().map(|record| &record["detail"]["tried"]).collect();
    assert_eq!(names, ["ada@example.com", "bob@example.com"]);
}
