//! Administrators who read other people's chats: never unseen, and never more than reading.

use serde_json::{Value, json};
use testkit::{Person, TestApp, spec};

spec! {
    an_administrator_who_opens_a_chat_leaves_a_record_and_its_owner_sees_it;
    an_administrator_changes_nothing_in_a_chat_of_others;
    the_access_log_is_its_owners;
    a_persons_chats_are_listed_for_administrators_alone;
    an_export_of_everything_is_recorded_and_seen_by_each_owner;
    an_export_of_ones_own_holds_ones_own;
}

async fn chat_of(person: &Person, title: &str) -> String {
    let message =
        json!({ "id": "m1", "role": "user", "content": "Hi there", "parentId": null, "childrenIds": [] });
    let chat = json!({ "title": title, "history": { "currentId": "m1", "messages": { "m1": message } } });
    let made = person.post("/api/v1/chats/new", json!({ "chat": chat })).await.expect(200).json();
    format!("/api/v1/chats/{}", made["id"].as_str().unwrap())
}

async fn log_of(person: &Person, chat: &str) -> Vec<Value> {
    let log = person.get(&format!("{chat}/access-log")).await.expect(200).json();
    log["items"].as_array().unwrap().clone()
}

fn readings(app: &TestApp) -> Vec<Vec<String>> {
    app.sql("SELECT actor_id, target_id FROM audit_record WHERE event = 'chat.read_by_admin' ORDER BY seq")
}

async fn an_administrator_who_opens_a_chat_leaves_a_record_and_its_owner_sees_it(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chat = chat_of(&bob, "Plans").await;
    let id = chat.rsplit('/').next().unwrap().to_owned();
    assert_eq!(log_of(&bob, &chat).await, [Value::Null; 0]);

    let shown = ada.get(&chat).await.expect(200);
    assert_eq!(shown.json()["title"], "Plans");
    assert_eq!(readings(&app), [[ada.id.clone(), id.clone()]]);
    let request = shown.header("x-request-id").unwrap();
    let of_request = app.sql(&format!("SELECT event FROM audit_record WHERE request_id = '{request}'"));
    assert_eq!(of_request, [["chat.read_by_admin"]]);
    let log = log_of(&bob, &chat).await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["admin"], json!({ "id": ada.id, "name": "Ada Admin" }));
    assert!(log[0]["at"].as_i64().unwrap() > 0);
    assert_eq!(bob.get(&chat).await.expect(200).json()["admin_reads"], 1);
    // One's own are one's own.
    let hers = chat_of(&ada, "Mine").await;
    ada.get(&hers).await.expect(200);
    assert_eq!(log_of(&ada, &hers).await, [Value::Null; 0]);
    assert_eq!(readings(&app).len(), 1);
    // A chat that is not there is read by nobody.
    ada.get("/api/v1/chats/chat_nobody").await.expect(404);
    assert_eq!(readings(&app).len(), 1);
}

async fn an_administrator_changes_nothing_in_a_chat_of_others(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chat = chat_of(&bob, "Plans").await;
    let message = bob.get(&chat).await.expect(200).json()["chat"]["history"]["currentId"].clone();
    let message = message.as_str().unwrap();
    let before = bob.get(&chat).await.expect(200).text();
    for (rest, body) in [
        (String::new(), json!({ "chat": { "title": "Mine" } })),
        ("/share".into(), json!({})),
        ("/pin".into(), json!({})),
        ("/archive".into(), json!({})),
        ("/clone".into(), json!({})),
        ("/turns".into(), json!({ "model": "m", "parent_id": null, "content": "Hi" })),
        (format!("/messages/{message}"), json!({ "content": "Other words" })),
    ] {
        let theirs = ada.post(&format!("{chat}{rest}"), body.clone()).await.expect(404);
        let none = ada.post(&format!("/api/v1/chats/chat_nobody{rest}"), body).await.expect(404);
        assert_eq!(theirs.text(), none.text(), "{rest}");
    }
    ada.delete(&chat).await.expect(404);
    ada.delete(&format!("{chat}/messages/{message}")).await.expect(404);
    assert_eq!(bob.get(&chat).await.expect(200).text(), before);
}

async fn the_access_log_is_its_owners(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let chat = chat_of(&bob, "Plans").await;
    let (theirs, none) = (format!("{chat}/access-log"), "/api/v1/chats/chat_nobody/access-log");
    for stranger in [&*ada, &cy] {
        let missing = stranger.get(none).await.expect(404).text();
        assert_eq!(stranger.get(&theirs).await.expect(404).text(), missing);
    }
    // Another member is no administrator, whatever is switched on.
    assert_eq!(
        cy.get(&chat).await.expect(404).text(),
        cy.get("/api/v1/chats/chat_nobody").await.expect(404).text()
    );
    assert_eq!(bob.get(&chat).await.expect(200).json()["admin_reads"], 0);
}

async fn a_persons_chats_are_listed_for_administrators_alone(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    chat_of(&bob, "Plans").await;
    let list = format!("/api/v1/chats/list/user/{}", bob.id);
    let shown = ada.get(&list).await.expect(200);
    assert_eq!(shown.json()[0]["title"], "Plans");
    let request = shown.header("x-request-id").unwrap();
    let of_request = app.sql(&format!("SELECT event FROM audit_record WHERE request_id = '{request}'"));
    assert_eq!(of_request, [["data.read"]]);
    for other in [&bob, &cy] {
        other.get(&list).await.expect(401);
    }
    app.anonymous().get(&list).await.expect(401);
    assert_eq!(ada.get(&format!("{list}?page=2")).await.expect(200).json(), json!([]));
}

async fn an_export_of_everything_is_recorded_and_seen_by_each_owner(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let (bobs, cys) = (chat_of(&bob, "Plans").await, chat_of(&cy, "Notes").await);
    let export = ada.get("/api/v1/chats/all/db").await.expect(200);
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    assert!(export.header("content-disposition").unwrap().starts_with("attachment"));
    let lines: Vec<Value> = export.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut titles: Vec<_> = lines.iter().map(|chat| chat["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Notes", "Plans"]);
    let request = export.header("x-request-id").unwrap();
    let of_request =
        app.sql(&format!("SELECT event, actor_id FROM audit_record WHERE request_id = '{request}'"));
    assert_eq!(of_request, [["data.exported".to_owned(), ada.id.clone()]]);
    assert_eq!(log_of(&bob, &bobs).await.len(), 1);
    assert_eq!(log_of(&cy, &cys).await[0]["admin"]["id"], json!(ada.id));
}

async fn an_export_of_ones_own_holds_ones_own(app: TestApp) {
    let (_ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    chat_of(&bob, "Plans").await;
    chat_of(&bob, "More plans").await;
    chat_of(&cy, "Notes").await;
    let mine = bob.get("/api/v1/chats/all").await.expect(200).text();
    assert_eq!(mine.lines().count(), 2);
    assert!(mine.contains("More plans") && !mine.contains("Notes"));
    app.anonymous().get("/api/v1/chats/all").await.expect(401);
}
