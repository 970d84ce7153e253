//! Turns: questions that are asked, asked again and stopped, what they cost, and what becomes of failures.

mod house;
mod survival;

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{FakeProvider, Gate, MODEL, Person, Reply, Stage, eventually, spec};
use tokio::time::Instant;

use self::house::{House, new_chat, of_type, read_until, text};

spec! {
    a_question_is_answered_saved_and_accounted_for;
    stop_ends_the_providers_work_and_keeps_the_text;
    regenerating_adds_an_answer_and_editing_adds_a_branch;
    the_model_reads_the_branch_and_no_other;
    a_failed_answer_says_why_in_the_stream_and_in_the_chat;
    a_strangers_turn_is_a_missing_one_and_goes_on;
    sixteen_answers_at_once_are_enough_for_one_person;
    an_answer_being_written_is_neither_edited_nor_answered;
    an_answer_in_a_long_chat_writes_two_messages;
    a_chat_gets_its_title_from_its_first_words_and_a_rename_stays;
    the_task_model_names_the_chat;
    what_is_wrong_with_a_question_is_said_and_nothing_is_asked;
}

/// Longer than a scheduler on a busy machine sleeps, and within what is promised.
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);

async fn a_question_is_answered_saved_and_accounted_for(stage: Stage) {
    let house = House::on(stage.priced(MODEL, 1.0, 2.0)).await;
    house.provider.answers(Reply::says_for("A ridge in a lock.", 100, 50));
    let asked = house.ask(None, "What is a ward?").await;
    let mut stream = house.watch(&asked, "").await;
    assert_eq!(stream.status, 200);
    let header = |name: &str| stream.headers[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/event-stream"));
    assert_eq!((header("cache-control").as_str(), header("x-accel-buffering").as_str()), ("no-cache", "no"));
    let mut events = Vec::new();
    while let Some(event) = stream.next_event().await {
        events.push(event.json());
    }

    assert_eq!(text(&events), "A ridge in a lock.");
    let end = events.last().unwrap();
    assert_eq!((&end["type"], &end["reason"]), (&json!("end"), &json!("stop")));
    let history = house.history().await;
    assert_eq!(history["currentId"], asked.answer);
    let question = &history["messages"][asked.question.as_ref().unwrap()];
    assert_eq!((&question["content"], &question["models"]), (&json!("What is a ward?"), &json!([MODEL])));
    let answer = &history["messages"][&asked.answer];
    assert_eq!((&answer["content"], &answer["done"]), (&json!("A ridge in a lock."), &json!(true)));
    assert_eq!(answer["usage"], end["usage"]);
    let usage = &answer["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(100), &json!(50)));
    assert_eq!((&usage["cost"], &usage["estimated"]), (&json!(0.0002), &json!(false)));
    // The same request stands in the ledger, as that of any program would.
    let row = &house.app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.nanos, row.is_stream), ("ok", Some(200_000), true));
}

async fn stop_ends_the_providers_work_and_keeps_the_text(stage: Stage) {
    let house = House::on(stage.priced(MODEL, 1.0, 1.0)).await;
    house.provider.answers(Reply::says("one two three").silent_after(2));
    let asked = house.ask(None, "Count").await;
    read_until(&mut house.watch(&asked, "").await, "two ").await;

    let stopped = Instant::now();
    let stop = house.path(&format!("/turns/{}/stop", asked.turn));
    assert_eq!(house.ada.post(&stop, json!({})).await.expect(200).json(), json!({ "status": true }));
    assert!(house.provider.hung_up().await.saturating_duration_since(stopped) < WITHIN_A_SECOND);

    let events = house.watched(&asked).await;
    assert_eq!(events.last().unwrap()["reason"], "stopped");
    assert_eq!(of_type(&events, "error"), [&Value::Null; 0]);
    let answer = house.message(&asked.answer).await;
    assert_eq!((&answer["content"], &answer["stopped"]), (&json!("one two "), &json!(true)));
    assert_eq!((&answer["done"], answer.get("error")), (&json!(true), None));
    // What was delivered is paid for.
    assert_eq!(house.app.usage(1).await[0].status, "disconnected");
    assert!(answer["usage"]["cost"].as_f64().unwrap() > 0.0);
    house.ada.post(&stop, json!({})).await.expect(200);
}

async fn regenerating_adds_an_answer_and_editing_adds_a_branch(stage: Stage) {
    let house = House::on(stage).await;
    let first = house.ask(None, "one").await;
    house.watched(&first).await;
    let question = first.question.unwrap();
    let again = house.start(json!({ "model": MODEL, "user_message_id": question })).await;
    house.watched(&again).await;
    let edited = house.ask(None, "two").await;
    house.watched(&edited).await;

    let history = house.history().await;
    let messages = &history["messages"];
    assert!(again.question.is_none());
    assert_eq!(messages[&question]["childrenIds"], json!([first.answer, again.answer]));
    assert_eq!(messages[edited.question.as_ref().unwrap()]["parentId"], Value::Null);
    assert_eq!(messages.as_object().unwrap().len(), 5);
    assert_eq!(history["currentId"], edited.answer);
}

async fn the_model_reads_the_branch_and_no_other(stage: Stage) {
    let house = House::on(stage).await;
    house.provider.answers_once(Reply::says("First."));
    let first = house.ask(None, "one").await;
    house.watched(&first).await;
    let aside = house.ask(None, "aside").await;
    house.watched(&aside).await;
    let params =
        json!({ "chat": { "params": { "temperature": 0.5, "system": "Be brief.", "model": "other" } } });
    house.ada.post(&house.path(""), params).await.expect(200);

    let next = house.ask(Some(&first.answer), "two").await;
    house.watched(&next).await;

    let asked = house.provider.last().json();
    assert_eq!(asked["model"], MODEL);
    assert_eq!(asked["temperature"], 0.5);
    assert_eq!(
        asked["messages"],
        json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "one" },
            { "role": "assistant", "content": "First." },
            { "role": "user", "content": "two" },
        ])
    );
}

async fn a_failed_answer_says_why_in_the_stream_and_in_the_chat(stage: Stage) {
    let house = House::on(stage).await;
    let key = house.provider.key().to_owned();
    let in_stream = format!("data: {{\"error\":{{\"message\":\"{key} is worn out\",\"code\":\"x\"}}}}\n\n");
    let cases = [
        (Reply::refuses(401, "invalid", &format!("bad key {key}")), "provider_auth_error", ""),
        (Reply::refuses(400, "context_length_exceeded", "too long"), "context_length_exceeded", ""),
        (Reply::body(200, "text/html", "<html>nonsense"), "provider_bad_answer", ""),
        (Reply::says("one two three").cut_after(2), "provider_bad_answer", "one two "),
        (Reply::pieces([in_stream]), "provider_error", ""),
    ];
    for (reply, code, kept) in cases {
        house.provider.answers(reply);
        let asked = house.ask(None, "Hello?").await;
        let events = house.watched(&asked).await;
        assert_eq!(events.last().unwrap()["reason"], "error", "{code}");
        let error = of_type(&events, "error")[0];
        let answer = house.message(&asked.answer).await;
        assert_eq!((&error["code"], &answer["error"]["code"]), (&json!(code), &json!(code)), "{error}");
        assert_eq!(error["message"], answer["error"]["content"]);
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!((&answer["done"], &answer["content"]), (&json!(true), &json!(kept)));
        assert!(!format!("{events:?}{answer}").contains(&key), "{code}");
    }
    house.app.must_not_hold(&key);
}

async fn a_strangers_turn_is_a_missing_one_and_goes_on(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two").gated(&gate));
    let asked = house.ask(None, "Count").await;
    let bob = house.app.person("Bob").await;
    let own = new_chat(&bob).await;

    for chat in [&house.chat, &own] {
        let turn = format!("/api/v1/chats/{chat}/turns/{}", asked.turn);
        bob.get(&format!("{turn}/events")).await.expect(404);
        bob.post(&format!("{turn}/stop"), json!({})).await.expect(404);
    }
    house.app.anonymous().get(&house.path(&format!("/turns/{}/events", asked.turn))).await.expect(401);
    gate.open();

    assert_eq!(house.watched(&asked).await.last().unwrap()["reason"], "stop");
}

async fn sixteen_answers_at_once_are_enough_for_one_person(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two").gated(&gate));
    let mut running = Vec::new();
    for n in 0..16 {
        running.push(house.ask(None, &format!("question {n}")).await);
    }
    let one_more = json!({ "model": MODEL, "parent_id": null, "content": "one more" });
    let refused = house.ada.post(&house.path("/turns"), one_more.clone()).await.expect(429);
    assert_eq!(refused.code(), "too_many_turns");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(house.history().await["messages"].as_object().unwrap().len(), 32);

    let bob = house.app.person("Bob").await;
    let bobs = new_chat(&bob).await;
    bob.post(&format!("/api/v1/chats/{bobs}/turns"), one_more.clone()).await.expect(201);
    gate.open();
    for asked in &running {
        house.watched(asked).await;
    }
    house.start(one_more).await;
}

async fn an_answer_being_written_is_neither_edited_nor_answered(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two").gated(&gate));
    let asked = house.ask(None, "Count").await;

    let below = json!({ "model": MODEL, "parent_id": asked.answer, "content": "hurry" });
    let refused = house.ada.post(&house.path("/turns"), below).await.expect(409);
    assert_eq!(refused.code(), "still_being_written");
    let edit = house.path(&format!("/messages/{}", asked.answer));
    house.ada.post(&edit, json!({ "content": "mine" })).await.expect(409);
    gate.open();

    assert_eq!(text(&house.watched(&asked).await), "one two");
    house.ada.post(&edit, json!({ "content": "mine" })).await.expect(200);
}

async fn an_answer_in_a_long_chat_writes_two_messages(stage: Stage) {
    let house = House::on(stage).await;
    let parent = |n: usize| n.checked_sub(1).map(|n| format!("m{n:04}"));
    let messages: serde_json::Map<_, _> = (0..1000)
        .map(|n| {
            let message = json!({ "parentId": parent(n), "role": "user", "content": format!("message {n}") });
            (format!("m{n:04}"), message)
        })
        .collect();
    let change = json!({ "chat": { "history": { "messages": messages } } });
    house.ada.post(&house.path(""), change).await.expect(200);
    let saved = || house.app.sql("SELECT id, saved_at FROM chat_message");
    let before = saved();

    let asked = house.ask(Some("m0999"), "Still quick?").await;
    house.watched(&asked).await;

    let mut written: Vec<_> = saved().into_iter().filter(|row| !before.contains(row)).collect();
    written.sort();
    let ids: Vec<_> = written.into_iter().map(|row| row[0].clone()).collect();
    let mut expected = [asked.question.unwrap(), asked.answer];
    expected.sort();
    assert_eq!(ids, expected);
}

async fn a_chat_gets_its_title_from_its_first_words_and_a_rename_stays(stage: Stage) {
    let house = House::on(stage).await;
    let asked = house.ask(None, "# How do **wards** work?\n\nExplain.").await;
    let events = house.watched(&asked).await;
    assert_eq!(of_type(&events, "title"), [&json!({ "type": "title", "title": "How do wards work?" })]);
    let list = house.ada.get("/api/v1/chats/").await.expect(200).json();
    assert_eq!(list[0]["title"], "How do wards work?");

    house.ada.post(&house.path(""), json!({ "chat": { "title": "Mine" } })).await.expect(200);
    let asked = house.ask(None, "Another question").await;
    assert_eq!(of_type(&house.watched(&asked).await, "title"), [&Value::Null; 0]);
    assert_eq!(house.ada.get(&house.path("")).await.expect(200).json()["title"], "Mine");
}

async fn the_task_model_names_the_chat(stage: Stage) {
    let provider = FakeProvider::start().await;
    provider.offers(&[MODEL, "small-model"]);
    provider.answers_for("small-model", Reply::says("\"Wards in locks\""));
    let app = stage.provider(&provider).env("TASK_MODEL", "small-model").start().await;
    let ada = app.admin().await;
    let chat = new_chat(&ada).await;
    let house = House { app, provider, ada: Person::clone(&ada), chat };
    // The list of models is fetched behind the start's back; a model is used when it is on offer.
    let is_offered = async || {
        let models = house.ada.get("/api/models").await.expect(200).json();
        (models["data"].as_array().unwrap().len() == 2).then_some(())
    };
    eventually("both models are on offer", is_offered).await;

    let asked = house.ask(None, "What is a ward?").await;
    let events = house.watched(&asked).await;

    assert_eq!(of_type(&events, "title")[0]["title"], "Wards in locks");
    assert_eq!(events.last().unwrap()["type"], "end");
    let asked_small = house.provider.requests().into_iter().find(|it| it.json()["model"] == "small-model");
    assert_eq!(asked_small.unwrap().json()["max_tokens"], 32);
}

async fn what_is_wrong_with_a_question_is_said_and_nothing_is_asked(stage: Stage) {
    let house = House::on(stage).await;
    let cases = [
        (json!({}), 400, "invalid_body"),
        (json!({ "model": MODEL }), 400, "invalid_value"),
        (json!({ "model": MODEL, "content": "a", "user_message_id": "b" }), 400, "invalid_value"),
        (json!({ "model": MODEL, "content": " \n" }), 400, "invalid_value"),
        (json!({ "model": "", "content": "a" }), 400, "invalid_value"),
        (json!({ "model": MODEL, "content": "a", "parent_id": "nobody" }), 400, "invalid_value"),
        (json!({ "model": MODEL, "content": "a", "parent_id": "../x" }), 400, "invalid_body"),
        (json!({ "model": MODEL, "content": ["a"] }), 400, "invalid_body"),
        (json!({ "model": MODEL, "content": "a", "user_id": "somebody" }), 400, "invalid_body"),
        (json!({ "model": MODEL, "user_message_id": "nobody" }), 404, "not_found"),
    ];
    for (body, status, code) in cases {
        let refused = house.ada.post(&house.path("/turns"), body.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{body}");
    }
    assert_eq!(house.history().await["messages"], json!({}));
    assert_eq!(house.provider.calls(), 0);
}
