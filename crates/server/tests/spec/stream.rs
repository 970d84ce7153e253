//! Answers that come word by word: nothing is held back, nothing added, and nobody pays for a closed window.

use std::time::Duration;

use serde_json::json;
use testkit::{FakeProvider, Gate, MASTER_KEY, MODEL, PATIENCE, Reply, Stage, TestApp, spec};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

spec! {
    words_arrive_while_the_provider_is_still_thinking;
    a_stream_looks_like_openais;
    the_usage_event_is_hidden_from_whoever_did_not_ask_for_it;
    whoever_asks_for_usage_gets_the_stream_byte_for_byte;
    a_stream_is_counted_whether_the_caller_asked_for_usage_or_not;
    a_client_that_goes_away_in_mid_stream_ends_the_providers_work;
    a_client_that_goes_away_before_the_first_byte_ends_the_providers_work;
    a_client_that_goes_away_from_a_whole_answer_ends_the_providers_work;
    what_was_delivered_before_the_client_left_is_counted;
    a_word_is_not_held_back_for_the_acknowledgement_of_the_one_before;
    comments_that_keep_a_connection_alive_pass_through;
}

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    (stage.provider(&provider).start().await, provider)
}

/// Long enough for any machine, short enough to tell "at once" from "when the answer is over", which is never.
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);

async fn words_arrive_while_the_provider_is_still_thinking(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let gate = Gate::closed();
    provider.answers(Reply::says("one two three").gated(&gate));

    gate.lets(1);
    let mut stream = app.master().stream("Count").await;
    assert_eq!(stream.next_event().await.unwrap().delta(), "one ");
    assert!(stream.is_silent_for(Duration::from_millis(150)).await);
    gate.lets(1);
    assert_eq!(stream.next_event().await.unwrap().delta(), "two ");
    gate.open();
    let rest = stream.events().await;
    assert_eq!(rest[0].delta(), "three");
    assert!(rest.last().unwrap().is_done());
}

async fn a_stream_looks_like_openais(stage: Stage) {
    let (app, _provider) = with_provider(stage).await;
    let stream = app.master().stream("Hi").await;

    assert_eq!(stream.status, 200);
    assert!(stream.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    assert_eq!(stream.headers["cache-control"], "no-cache");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    let events = stream.events().await;
    assert_eq!(events[0].json()["object"], "chat.completion.chunk");
    assert!(events.last().unwrap().is_done());
}

async fn the_usage_event_is_hidden_from_whoever_did_not_ask_for_it(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let ask = async |options: serde_json::Value| {
        let body = json!({ "model": MODEL, "stream": true, "messages": [], "stream_options": options });
        app.master().open("/v1/chat/completions", &body).await.events().await
    };
    for options in [json!(null), json!({}), json!({ "include_usage": false }), json!({ "future": 1 })] {
        let events = ask(options.clone()).await;
        let is_clean = events.iter().all(|event| event.is_done() || event.json()["choices"][0].is_object());
        assert!(is_clean, "{options}: {events:?}");
        assert!(events.last().unwrap().is_done());
        assert_eq!(provider.last().json()["stream_options"]["include_usage"], true, "{options}");
    }
    assert_eq!(provider.last().json()["stream_options"]["future"], 1);

    let events = ask(json!({ "include_usage": true })).await;
    let usage = events[events.len() - 2].json();
    assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(15)));
}

async fn whoever_asks_for_usage_gets_the_stream_byte_for_byte(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let odd = [
        ": comment\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\u0041\"}}], \"x\" : 1.0}\r\n\r\n",
        "event: odd\nid: 7\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data:{\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}\n\n",
        "data: [DONE]\n\n",
    ];
    provider.answers(Reply::pieces(odd));
    let body = json!({ "model": MODEL, "stream": true, "messages": [], "stream_options": { "include_usage": true } });

    let answer = app.master().complete(body).await.expect(200);

    assert_eq!(answer.text(), odd.concat());
}

async fn a_stream_is_counted_whether_the_caller_asked_for_usage_or_not(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::says_for("Hello there.", 21, 9));
    app.master().stream("Hi").await.events().await;
    let body = json!({ "model": MODEL, "stream": true, "messages": [], "stream_options": { "include_usage": true } });
    app.master().open("/v1/chat/completions", &body).await.events().await;

    for row in app.usage(2).await {
        assert_eq!((row.status.as_str(), row.prompt_tokens, row.completion_tokens), ("ok", 21, 9));
        assert!(row.is_stream && !row.is_estimated);
    }
}

async fn a_client_that_goes_away_in_mid_stream_ends_the_providers_work(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::says("one two three").silent_after(2));
    let mut stream = app.master().stream("Count").await;
    stream.next_event().await.unwrap();

    let left = Instant::now();
    drop(stream);

    assert!(provider.hung_up().await - left < WITHIN_A_SECOND);
    let row = &app.usage(1).await[0];
    assert_eq!((row.status.as_str(), row.http_status), ("disconnected", 499));
}

async fn a_client_that_goes_away_before_the_first_byte_ends_the_providers_work(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::never());
    let caller = app.master();
    let waiting = tokio::time::timeout(Duration::from_millis(600), caller.stream("Hi"));
    assert!(waiting.await.is_err());

    let left = Instant::now();

    assert!(provider.hung_up().await.saturating_duration_since(left) < WITHIN_A_SECOND);
    assert_eq!(app.usage(1).await[0].status, "disconnected");
}

async fn a_client_that_goes_away_from_a_whole_answer_ends_the_providers_work(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::body(200, "application/json", "{\"choices\":").silent_after(1));
    let caller = app.master();
    let waiting = tokio::time::timeout(Duration::from_millis(600), caller.chat("Hi"));
    assert!(waiting.await.is_err());

    let left = Instant::now();

    assert!(provider.hung_up().await.saturating_duration_since(left) < WITHIN_A_SECOND);
    assert_eq!(app.usage(1).await[0].status, "disconnected");
}

async fn what_was_delivered_before_the_client_left_is_counted(stage: Stage) {
    let (app, provider) = with_provider(stage.priced(MODEL, 1.0, 1.0)).await;
    let long = "word ".repeat(400);
    provider.answers(Reply::says(&long).silent_after(400));
    let mut stream = app.master().stream("Tell me a long story, please.").await;
    for _ in 0..400 {
        stream.next_event().await.unwrap();
    }
    drop(stream);

    let row = &app.usage(1).await[0];
    assert!(row.is_estimated);
    // 2000 bytes of text; a token is about four.
    assert!((300..=1000).contains(&row.completion_tokens), "{row:?}");
    assert!(row.prompt_tokens > 0 && row.nanos.unwrap() > 0, "{row:?}");
}

async fn a_word_is_not_held_back_for_the_acknowledgement_of_the_one_before(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::says(&"word ".repeat(WORDS)).paced(Duration::from_millis(10)));
    let mut medians = Vec::new();
    for round in 0..3 {
        let arrived = read_acknowledging_late(&app).await;
        // A stream is its words, the reason for its end, usage and the last event; each is one piece.
        let sent = provider.sent();
        let sent = &sent[round * (WORDS + 3)..][..WORDS];
        let mut delays: Vec<Duration> = sent
            .iter()
            .zip(&arrived)
            .map(|(sent, arrived)| arrived.saturating_duration_since(*sent))
            .collect();
        delays.sort();
        medians.push(delays[WORDS / 2]);
    }

    // With Nagle's algorithm words come four at a time, 15 ms late in the median, every time. A busy machine
    // may be late too, but not three times.
    assert!(medians.iter().any(|median| *median < Duration::from_millis(8)), "{medians:?}");
}

const WORDS: usize = 40;

/// Reads a stream as a client whose system acknowledges late, and says when each word came.
async fn read_acknowledging_late(app: &TestApp) -> Vec<Instant> {
    let body = json!({ "model": MODEL, "stream": true, "messages": [] }).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {MASTER_KEY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let (mut text, mut arrived) = (String::new(), Vec::new());
    while !text.contains("[DONE]") {
        // The system forgets it after a while, so it is said before every read.
        stream.set_quickack(false).unwrap();
        let mut piece = [0; 4096];
        let count = timeout(PATIENCE, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
        arrived.resize(text.matches("word ").count(), Instant::now());
    }
    arrived
}

async fn comments_that_keep_a_connection_alive_pass_through(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let gate = Gate::closed();
    let pieces = [
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ];
    provider.answers(Reply::pieces(pieces).gated(&gate));
    gate.lets(1);

    let mut stream = app.master().stream("Hi").await;

    assert_eq!(&stream.next_piece().await.unwrap()[..], pieces[0].as_bytes());
    gate.open();
    assert_eq!(stream.events().await.len(), 2);
}
