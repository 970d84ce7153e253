//! Shared chats: a copy behind a link that cannot be guessed, and how it ends.

use serde_json::{Value, json};
use testkit::{Person, Stage, TestApp, spec};

spec! {
    a_link_shows_the_chat_as_it_was_and_not_what_comes_later;
    a_link_opens_for_whoever_is_signed_in_and_has_it_and_for_nobody_else;
    the_copy_holds_neither_its_owner_nor_the_system_prompt;
    a_link_ends_at_once_when_it_is_taken_back_or_the_chat_is_deleted;
    a_link_ends_with_the_permission_and_with_the_account;
    nobody_shares_or_unshares_a_chat_of_others;
    links_cannot_be_guessed;
    sharing_and_unsharing_leave_one_record_each;
}

async fn chat_of(person: &Person, title: &str) -> String {
    let message =
        json!({ "id": "m1", "role": "user", "content": "Hi there", "parentId": null, "childrenIds": [] });
    let chat = json!({
        "title": title,
        "params": { "system": "Speak like a pirate." },
        "history": { "currentId": "m1", "messages": { "m1": message } },
    });
    let made = person.post("/api/v1/chats/new", json!({ "chat": chat })).await.expect(200).json();
    format!("/api/v1/chats/{}", made["id"].as_str().unwrap())
}

async fn share(person: &Person, chat: &str) -> String {
    let shared = person.post(&format!("{chat}/share"), json!({})).await.expect(200).json();
    format!("/api/v1/chats/share/{}", shared["share_id"].as_str().unwrap())
}

async fn a_link_shows_the_chat_as_it_was_and_not_what_comes_later(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    bob.post(&chat, json!({ "chat": { "title": "Secret plans" } })).await.expect(200);
    let copy = ada.get(&link).await.expect(200).json();
    assert_eq!((&copy["title"], &copy["chat"]["title"]), (&json!("Plans"), &json!("Plans")));
    assert!(copy.to_string().contains("Hi there"));
    // Sharing again shows it as it is now, under the same link.
    assert_eq!(share(&bob, &chat).await, link);
    assert_eq!(ada.get(&link).await.expect(200).json()["title"], "Secret plans");
    let mine = bob.get("/api/v1/chats/shared").await.expect(200).json();
    assert_eq!(mine.as_array().unwrap().len(), 1);
    assert!(link.ends_with(mine[0]["share_id"].as_str().unwrap()));
    assert_eq!(ada.get("/api/v1/chats/shared").await.expect(200).json(), json!([]));
}

async fn a_link_opens_for_whoever_is_signed_in_and_has_it_and_for_nobody_else(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    let opened = cy.get(&link).await.expect(200);
    assert!(opened.header("x-robots-tag").unwrap().contains("noindex"));
    assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
    assert!(opened.header("cache-control").unwrap().contains("no-store"));
    app.anonymous().get(&link).await.expect(401);
    app.key().create().await.get(&link).await.expect(401);
    ada.post(&format!("/api/v1/users/{}/update", cy.id), json!({ "role": "pending" })).await.expect(200);
    app.person("cy").await.get(&link).await.expect(401);
    // The link is not a way to the chat itself.
    let dan = app.person("dan").await;
    dan.get(&chat).await.expect(404);
    dan.delete(&link).await.expect(405);
}

async fn the_copy_holds_neither_its_owner_nor_the_system_prompt(app: TestApp) {
    let (_ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    let copy = cy.get(&link).await.expect(200).text();
    let id = chat.rsplit('/').next().unwrap();
    for hidden in [&bob.id, &bob.email, id, "pirate"] {
        assert!(!copy.contains(hidden), "{hidden} in {copy}");
    }
}

async fn a_link_ends_at_once_when_it_is_taken_back_or_the_chat_is_deleted(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    assert_eq!(bob.delete(&format!("{chat}/share")).await.expect(200).json(), json!(true));
    let gone = ada.get(&link).await.expect(404);
    assert_eq!(gone.text(), ada.get("/api/v1/chats/share/share_nobody").await.expect(404).text());
    assert_eq!(bob.get(&chat).await.expect(200).json()["share_id"], Value::Null);
    assert_eq!(bob.delete(&format!("{chat}/share")).await.expect(200).json(), json!(false));
    // A new link is another one.
    let second = share(&bob, &chat).await;
    assert_ne!(second, link);
    let other = share(&bob, &chat_of(&bob, "More").await).await;
    bob.delete(&chat).await.expect(200);
    ada.get(&second).await.expect(404);
    ada.get(&other).await.expect(200);
    bob.delete("/api/v1/chats/share/all").await.expect(200);
    ada.get(&other).await.expect(404);
}

async fn a_link_ends_with_the_permission_and_with_the_account(app: TestApp) {
    let (ada, bob) = (app.admin().await, app.person("bob").await);
    let link = share(&bob, &chat_of(&bob, "Plans").await).await;
    let defaults = "/api/v1/users/default/permissions";
    ada.post(defaults, json!({ "chat": { "share": false } })).await.expect(200);
    ada.get(&link).await.expect(404);
    ada.post(defaults, json!({ "chat": { "share": true } })).await.expect(200);
    ada.get(&link).await.expect(200);
    let update = format!("/api/v1/users/{}/update", bob.id);
    ada.post(&update, json!({ "is_active": false })).await.expect(200);
    ada.get(&link).await.expect(404);
    ada.post(&update, json!({ "is_active": true })).await.expect(200);
    ada.get(&link).await.expect(200);
    ada.delete(&format!("/api/v1/users/{}", bob.id)).await.expect(200);
    ada.get(&link).await.expect(404);
}

async fn nobody_shares_or_unshares_a_chat_of_others(app: TestApp) {
    let (ada, bob, cy) = (app.admin().await, app.person("bob").await, app.person("cy").await);
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    let (theirs, none) = (format!("{chat}/share"), "/api/v1/chats/chat_nobody/share");
    for stranger in [&*ada, &cy] {
        let missing = stranger.post(none, json!({})).await.expect(404).text();
        assert_eq!(stranger.post(&theirs, json!({})).await.expect(404).text(), missing);
        assert_eq!(stranger.delete(&theirs).await.expect(404).text(), missing);
        stranger.delete("/api/v1/chats/share/all").await.expect(200);
    }
    cy.get(&link).await.expect(200);
}

async fn links_cannot_be_guessed(app: TestApp) {
    let bob = app.admin().await;
    let mut tails = Vec::new();
    for title in ["One", "Two", "Three"] {
        let link = share(&bob, &chat_of(&bob, title).await).await;
        tails.push(link.rsplit(['/', '_']).next().unwrap().to_owned());
    }
    for tail in &tails {
        // 128 bits in hexadecimal digits are 32; nothing of the time in front that would be alike.
        assert!(tail.len() >= 32, "{tail}");
        let alike = tails.iter().filter(|other| other[..8] == tail[..8]).count();
        assert_eq!(alike, 1, "{tails:?}");
    }
    let guess = format!("/api/v1/chats/share/{}", "0".repeat(tails[0].len()));
    bob.get(&guess).await.expect(404);
}

async fn sharing_and_unsharing_leave_one_record_each(stage: Stage) {
    let app = stage.start().await;
    let bob = app.admin().await;
    let chat = chat_of(&bob, "Plans").await;
    let link = share(&bob, &chat).await;
    bob.delete(&format!("{chat}/share")).await.expect(200);
    bob.delete(&format!("{chat}/share")).await.expect(200);
    let found = app.sql("SELECT event, actor_id FROM audit_record WHERE event IN ('chat.shared', 'chat.unshared') ORDER BY seq");
    assert_eq!(
        found,
        [["chat.shared".to_owned(), bob.id.clone()], ["chat.unshared".to_owned(), bob.id.clone()]]
    );
    // Whoever reads the log cannot open what is shared.
    let secret = link.rsplit('/').next().unwrap().to_owned();
    assert!(!app.sql("SELECT target_id, body FROM audit_record").concat().concat().contains(&secret));
}
