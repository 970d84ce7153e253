//! An answer is written to its end and kept, whatever becomes of the page, the connection or the server.

use serde_json::json;
use testkit::{Event, Gate, MODEL, Reply, Stage, eventually, spec};

use super::house::{House, read_until, text};

spec! {
    a_reload_in_the_middle_of_an_answer_loses_nothing;
    a_stream_that_broke_goes_on_after_the_last_event_seen;
    an_answer_that_nobody_watches_is_written_to_its_end;
    a_client_that_saves_the_whole_chat_does_not_cut_off_the_answer;
    a_server_that_is_killed_in_mid_answer_keeps_what_was_saved_and_says_so;
    a_server_that_is_stopped_in_mid_answer_saves_all_of_it;
}

async fn a_reload_in_the_middle_of_an_answer_loses_nothing(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two three four").gated(&gate));
    let asked = house.ask(None, "Count").await;
    gate.lets(2);
    let mut page = house.watch(&asked, "").await;
    read_until(&mut page, "one two ").await;
    drop(page);

    let chat = house.ada.get(&house.path("")).await.expect(200).json();
    assert_eq!(chat["active_turns"], json!([{ "id": asked.turn, "message_id": asked.answer }]));
    assert_eq!(chat["chat"]["history"]["messages"][&asked.answer]["done"], false);
    let mut reloaded = house.watch(&asked, "").await;
    let (_, so_far) = read_until(&mut reloaded, "two ").await;
    assert_eq!(so_far, "one two ");
    gate.open();
    let rest: Vec<_> = reloaded.events().await.iter().map(Event::json).collect();

    assert_eq!(text(&rest), "three four");
    assert_eq!(rest.last().unwrap()["type"], "end");
    assert_eq!(house.message(&asked.answer).await["content"], "one two three four");
    assert_eq!(house.provider.calls(), 1);
    // Whoever comes a moment too late still sees all of it.
    assert_eq!(text(&house.watched(&asked).await), "one two three four");
}

async fn a_stream_that_broke_goes_on_after_the_last_event_seen(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two three four").gated(&gate));
    let asked = house.ask(None, "Count").await;
    gate.lets(2);
    let mut broken = house.watch(&asked, "").await;
    let (seen, _) = read_until(&mut broken, "two ").await;
    drop(broken);
    gate.open();
    house.watched(&asked).await;

    let by_query = house.watch(&asked, &format!("?after={seen}")).await.events().await;
    // A browser comes back with the address it began with, and with the header.
    for began in ["", "?after=0"] {
        let events = house.path(&format!("/turns/{}/events{began}", asked.turn));
        let again = house.ada.draft("GET", &events).header("last-event-id", &seen.to_string()).open().await;
        assert_eq!(by_query, again.events().await, "{began}");
    }
    let json: Vec<_> = by_query.iter().map(Event::json).collect();
    assert_eq!(text(&json), "three four");
    assert!(by_query[0].id.parse::<u64>().unwrap() > seen);
}

async fn an_answer_that_nobody_watches_is_written_to_its_end(stage: Stage) {
    let house = House::on(stage).await;
    let asked = house.ask(None, "Hello?").await;
    let is_done = async || (house.message(&asked.answer).await["done"] == true).then_some(());
    eventually("the answer is done", is_done).await;
    assert_eq!(house.message(&asked.answer).await["content"], "Hello.");
}

async fn a_client_that_saves_the_whole_chat_does_not_cut_off_the_answer(stage: Stage) {
    let house = House::on(stage).await;
    let gate = Gate::closed();
    house.provider.answers(Reply::says("one two three").gated(&gate));
    let asked = house.ask(None, "Count").await;
    gate.lets(1);
    house.saved_some(&asked).await;
    let behind = house.ada.get(&house.path("")).await.expect(200).json();
    gate.lets(1);
    let is_ahead = async || (house.message(&asked.answer).await["content"] == "one two ").then_some(());
    eventually("the answer is saved beyond what the client has", is_ahead).await;

    let chat = house.ada.post(&house.path(""), json!({ "chat": behind["chat"] })).await.expect(200).json();
    assert_eq!(chat["chat"]["history"]["messages"][&asked.answer]["content"], "one two ");
    assert_eq!(chat["chat"]["history"]["messages"][&asked.answer]["done"], false);
    gate.open();
    house.watched(&asked).await;

    let answer = house.message(&asked.answer).await;
    assert_eq!((&answer["content"], &answer["done"]), (&json!("one two three"), &json!(true)));
}

async fn a_server_that_is_killed_in_mid_answer_keeps_what_was_saved_and_says_so(stage: Stage) {
    let mut house = House::on(stage).await;
    house.provider.answers(Reply::says("one two three").silent_after(2));
    let asked = house.ask(None, "Count").await;
    let saved = house.saved_some(&asked).await;
    assert_eq!(saved["done"], false);
    house.app.kill();
    house.app.start_again().await;

    let is_marked = async || {
        let answer = house.message(&asked.answer).await;
        (answer["done"] == true).then_some(answer)
    };
    let answer = eventually("the answer is marked", is_marked).await;
    assert_eq!(answer["error"]["code"], "interrupted");
    assert!(answer["content"].as_str().unwrap().starts_with(saved["content"].as_str().unwrap()));
    house.watch(&asked, "").await.answer().await.expect(404);
    assert_eq!(house.ada.get(&house.path("")).await.expect(200).json()["active_turns"], json!([]));
    // The chat goes on from there.
    house.provider.answers(Reply::says("Again."));
    let again = house.start(json!({ "model": MODEL, "user_message_id": asked.question })).await;
    assert_eq!(text(&house.watched(&again).await), "Again.");
}

async fn a_server_that_is_stopped_in_mid_answer_saves_all_of_it(stage: Stage) {
    let mut house = House::on(stage).await;
    house.provider.answers(Reply::says("one two three").silent_after(2));
    let asked = house.ask(None, "Count").await;
    let mut page = house.watch(&asked, "").await;
    read_until(&mut page, "two ").await;
    house.app.terminate();
    let rest: Vec<_> = page.events().await.iter().map(Event::json).collect();
    assert_eq!(rest.last().unwrap()["reason"], "interrupted");
    assert!(house.app.wait().await.success());
    house.app.start_again().await;

    let answer = house.message(&asked.answer).await;
    assert_eq!((&answer["content"], &answer["done"]), (&json!("one two "), &json!(true)));
    assert_eq!(answer["error"]["code"], "interrupted");
}
