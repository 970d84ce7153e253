//! Chats that people bring along, from an export or from a link.

use serde_json::{Value, json};
use testkit::{Answer, Person, Stage, TestApp, spec};

spec! {
    an_import_keeps_what_was_said_and_when_and_belongs_to_whoever_imports;
    an_import_is_all_or_nothing;
    what_nobody_may_write_comes_in_by_no_import;
    a_shared_chat_becomes_ones_own_and_its_owner_sees_nothing_of_it;
    a_link_that_opens_nothing_is_copied_by_nobody;
}

const IMPORT: &str = "/api/v1/chats/import";

fn message(role: &str, extra: &Value) -> Value {
    let mut message = json!({ "id": "m1", "role": role, "content": "Hi there", "parentId": null, "childrenIds": [],
        "timestamp": 1_600_000_001 });
    message.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    message
}

fn chat(title: &str, message: &Value) -> Value {
    json!({ "title": title, "models": ["plain-model"], "history": { "currentId": "m1", "messages": { "m1": message } } })
}

async fn titles(person: &Person) -> Vec<Value> {
    let list = person.get("/api/v1/chats/").await.expect(200).json();
    list.as_array().unwrap().iter().map(|chat| chat["title"].clone()).collect()
}

#[track_caller]
fn lacks(answer: Answer, permission: &str) {
    let refused = answer.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    assert!(refused.message().contains(&format!("'{permission}'")), "{}", refused.message());
}

async fn an_import_keeps_what_was_said_and_when_and_belongs_to_whoever_imports(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let taken =
        ada.post("/api/v1/chats/new", json!({ "chat": { "title": "Hers" } })).await.expect(200).json();
    let export = json!({
        "id": taken["id"], "user_id": ada.id, "share_id": "share_0001", "folder_id": "f", "admin_reads": 9,
        "chat": chat("Old times", &message("user", &json!({}))), "meta": { "tags": ["a"] },
        "pinned": true, "archived": false, "created_at": 1_600_000_000, "updated_at": 1_600_000_100,
    });
    let later = json!({ "chat": chat("From tomorrow", &message("user", &json!({}))), "created_at": 9_999_999_999_i64 });
    let made = bob.post(IMPORT, json!({ "chats": [export, later] })).await.expect(200).json();
    let (old, new) = (&made[0], &made[1]);
    assert_ne!(old["id"], taken["id"]);
    assert_eq!(
        (&old["user_id"], &old["share_id"], &old["admin_reads"]),
        (&json!(bob.id), &Value::Null, &json!(0))
    );
    assert_eq!((&old["pinned"], &old["archived"]), (&json!(true), &json!(false)));
    assert_eq!((&old["created_at"], &old["updated_at"]), (&json!(1_600_000_000), &json!(1_600_000_100)));
    assert_eq!(old["chat"]["history"]["messages"]["m1"]["content"], "Hi there");
    assert!(new["created_at"].as_i64().unwrap() < 9_999_999_999);
    assert_eq!(titles(&ada).await, ["Hers"]);
    assert_eq!(titles(&bob).await, ["From tomorrow", "Old times"]);
    let records = app.sql("SELECT actor_id FROM audit_record WHERE event = 'chat.made' ORDER BY seq");
    assert_eq!(records, [[ada.id.clone()], [bob.id.clone()], [bob.id.clone()]]);
}

async fn an_import_is_all_or_nothing(app: TestApp) {
    let (_ada, bob) = (app.admin().await, app.person("bob").await);
    let fine = json!({ "chat": chat("Fine", &message("user", &json!({}))) });
    let torn = json!({ "chat": chat("Torn", &message("user", &json!({ "parentId": "nobody" }))) });
    let long = json!({ "chat": { "title": "x".repeat(201) } });
    for broken in [torn, long, json!({}), json!({ "chat": 1 }), json!(null)] {
        bob.post(IMPORT, json!({ "chats": [fine, broken] })).await.expect(400);
    }
    bob.post(IMPORT, json!({ "chats": vec![json!({ "chat": {} }); 1001] })).await.expect(400);
    bob.post(IMPORT, json!({})).await.expect(400);
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["0"]]);
    assert_eq!(bob.post(IMPORT, json!({ "chats": [] })).await.expect(200).json(), json!([]));
}

async fn what_nobody_may_write_comes_in_by_no_import(stage: Stage) {
    let app = ["SYSTEM_PROMPT", "FILE_UPLOAD", "RATE_RESPONSE", "MULTIPLE_MODELS"]
        .into_iter()
        .fold(stage, |stage, name| stage.env(&format!("USER_PERMISSIONS_CHAT_{name}"), "false"))
        .start()
        .await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    for (message, permission) in [
        (message("system", &json!({})), "chat.system_prompt"),
        (message("user", &json!({ "files": [{ "type": "file", "id": "f" }] })), "chat.file_upload"),
        (message("assistant", &json!({ "annotation": { "rating": 1 } })), "chat.rate_response"),
        (message("user", &json!({ "models": ["a", "b"] })), "chat.multiple_models"),
    ] {
        let chat = chat("Mine", &message);
        lacks(bob.post(IMPORT, json!({ "chats": [{ "chat": chat }] })).await, permission);
        lacks(bob.post("/api/v1/chats/new", json!({ "chat": chat })).await, permission);
        ada.post(IMPORT, json!({ "chats": [{ "chat": chat }] })).await.expect(200);
    }
    assert_eq!(titles(&bob).await, [""; 0]);
    let off = json!({ "chat": { "import": false } });
    ada.post("/api/v1/users/default/permissions", off).await.expect(200);
    lacks(bob.post(IMPORT, json!({ "chats": [] })).await, "chat.import");
}

async fn shared(person: &Person, title: &str) -> (String, String) {
    let body = json!({ "chat": chat(title, &message("user", &json!({}))) });
    let made = person.post("/api/v1/chats/new", body).await.expect(200).json();
    let path = format!("/api/v1/chats/{}", made["id"].as_str().unwrap());
    let shared = person.post(&format!("{path}/share"), json!({})).await.expect(200).json();
    (path, format!("/api/v1/chats/{}/clone/shared", shared["share_id"].as_str().unwrap()))
}

async fn a_shared_chat_becomes_ones_own_and_its_owner_sees_nothing_of_it(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (original, copy) = shared(&ada, "Plans").await;
    let before = ada.get(&original).await.expect(200).text();
    let made = bob.post(&copy, json!({})).await.expect(200).json();
    assert_eq!((&made["title"], &made["user_id"]), (&json!("Copy of Plans"), &json!(bob.id)));
    assert_eq!((&made["share_id"], &made["pinned"]), (&Value::Null, &json!(false)));
    assert!(made.to_string().contains("Hi there"));
    let mine = format!("/api/v1/chats/{}", made["id"].as_str().unwrap());
    bob.post(&mine, json!({ "chat": { "title": "Other plans" } })).await.expect(200);
    assert_eq!(ada.get(&original).await.expect(200).text(), before);
    ada.delete(&original).await.expect(200);
    bob.get(&mine).await.expect(200);
}

async fn a_link_that_opens_nothing_is_copied_by_nobody(stage: Stage) {
    let mut app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (original, copy) = shared(&ada, "Plans").await;
    let missing = bob.post("/api/v1/chats/share_0001/clone/shared", json!({})).await.expect(404).text();
    app.anonymous().post(&copy, json!({})).await.expect(401);
    // The chat's own id is no link.
    assert_eq!(bob.post(&format!("{original}/clone/shared"), json!({})).await.expect(404).text(), missing);
    ada.delete(&format!("{original}/share")).await.expect(200);
    assert_eq!(bob.post(&copy, json!({})).await.expect(404).text(), missing);
    let (_, copy) = shared(&ada, "More plans").await;
    ada.post("/api/v1/users/default/permissions", json!({ "chat": { "share": false } })).await.expect(200);
    bob.post(&copy, json!({})).await.expect(200);
    app.set_env("ENABLE_COMMUNITY_SHARING", "false");
    app.restart().await;
    assert_eq!(bob.post(&copy, json!({})).await.expect(404).text(), missing);
    assert_eq!(titles(&bob).await, ["Copy of More plans"]);
}
