//! Chats: in Open WebUI's shape, each person's own, written piece by piece.

use serde_json::{Value, json};
use testkit::{Caller, Stage, TestApp, spec};

spec! {
    a_chat_of_open_webui_comes_back_as_it_was_sent;
    a_chat_saved_whole_again_with_one_change_writes_one_message;
    messages_that_a_change_leaves_out_stay;
    a_strangers_chat_is_answered_like_a_missing_one_and_stays_as_it_is;
    neither_programs_nor_strangers_nor_people_who_wait_have_chats;
    lists_pages_pins_and_archives_show_what_they_say;
    search_finds_words_in_any_case_and_shows_the_place;
    a_message_is_edited_and_deleted_with_everything_after_it;
    a_copy_lives_on_when_its_original_is_deleted;
    deleting_all_chats_deletes_mine_alone;
    another_branch_is_shown_by_naming_its_leaf;
    what_is_wrong_with_a_chat_is_said_with_the_name_of_the_field;
}

const CHATS: &str = "/api/v1/chats/";

fn message(id: &str, parent: Option<&str>, role: &str, content: &str) -> Value {
    json!({ "id": id, "parentId": parent, "childrenIds": [], "role": role, "content": content, "timestamp": 1_700_000_000 })
}

/// A question with two answers, and a second question below the second of them.
fn branched() -> Value {
    json!({ "chat": {
        "title": "Locks",
        "models": ["plain-model"],
        "history": { "currentId": "q2", "messages": {
            "q": message("q", None, "user", "What is a ward?"),
            "a1": message("a1", Some("q"), "assistant", "A ridge in a lock."),
            "a2": message("a2", Some("q"), "assistant", "A Room in a hospital."),
            "q2": message("q2", Some("a2"), "user", "And a wardroom?"),
        } },
    } })
}

async fn new_chat(person: &Caller, body: Value) -> String {
    let chat = person.post("/api/v1/chats/new", body).await.expect(200).json();
    chat["id"].as_str().unwrap().to_owned()
}

fn path(chat: &str) -> String {
    format!("/api/v1/chats/{chat}")
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|chat| chat["id"].as_str().unwrap()).collect()
}

/// When each message was last written, by its id.
fn saved(app: &TestApp) -> Vec<Vec<String>> {
    app.sql("SELECT id, saved_at FROM chat_message ORDER BY id")
}

async fn a_chat_of_open_webui_comes_back_as_it_was_sent(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let mut sent = branched();
    sent["chat"]["params"] = json!({ "temperature": 0.5 });
    sent["chat"]["files"] = json!([{ "type": "file", "id": "f" }]);
    sent["chat"]["history"]["messages"]["q"]["models"] = json!(["plain-model", "other-model"]);
    sent["chat"]["history"]["messages"]["q"]["files"] = json!([{ "id": "f" }]);
    let answer = &mut sent["chat"]["history"]["messages"]["a1"];
    answer["model"] = json!("plain-model");
    answer["modelName"] = json!("Plain");
    answer["statusHistory"] = json!([{ "done": true }]);
    answer["usage"] = json!({ "prompt_tokens": 1_000_000 });

    let id = new_chat(&ada, sent).await;
    let chat = ada.get(&path(&id)).await.expect(200).json();

    assert_eq!((&chat["title"], &chat["user_id"]), (&json!("Locks"), &json!(ada.id)));
    assert_eq!(chat["active_turns"], json!([]));
    let body = &chat["chat"];
    assert_eq!(body["params"], json!({ "temperature": 0.5 }));
    assert_eq!(body["files"], json!([{ "type": "file", "id": "f" }]));
    assert_eq!(body["history"]["currentId"], "q2");
    let messages = &body["history"]["messages"];
    assert_eq!(messages["q"]["childrenIds"], json!(["a1", "a2"]));
    assert_eq!(messages["q"]["models"], json!(["plain-model", "other-model"]));
    assert_eq!(messages["q"]["files"], json!([{ "id": "f" }]));
    assert_eq!(messages["q"]["timestamp"], 1_700_000_000);
    let answer = &messages["a1"];
    assert_eq!((&answer["model"], &answer["modelName"]), (&json!("plain-model"), &json!("Plain")));
    assert_eq!((&answer["done"], &answer["statusHistory"]), (&json!(true), &json!([{ "done": true }])));
    // What an answer took is the server's to say, and it did not write this one.
    assert_eq!(answer.get("usage"), None);
}

async fn a_chat_saved_whole_again_with_one_change_writes_one_message(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let parent = |n: usize| n.checked_sub(1).map(|n| format!("m{n:04}"));
    let messages: serde_json::Map<_, _> = (0..1000)
        .map(|n| {
            let id = format!("m{n:04}");
            let message = message(&id, parent(n).as_deref(), "user", &format!("message {n}"));
            (id, message)
        })
        .collect();
    let history = json!({ "currentId": "m0999", "messages": messages });
    let id = new_chat(&ada, json!({ "chat": { "history": history } })).await;
    let mut chat = ada.get(&path(&id)).await.expect(200).json()["chat"].clone();
    let before = saved(&app);

    chat["history"]["messages"]["m0500"]["content"] = json!("other words");
    let after = ada.post(&path(&id), json!({ "chat": chat })).await.expect(200).json();

    assert_eq!(after["chat"]["history"]["messages"]["m0500"]["content"], "other words");
    assert_eq!(after["chat"]["history"]["messages"].as_object().unwrap().len(), 1000);
    let written: Vec<_> = saved(&app).into_iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(written.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["m0500"]);
}

async fn messages_that_a_change_leaves_out_stay(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let id = new_chat(&ada, branched()).await;
    let added = json!({ "a3": message("a3", Some("q"), "assistant", "A child in care.") });
    let change = json!({ "chat": { "history": { "currentId": "a3", "messages": added } } });

    let chat = ada.post(&path(&id), change).await.expect(200).json();

    assert_eq!(chat["title"], "Locks");
    assert_eq!(chat["chat"]["models"], json!(["plain-model"]));
    assert_eq!(chat["chat"]["history"]["currentId"], "a3");
    assert_eq!(chat["chat"]["history"]["messages"].as_object().unwrap().len(), 5);
}

async fn a_strangers_chat_is_answered_like_a_missing_one_and_stays_as_it_is(stage: Stage) {
    let app = stage.env("ENABLE_ADMIN_CHAT_ACCESS", "false").start().await;
    let ada = app.admin().await;
    let bob = app.person("Bob").await;
    let id = new_chat(&bob, branched()).await;
    let before = bob.get(&path(&id)).await.expect(200).json();
    let written = saved(&app);

    // An administrator who may not read other people's chats is a stranger like everybody else.
    let requests = [
        ("GET", "", Value::Null),
        ("GET", "/pinned", Value::Null),
        ("POST", "", json!({ "chat": { "title": "Mine" } })),
        ("POST", "/pin", json!({})),
        ("POST", "/archive", json!({})),
        ("POST", "/clone", json!({})),
        ("POST", "/messages/q", json!({ "content": "mine" })),
        ("DELETE", "/messages/q", Value::Null),
        ("DELETE", "", Value::Null),
        ("POST", "/turns", json!({ "model": "m", "parent_id": null, "content": "mine" })),
    ];
    for (method, rest, body) in requests {
        let ask = async |chat: &str| {
            let draft = ada.draft(method, &format!("{}{rest}", path(chat)));
            if body.is_null() { draft.send().await } else { draft.json(&body).send().await }
        };
        let (strange, missing) = (ask(&id).await, ask("chat_nowhere").await);
        assert_eq!(strange.status, 404, "{method} {rest}");
        assert_eq!(strange.text(), missing.text(), "{method} {rest}");
    }
    ada.delete(CHATS).await.expect(200);

    assert_eq!(bob.get(&path(&id)).await.expect(200).json(), before);
    assert_eq!(saved(&app), written);
    assert_eq!(ada.get(CHATS).await.expect(200).json(), json!([]));
    assert_eq!(ada.get("/api/v1/chats/search?text=ward").await.expect(200).json(), json!([]));
}

async fn neither_programs_nor_strangers_nor_people_who_wait_have_chats(stage: Stage) {
    let app = stage.env("DEFAULT_USER_ROLE", "pending").start().await;
    app.admin().await;
    let waiting = app.person("Waiting").await;
    let program = app.key().create().await;
    let callers: [&Caller; 4] = [&waiting, &program, &app.master(), &app.anonymous()];
    for caller in callers {
        caller.get(CHATS).await.expect(401);
        caller.post("/api/v1/chats/new", branched()).await.expect(401);
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["0"]]);
}

async fn lists_pages_pins_and_archives_show_what_they_say(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let mut made = Vec::new();
    for n in 0..62 {
        made.push(new_chat(&ada, json!({ "chat": { "title": format!("Chat {n}") } })).await);
    }
    let (pinned, archived) = (&made[3], &made[5]);
    assert_eq!(
        ada.post(&format!("{}/pin", path(pinned)), json!({})).await.expect(200).json()["pinned"],
        true
    );
    assert_eq!(ada.get(&format!("{}/pinned", path(pinned))).await.expect(200).text(), "true");
    let answer = ada.post(&format!("{}/archive", path(archived)), json!({})).await.expect(200);
    assert_eq!(answer.json()["archived"], true);

    let list = async |query: &str| ada.get(&format!("{CHATS}{query}")).await.expect(200).json();
    let all = list("").await;
    assert_eq!(ids(&all).len(), 61);
    assert_eq!(ids(&all)[0], made[61], "the latest is first");
    assert!(!ids(&all).contains(&archived.as_str()));
    assert_eq!(ids(&list("?page=1").await).len(), 60);
    assert_eq!(ids(&list("?page=2").await), [made[0].as_str()]);
    assert_eq!(list("list").await, all);
    assert!(!ids(&list("?include_pinned=false").await).contains(&pinned.as_str()));
    assert_eq!(ids(&list("pinned").await), [pinned.as_str()]);
    assert_eq!(ids(&list("archived").await), [archived.as_str()]);
    let title = &all[0];
    assert_eq!(
        (&title["title"], &title["pinned"], &title["archived"]),
        (&json!("Chat 61"), &json!(false), &json!(false))
    );

    ada.post(&format!("{}/archive", path(archived)), json!({})).await.expect(200);
    assert_eq!(list("archived").await, json!([]));
}

async fn search_finds_words_in_any_case_and_shows_the_place(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let id = new_chat(&ada, branched()).await;
    new_chat(&ada, json!({ "chat": { "title": "100% something else" } })).await;
    let find =
        async |text: &str| ada.get(&format!("/api/v1/chats/search?text={text}")).await.expect(200).json();

    let found = find("ROOM").await;
    assert_eq!(ids(&found), [id.as_str()]);
    assert!(found[0]["snippet"].as_str().unwrap().contains("Room in a hospital"), "{found}");
    assert_eq!(find("lOCKS").await[0]["snippet"], Value::Null);
    // A sign of the pattern language is a sign like any other.
    assert_eq!(ids(&find("100%25").await).len(), 1);
    assert_eq!(find("1%25s").await, json!([]));
    assert_eq!(find("nowhere").await, json!([]));
}

async fn a_message_is_edited_and_deleted_with_everything_after_it(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let id = new_chat(&ada, branched()).await;
    let message = |message: &str| format!("{}/messages/{message}", path(&id));

    let chat = ada.post(&message("a1"), json!({ "content": "A notch." })).await.expect(200).json();
    assert_eq!(chat["chat"]["history"]["messages"]["a1"]["content"], "A notch.");

    let chat = ada.delete(&message("a2")).await.expect(200).json();
    let history = &chat["chat"]["history"];
    assert_eq!(history["messages"].as_object().unwrap().keys().collect::<Vec<_>>(), ["a1", "q"]);
    assert_eq!(history["currentId"], "q");
    assert_eq!(history["messages"]["q"]["childrenIds"], json!(["a1"]));
    ada.delete(&message("a2")).await.expect(404);
    ada.post(&message("a2"), json!({ "content": "x" })).await.expect(404);
}

async fn a_copy_lives_on_when_its_original_is_deleted(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let id = new_chat(&ada, branched()).await;
    let copy = ada.post(&format!("{}/clone", path(&id)), json!({})).await.expect(200).json();
    let copy = copy["id"].as_str().unwrap();

    assert_eq!(ada.delete(&path(&id)).await.expect(200).text(), "true");
    ada.get(&path(&id)).await.expect(404);
    ada.delete(&path(&id)).await.expect(404);

    let left = ada.get(&path(copy)).await.expect(200).json();
    assert_eq!(left["title"], "Copy of Locks");
    assert_eq!(left["chat"]["history"]["messages"].as_object().unwrap().len(), 4);
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat_message"), [["4"]]);
}

async fn deleting_all_chats_deletes_mine_alone(stage: Stage) {
    let app = stage.start().await;
    let (ada, bob) = (app.admin().await, app.person("Bob").await);
    new_chat(&ada, branched()).await;
    new_chat(&ada, branched()).await;
    let bobs = new_chat(&bob, branched()).await;
    assert_eq!(ada.delete(CHATS).await.expect(200).text(), "true");
    assert_eq!(ada.get(CHATS).await.expect(200).json(), json!([]));
    assert_eq!(ids(&bob.get(CHATS).await.expect(200).json()), [bobs.as_str()]);
}

async fn another_branch_is_shown_by_naming_its_leaf(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let id = new_chat(&ada, branched()).await;
    let before = saved(&app);
    let show = async |leaf: &str| {
        let change = json!({ "chat": { "history": { "currentId": leaf } } });
        ada.post(&path(&id), change).await
    };
    show("a1").await.expect(200);
    let refused = show("nobody").await.expect(400);
    assert_eq!(
        (refused.code().as_str(), &refused.json()["field"]),
        ("invalid_value", &json!("chat.history.currentId"))
    );
    let chat = ada.get(&path(&id)).await.expect(200).json();
    assert_eq!(chat["chat"]["history"]["currentId"], "a1");
    assert_eq!(saved(&app), before);
}

async fn what_is_wrong_with_a_chat_is_said_with_the_name_of_the_field(stage: Stage) {
    let app = stage.start().await;
    let ada = app.admin().await;
    let with = |messages: Value| json!({ "chat": { "history": { "messages": messages } } });
    let circle =
        json!({ "a": message("a", Some("b"), "user", ""), "b": message("b", Some("a"), "user", "") });
    let cases = [
        (json!({}), ""),
        (json!({ "chat": [] }), "chat"),
        (json!({ "chat": { "title": 5 } }), "chat"),
        (json!({ "chat": { "title": "x".repeat(201) } }), "chat.title"),
        (json!({ "chat": { "models": vec!["m"; 33] } }), "chat.models"),
        (with(circle), "chat.history.messages"),
        (with(json!({ "a": message("a", Some("lost"), "user", "") })), "chat.history.messages"),
        (with(json!({ "a": message("b", None, "user", "") })), "chat.history.messages.a.id"),
        (with(json!({ "a": message("a", None, "robot", "") })), "chat"),
        (with(json!({ "../a": message("../a", None, "user", "") })), "chat"),
        (json!({ "chat": { "history": { "currentId": "a" } } }), "chat.history.currentId"),
    ];
    for (body, field) in cases {
        let refused = ada.post("/api/v1/chats/new", body.clone()).await.expect(400).json();
        let named = refused["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field) && (field.is_empty() || !named.is_empty()), "{refused} for {body}");
    }
    ada.get("/api/v1/chats/..%2f..%2fetc").await.expect(404);
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["0"]]);
}
