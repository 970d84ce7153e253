//! What people may do beyond their role: who decides it, and what a missing permission keeps out.

use serde_json::{Value, json};
use testkit::{Answer, FakeProvider, MODEL, Person, Stage, TestApp, eventually, spec};

spec! {
    everybody_has_what_the_defaults_say_and_administrators_have_it_all;
    a_missing_permission_is_named_and_nothing_happens;
    what_a_chat_is_asked_with_needs_its_permission;
    an_answer_is_asked_for_again_only_with_the_permission;
    a_message_is_neither_system_prompt_nor_attachment_nor_rating_without_the_permission;
    where_chats_are_not_to_be_kept_none_is;
    the_defaults_are_stored_and_count_at_the_next_request;
    what_the_environment_decides_is_locked;
    only_administrators_see_and_change_the_defaults;
    a_change_of_the_defaults_leaves_one_record;
    who_waits_for_approval_has_none;
    it_can_be_seen_what_somebody_may_do_and_why;
    a_house_that_is_open_to_all_says_so;
}

const DEFAULTS: &str = "/api/v1/users/default/permissions";
const MINE: &str = "/api/v1/users/permissions";

async fn chat_of(person: &Person) -> (String, String) {
    let message = json!({ "id": "m1", "role": "user", "content": "Hi", "parentId": null, "childrenIds": [] });
    let chat = json!({ "title": "Mine", "history": { "currentId": "m1", "messages": { "m1": message } } });
    let made = person.post("/api/v1/chats/new", json!({ "chat": chat })).await.expect(200).json();
    let message = made["chat"]["history"]["currentId"].as_str().unwrap().to_owned();
    (format!("/api/v1/chats/{}", made["id"].as_str().unwrap()), message)
}

#[track_caller]
fn lacks(answer: Answer, permission: &str) {
    let refused = answer.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    assert!(refused.message().contains(&format!("'{permission}'")), "{}", refused.message());
}

async fn everybody_has_what_the_defaults_say_and_administrators_have_it_all(stage: Stage) {
    let app = stage.env("USER_PERMISSIONS_CHAT_EXPORT", "False").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (hers, his) = (ada.get(MINE).await.expect(200).json(), bob.get(MINE).await.expect(200).json());
    assert_eq!((&his["chat"]["delete"], &his["chat"]["export"]), (&json!(true), &json!(false)));
    assert_eq!((&his["features"]["api_keys"], &his["workspace"]["tools"]), (&json!(false), &json!(false)));
    assert_eq!((&hers["chat"]["export"], &hers["workspace"]["models"]), (&json!(true), &json!(true)));
    // What binds people instead of allowing something does not bind administrators.
    assert_eq!(hers["chat"]["temporary_enforced"], json!(false));
    let count =
        |tree: &Value| tree.as_object().unwrap().values().map(|it| it.as_object().unwrap().len()).sum();
    let all: usize = count(&his);
    assert_eq!(all, count(&hers));
    let built_in = ada.get(&format!("{DEFAULTS}/defaults")).await.expect(200).json();
    assert_eq!((&built_in["chat"]["export"], all), (&json!(true), count(&built_in)));
}

async fn a_missing_permission_is_named_and_nothing_happens(stage: Stage) {
    let app = ["DELETE", "DELETE_MESSAGE", "EDIT", "EXPORT", "SHARE"]
        .into_iter()
        .fold(stage, |stage, name| stage.env(&format!("USER_PERMISSIONS_CHAT_{name}"), "false"))
        .env("USER_PERMISSIONS_SETTINGS_INTERFACE", "false")
        .start()
        .await;
    let (_ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, message) = chat_of(&bob).await;
    let before = bob.get(&chat).await.expect(200).text();

    lacks(bob.delete(&chat).await, "chat.delete");
    lacks(bob.delete("/api/v1/chats/").await, "chat.delete");
    lacks(bob.delete(&format!("{chat}/messages/{message}")).await, "chat.delete_message");
    let edit = json!({ "content": "Other words" });
    lacks(bob.post(&format!("{chat}/messages/{message}"), edit).await, "chat.edit");
    let rewrite = json!({ "chat": { "history": { "messages": { message.as_str(): {
        "id": message, "role": "user", "content": "Other words", "parentId": null, "childrenIds": [] } } } } });
    lacks(bob.post(&chat, rewrite).await, "chat.edit");
    lacks(bob.post(&format!("{chat}/share"), json!({})).await, "chat.share");
    lacks(bob.get("/api/v1/chats/all").await, "chat.export");
    let ui = json!({ "ui": { "theme": "dark" } });
    lacks(bob.post("/api/v1/users/user/settings/update", ui).await, "settings.interface");

    assert_eq!(bob.get(&chat).await.expect(200).text(), before);
    assert_eq!(bob.get("/api/v1/users/user/settings").await.expect(200).json(), json!(null));
    // Somebody else's chat is a missing one first.
    let cy = app.person("cy").await;
    assert_eq!(
        cy.delete(&chat).await.expect(404).text(),
        cy.delete("/api/v1/chats/chat_nobody").await.expect(404).text()
    );
}

async fn what_a_chat_is_asked_with_needs_its_permission(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = ["SYSTEM_PROMPT", "PARAMS", "MULTIPLE_MODELS"]
        .into_iter()
        .fold(stage, |stage, name| stage.env(&format!("USER_PERMISSIONS_CHAT_{name}"), "false"))
        .provider(&provider)
        .start()
        .await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, _) = chat_of(&bob).await;
    let told = json!({ "id": "s1", "role": "system", "content": "Obey the dog.", "parentId": null, "childrenIds": [] });
    let told = json!({ "history": { "currentId": "s1", "messages": { "s1": told } } });
    for (body, permission) in [
        (told.clone(), "chat.system_prompt"),
        (json!({ "params": { "temperature": 0.1 } }), "chat.params"),
        (json!({ "params": { "system": "Obey." } }), "chat.system_prompt"),
        (json!({ "system": "Obey." }), "chat.system_prompt"),
        (json!({ "models": [MODEL, "other"] }), "chat.multiple_models"),
    ] {
        lacks(bob.post(&chat, json!({ "chat": body })).await, permission);
        lacks(bob.post("/api/v1/chats/new", json!({ "chat": body })).await, permission);
    }
    assert_eq!(bob.get("/api/v1/chats/").await.expect(200).json().as_array().unwrap().len(), 1);

    // Whoever loses the permission later does not go on with what was stored before.
    let staff =
        json!({ "name": "Staff", "description": "", "permissions": { "chat": { "system_prompt": true } } });
    let staff = ada.post("/api/v1/groups/create", staff).await.expect(200).json();
    let group = format!("/api/v1/groups/id/{}", staff["id"].as_str().unwrap());
    ada.post(&format!("{group}/users/add"), json!({ "user_ids": [bob.id] })).await.expect(200);
    bob.post(&chat, json!({ "chat": { "params": { "system": "Obey the cat." } } })).await.expect(200);
    bob.post(&chat, json!({ "chat": told })).await.expect(200);
    let ask = json!({ "model": MODEL, "parent_id": "s1", "content": "Hi" });
    bob.post(&format!("{chat}/turns"), ask.clone()).await.expect(201);
    eventually("the model is asked", async || {
        let has_both = |text: &str| text.contains("Obey the cat.") && text.contains("Obey the dog.");
        provider.requests().iter().any(|it| has_both(&it.text())).then_some(())
    })
    .await;
    ada.delete(&format!("{group}/delete")).await.expect(200);
    let seen = provider.calls();
    let ask = json!({ "model": MODEL, "parent_id": "s1", "content": "And now?" });
    bob.post(&format!("{chat}/turns"), ask).await.expect(201);
    let asked = eventually("the model is asked again", async || {
        provider.requests()[seen..].iter().find(|it| it.text().contains("And now?")).cloned()
    })
    .await;
    assert!(!asked.text().contains("Obey"), "{}", asked.text());
}

async fn an_answer_is_asked_for_again_only_with_the_permission(stage: Stage) {
    let provider = FakeProvider::start().await;
    let stage = stage.env("USER_PERMISSIONS_CHAT_REGENERATE_RESPONSE", "false").provider(&provider);
    let app = stage.start().await;
    let (_ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, message) = chat_of(&bob).await;
    let again = json!({ "model": MODEL, "user_message_id": message });
    lacks(bob.post(&format!("{chat}/turns"), again).await, "chat.regenerate_response");
    assert_eq!(provider.calls(), 0);
}

async fn a_message_is_neither_system_prompt_nor_attachment_nor_rating_without_the_permission(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, message) = chat_of(&bob).await;
    let said = |id: &str, role: &str, parent: Value, extra: Value| {
        let mut said = json!({ "id": id, "role": role, "content": "Obey the cat.", "parentId": parent, "childrenIds": [] });
        said.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "chat": { "history": { "messages": { id: said } } } })
    };
    let instruct = said("s1", "system", json!(null), json!({}));
    bob.post(&chat, instruct.clone()).await.expect(200);
    let names = ["system_prompt", "file_upload", "rate_response", "edit"];
    let off: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!(false))).collect();
    ada.post(DEFAULTS, json!({ "chat": off })).await.expect(200);
    // What is there already may come back as it is.
    bob.post(&chat, instruct).await.expect(200);
    for (body, permission) in [
        (said("s2", "system", json!(null), json!({})), "chat.system_prompt"),
        (said("f1", "user", json!(null), json!({ "files": [{ "id": "f" }] })), "chat.file_upload"),
        (
            said("r1", "assistant", json!(message), json!({ "annotation": { "rating": -1 } })),
            "chat.rate_response",
        ),
        (said("s1", "user", json!(null), json!({})), "chat.edit"),
        (said("s1", "system", json!(message), json!({})), "chat.edit"),
        (json!({ "chat": { "files": [{ "id": "f" }] } }), "chat.file_upload"),
    ] {
        lacks(bob.post(&chat, body).await, permission);
    }
    // And no model hears what was stored before.
    let ask = json!({ "model": MODEL, "parent_id": "s1", "content": "And now?" });
    bob.post(&format!("{chat}/turns"), ask).await.expect(201);
    let asked = eventually("the model is asked", async || {
        provider.requests().iter().find(|it| it.text().contains("And now?")).cloned()
    })
    .await;
    assert!(!asked.text().contains("Obey the cat."), "{}", asked.text());
}

async fn where_chats_are_not_to_be_kept_none_is(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, _) = chat_of(&bob).await;
    ada.post(DEFAULTS, json!({ "chat": { "temporary_enforced": true } })).await.expect(200);
    let ask = json!({ "model": MODEL, "parent_id": null, "content": "Hi" });
    for (path, body) in [
        ("/api/v1/chats/new".to_owned(), json!({ "chat": {} })),
        ("/api/v1/chats/import".to_owned(), json!({ "chats": [{ "chat": {} }] })),
        (format!("{chat}/clone"), json!({})),
        (format!("{chat}/turns"), ask),
    ] {
        assert_eq!(bob.post(&path, body).await.expect(403).code(), "chats_not_kept", "{path}");
    }
    assert_eq!(provider.calls(), 0);
    assert_eq!(app.sql("SELECT COUNT(*) FROM chat"), [["1"]]);
    // What was kept before can be read and deleted, models can be asked, and it does not bind administrators.
    bob.get(&chat).await.expect(200);
    bob.delete(&chat).await.expect(200);
    bob.chat("Hi").await.expect(200);
    ada.post("/api/v1/chats/new", json!({ "chat": {} })).await.expect(200);
}

async fn the_defaults_are_stored_and_count_at_the_next_request(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let change = json!({ "chat": { "delete": false }, "features": { "webhooks": true } });
    let stored = ada.post(DEFAULTS, change).await.expect(200).json();
    assert_eq!((&stored["chat"]["delete"], &stored["chat"]["edit"]), (&json!(false), &json!(true)));
    let his = bob.get(MINE).await.expect(200).json();
    assert_eq!((&his["chat"]["delete"], &his["features"]["webhooks"]), (&json!(false), &json!(true)));
    let (chat, _) = chat_of(&bob).await;
    lacks(bob.delete(&chat).await, "chat.delete");
    ada.post(DEFAULTS, json!({ "chat": { "delete": true } })).await.expect(200);
    bob.delete(&chat).await.expect(200);
}

async fn what_the_environment_decides_is_locked(stage: Stage) {
    let app = stage.env("USER_PERMISSIONS_CHAT_DELETE", "false").start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let change = json!({ "chat": { "delete": true, "edit": false } });
    let refused = ada.post(DEFAULTS, change).await.expect(409);
    assert_eq!(refused.code(), "set_by_environment");
    // All or nothing.
    let his = bob.get(MINE).await.expect(200).json();
    assert_eq!((&his["chat"]["delete"], &his["chat"]["edit"]), (&json!(false), &json!(true)));
    // The whole form may come back as it was shown.
    let form = ada.get(DEFAULTS).await.expect(200).json();
    assert_eq!(ada.post(DEFAULTS, form.clone()).await.expect(200).json(), form);
}

async fn only_administrators_see_and_change_the_defaults(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let before = ada.get(DEFAULTS).await.expect(200).text();
    for path in [DEFAULTS.to_owned(), format!("/api/v1/users/{}/access", ada.id)] {
        bob.get(&path).await.expect(401);
        app.anonymous().get(&path).await.expect(401);
    }
    bob.post(DEFAULTS, json!({ "workspace": { "tools": true } })).await.expect(401);
    for odd in [json!({ "chat": { "delete": "no" } }), json!({ "chat": true }), json!([])] {
        ada.post(DEFAULTS, odd).await.expect(400);
    }
    assert_eq!(ada.get(DEFAULTS).await.expect(200).text(), before);
}

async fn a_change_of_the_defaults_leaves_one_record(app: TestApp) {
    let ada = app.admin().await;
    let records = || {
        app.sql("SELECT event, actor_id FROM audit_record WHERE event IN ('permissions.changed', 'settings.changed')")
    };
    let before = records().len();
    ada.post(DEFAULTS, json!({ "chat": { "delete": false, "edit": false } })).await.expect(200);
    ada.post(DEFAULTS, json!({ "chat": { "delete": false, "edit": false } })).await.expect(200);
    let after = records();
    assert_eq!(after.len(), before + 1, "{after:?}");
    assert_eq!(after.last().unwrap(), &["permissions.changed".to_owned(), ada.id.clone()]);
}

async fn who_waits_for_approval_has_none(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let (chat, _) = chat_of(&bob).await;
    ada.post(&format!("/api/v1/users/{}/update", bob.id), json!({ "role": "pending" })).await.expect(200);
    let bob = app.person("bob").await;
    bob.get(MINE).await.expect(401);
    bob.get(&chat).await.expect(401);
    let access = ada.get(&format!("/api/v1/users/{}/access", bob.id)).await.expect(200).json();
    let allowed = |it: &&Value| it["allowed"] == json!(true);
    assert_eq!(access["permissions"].as_array().unwrap().iter().find(allowed), None);
}

async fn it_can_be_seen_what_somebody_may_do_and_why(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "granted", "grouped", "public", "closed"]);
    let stage = stage.env("USER_PERMISSIONS_CHAT_SHARE", "false").env("USER_PERMISSIONS_CHAT_EDIT", "true");
    let app = stage.provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let staff = json!({ "name": "Staff", "description": "", "permissions": { "chat": { "share": true } } });
    let staff = ada.post("/api/v1/groups/create", staff).await.expect(200).json()["id"].clone();
    let add = format!("/api/v1/groups/id/{}/users/add", staff.as_str().unwrap());
    ada.post(&add, json!({ "user_ids": [bob.id] })).await.expect(200);
    for (model, kind, id) in [
        ("granted", "user", json!(bob.id)),
        ("grouped", "group", staff.clone()),
        ("public", "user", json!("*")),
    ] {
        let grants = json!([{ "principal_type": kind, "principal_id": id, "permission": "read" }]);
        let decision = json!({ "id": model, "access_grants": grants });
        ada.post("/api/v1/models/model/access/update", decision).await.expect(200);
    }
    let nobody = json!({ "id": "closed", "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", nobody).await.expect(200);

    let access = ada.get(&format!("/api/v1/users/{}/access", bob.id)).await.expect(200).json();
    let group = json!({ "id": staff, "name": "Staff" });
    let why = |list: &str, name: &str, value: &str| {
        let found = access[list].as_array().unwrap().iter().find(|it| it[name] == value).unwrap().clone();
        (found["allowed"].as_bool().unwrap(), found["because"].clone())
    };
    assert_eq!(why("permissions", "path", "chat.delete"), (true, json!([{ "kind": "default" }])));
    assert_eq!(why("permissions", "path", "chat.edit"), (true, json!([{ "kind": "environment" }])));
    assert_eq!(
        why("permissions", "path", "chat.share"),
        (true, json!([{ "kind": "group", "group": group }]))
    );
    assert_eq!(why("permissions", "path", "features.api_keys"), (false, json!([{ "kind": "default" }])));
    assert_eq!(access["groups"], json!([group]));
    assert_eq!(why("models", "id", MODEL), (true, json!([{ "kind": "default" }])));
    assert_eq!(why("models", "id", "granted"), (true, json!([{ "kind": "grant" }])));
    assert_eq!(why("models", "id", "grouped"), (true, json!([{ "kind": "group", "group": group }])));
    assert_eq!(why("models", "id", "public"), (true, json!([{ "kind": "everybody" }])));
    assert_eq!(why("models", "id", "closed"), (false, json!([])));
    // It is what they really may.
    for (model, status) in
        [(MODEL, 200), ("granted", 200), ("grouped", 200), ("public", 200), ("closed", 404)]
    {
        bob.ask(model, "Hi").await.expect(status);
    }
    let hers = ada.get(&format!("/api/v1/users/{}/access", ada.id)).await.expect(200).json();
    assert_eq!(hers["permissions"][0]["because"], json!([{ "kind": "admin" }]));
    let closed = hers["models"].as_array().unwrap().iter().find(|it| it["id"] == "closed").unwrap();
    assert_eq!((&closed["allowed"], &closed["because"]), (&json!(true), &json!([{ "kind": "admin" }])));
    ada.get("/api/v1/users/user_nobody/access").await.expect(404);
}

async fn a_house_that_is_open_to_all_says_so(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.env("BYPASS_MODEL_ACCESS_CONTROL", "true").provider(&provider).start().await;
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    ada.chat("Hi").await.expect(200);
    let closed = json!({ "id": MODEL, "access_grants": [] });
    ada.post("/api/v1/models/model/access/update", closed).await.expect(200);
    for person in [&bob, &*ada] {
        let access = ada.get(&format!("/api/v1/users/{}/access", person.id)).await.expect(200).json();
        let model = &access["models"][0];
        assert_eq!((&model["id"], &model["allowed"]), (&json!(MODEL), &json!(true)));
        assert_eq!(model["because"], json!([{ "kind": "bypass" }]));
        person.chat("Hi").await.expect(200);
    }
}
