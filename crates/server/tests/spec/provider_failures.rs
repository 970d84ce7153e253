//! Providers that refuse, break, stall or talk nonsense: a clear error in OpenAI's envelope, nothing hung, and a
//! row that says what happened.

use std::time::Duration;

use serde_json::json;
use testkit::{Answer, FakeProvider, MODEL, Reply, Stage, TestApp, Usage, spec};

spec! {
    a_providers_refusal_keeps_its_status_and_its_words;
    a_refused_key_of_ours_is_502_and_does_not_look_like_the_callers;
    our_key_is_taken_out_of_what_the_provider_says;
    retry_after_passes_through;
    an_unreachable_provider_is_502;
    a_provider_that_never_answers_is_504_after_the_time_that_the_operator_set;
    a_provider_that_falls_silent_is_ended_after_the_time_that_the_operator_set;
    nonsense_in_place_of_json_is_502;
    nonsense_in_place_of_http_is_502;
    an_answer_that_is_cut_off_is_502;
    an_error_under_a_200_is_a_failure;
    a_json_answer_to_a_request_for_a_stream_is_refused;
    a_stream_that_stops_half_way_ends_with_an_error_event;
    half_an_event_is_followed_by_an_error_event_of_its_own;
    an_error_inside_a_stream_is_passed_on_and_noted;
    events_split_at_every_byte_arrive_whole;
    an_empty_stream_is_a_failure;
    the_next_request_after_every_failure_is_served;
}

async fn with_provider(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    (stage.provider(&provider).start().await, provider)
}

async fn only_row(app: &TestApp) -> Usage {
    app.usage(1).await.remove(0)
}

fn assert_is_openais_envelope(answer: &Answer) {
    let error = &answer.json()["error"];
    assert!(
        error["message"].is_string() && error["type"].is_string() && error["code"].is_string(),
        "{error}"
    );
    assert!(error.get("param").is_some(), "{error}");
}

async fn a_providers_refusal_keeps_its_status_and_its_words(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let body = json!({ "error": { "message": "max_tokens is too large: 99999.", "type": "invalid_request_error",
        "param": "max_tokens", "code": "invalid_value" } });
    for (status, kind) in [
        (400, "invalid_request_error"),
        (404, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
    ] {
        provider.answers(Reply::json(status, &body));
        for answer in [app.master().chat("Hi").await, app.master().stream("Hi").await.answer().await] {
            let answer = answer.expect(status);
            assert_is_openais_envelope(&answer);
            assert_eq!(answer.message(), "max_tokens is too large: 99999.");
            assert_eq!(answer.json()["error"]["param"], "max_tokens");
            assert_eq!(answer.json()["error"]["type"], kind, "{status}");
        }
    }
    let rows = app.usage(12).await;
    assert!(rows.iter().all(|row| row.status == "failed" && row.completion_tokens == 0), "{rows:#?}");
}

async fn a_refused_key_of_ours_is_502_and_does_not_look_like_the_callers(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    for status in [401, 403] {
        provider.answers(Reply::refuses(status, "invalid_api_key", "Incorrect API key provided."));
        let answer = app.master().chat("Hi").await.expect(502);
        assert_eq!(answer.code(), "provider_auth_error");
        assert_is_openais_envelope(&answer);
    }
    assert_eq!(app.usage(2).await[0].error.as_deref(), Some("provider_auth_error"));
}

async fn our_key_is_taken_out_of_what_the_provider_says(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let key = provider.key().to_owned();
    let talkative = format!("Incorrect API key provided: {key}. Also Bearer {key}!");
    let event = json!({ "error": { "message": talkative, "code": "x" } });
    let replies = [
        Reply::refuses(400, "bad", &talkative),
        Reply::refuses(401, "bad", &talkative),
        Reply::body(500, "text/plain", talkative.clone()),
        Reply::refuses(200, "bad", &talkative),
        Reply::pieces([format!("data: {event}\n\n")]),
        Reply::refuses(429, &key, "No."),
    ];
    for reply in replies {
        provider.answers(reply);
        for answer in [app.master().chat("Hi").await, app.master().stream("Hi").await.answer().await] {
            assert!(!answer.text().contains(&key), "{}", answer.text());
        }
    }
    app.stop_and_search_for(&key).await;
}

async fn retry_after_passes_through(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::refuses(429, "rate_limit_exceeded", "Slow down.").header("retry-after", "7"));
    let answer = app.master().chat("Hi").await.expect(429);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error");

    provider.answers(Reply::refuses(503, "overloaded", "Later.").header("retry-after", "2"));
    assert_eq!(app.master().stream("Hi").await.answer().await.expect(503).header("retry-after"), Some("2"));
}

async fn an_unreachable_provider_is_502(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    app.master().get("/v1/models").await.expect(200);
    drop(provider);

    let answer = app.master().chat("Hi").await.expect(502);

    assert_eq!(answer.code(), "provider_unreachable");
    assert_is_openais_envelope(&answer);
    assert_eq!(only_row(&app).await.status, "failed");
}

async fn a_provider_that_never_answers_is_504_after_the_time_that_the_operator_set(stage: Stage) {
    let (app, provider) = with_provider(stage.env("AIOHTTP_CLIENT_TIMEOUT", "1")).await;
    provider.answers(Reply::never());

    for answer in [app.master().chat("Hi").await, app.master().stream("Hi").await.answer().await] {
        let answer = answer.expect(504);
        assert_eq!(answer.code(), "provider_timeout");
        assert_is_openais_envelope(&answer);
    }
    provider.hung_up().await;
    assert!(app.usage(2).await.iter().all(|row| row.status == "failed" && row.http_status == 504));
}

async fn a_provider_that_falls_silent_is_ended_after_the_time_that_the_operator_set(stage: Stage) {
    let (app, provider) = with_provider(stage.env("WARDROOM_PROVIDER_IDLE_TIMEOUT", "1s")).await;
    provider.answers(Reply::says("one two three").silent_after(2));
    let events = app.master().stream("Hi").await.events().await;
    assert_eq!(events[1].delta(), "two ");
    assert_eq!(events.last().unwrap().json()["error"]["code"], "provider_timeout");
    provider.hung_up().await;

    provider.answers(Reply::body(200, "application/json", "{\"choices\":").silent_after(1));
    assert_eq!(app.master().chat("Hi").await.expect(504).code(), "provider_timeout");

    let rows = app.usage(2).await;
    assert!(
        rows.iter().all(|row| row.status == "failed" && row.error.as_deref() == Some("provider_timeout")),
        "{rows:#?}"
    );
}

async fn nonsense_in_place_of_json_is_502(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"<html>Welcome to nginx</html>",
        b"{\"choices\":[",
        b"[1,2]",
        b"null",
        b"\xff\xfe{}",
        b"{} trailing",
    ];
    for body in bodies {
        provider.answers(Reply::body(200, "application/json", body));
        let answer = app.master().chat("Hi").await.expect(502);
        assert_eq!(answer.code(), "provider_bad_answer", "{}", String::from_utf8_lossy(body));
        assert_is_openais_envelope(&answer);
    }
    let rows = app.usage(bodies.len()).await;
    assert!(rows.iter().all(|row| row.status == "failed" && row.http_status == 502), "{rows:#?}");
}

async fn nonsense_in_place_of_http_is_502(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let answers: [&[u8]; 5] = [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in answers {
        provider.answers(Reply::raw(bytes));
        let answer = app.master().chat("Hi").await.expect(502);
        assert_is_openais_envelope(&answer);
    }
    assert!(app.usage(answers.len()).await.iter().all(|row| row.status == "failed"));
}

async fn an_answer_that_is_cut_off_is_502(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::body(200, "application/json", "{\"choices\":[]").cut_after(1));
    let answer = app.master().chat("Hi").await.expect(502);
    assert_eq!(answer.code(), "provider_bad_answer");
    assert_eq!(only_row(&app).await.error.as_deref(), Some("provider_bad_answer"));
}

async fn an_error_under_a_200_is_a_failure(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::refuses(200, "server_error", "The engine is on fire."));

    for answer in [app.master().chat("Hi").await, app.master().stream("Hi").await.answer().await] {
        let answer = answer.expect(502);
        assert!(answer.message().contains("The engine is on fire."), "{}", answer.text());
    }
    assert!(app.usage(2).await.iter().all(|row| row.status == "failed"));
}

async fn a_json_answer_to_a_request_for_a_stream_is_refused(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider
        .answers(Reply::json(200, &json!({ "choices": [{ "index": 0, "message": { "content": "x" } }] })));
    let answer = app.master().stream("Hi").await.answer().await.expect(502);
    assert_eq!(answer.code(), "provider_bad_answer");
}

async fn a_stream_that_stops_half_way_ends_with_an_error_event(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::says("one two three").cut_after(2));
    let events = app.master().stream("Hi").await.events().await;

    assert_eq!(events[0].delta() + &events[1].delta(), "one two ");
    let error = &events.last().unwrap().json()["error"];
    assert_eq!(error["code"], "provider_bad_answer");
    assert!(error["message"].as_str().unwrap().contains("before it was complete"), "{error}");
    assert!(!events.iter().any(testkit::Event::is_done));
    let row = only_row(&app).await;
    assert_eq!((row.status.as_str(), row.is_estimated), ("failed", true));
}

async fn half_an_event_is_followed_by_an_error_event_of_its_own(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let whole = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
    let half = "data: {\"choices\":[{\"index\":0,\"delta\":{\"cont";
    for asks_for_usage in [false, true] {
        provider.answers(Reply::pieces([whole, half]).cut_after(2));
        let body = json!({ "model": MODEL, "stream": true, "messages": [], "stream_options": { "include_usage": asks_for_usage } });
        let events = app.master().open("/v1/chat/completions", &body).await.events().await;
        assert_eq!(events[0].delta(), "one");
        assert_eq!(events.last().unwrap().json()["error"]["code"], "provider_bad_answer");
    }
}

async fn an_error_inside_a_stream_is_passed_on_and_noted(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::pieces([
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n",
        "data: {\"error\":{\"message\":\"Out of memory.\",\"code\":\"server_error\"}}\n\n",
    ]));
    let events = app.master().stream("Hi").await.events().await;
    assert_eq!(events.last().unwrap().json()["error"]["message"], "Out of memory.");
    let row = only_row(&app).await;
    assert_eq!((row.status.as_str(), row.error.as_deref()), ("failed", Some("provider_error")));
}

async fn events_split_at_every_byte_arrive_whole(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é😀\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n";
    provider.answers(Reply::pieces(text.bytes().map(|byte| vec![byte])));
    let events = app.master().stream("Hi").await.events().await;

    assert_eq!(events[0].delta(), "é😀");
    // The usage event stays hidden although no packet holds more than a byte of it.
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(events[2].is_done());
    let row = only_row(&app).await;
    assert_eq!((row.prompt_tokens, row.completion_tokens, row.is_estimated), (3, 2, false));
}

async fn an_empty_stream_is_a_failure(stage: Stage) {
    let (app, provider) = with_provider(stage).await;
    provider.answers(Reply::pieces::<&'static str>([]));
    let events = app.master().stream("Hi").await.events().await;
    assert_eq!(events.last().unwrap().json()["error"]["code"], "provider_bad_answer");
    assert_eq!(only_row(&app).await.status, "failed");
}

async fn the_next_request_after_every_failure_is_served(stage: Stage) {
    let (app, provider) = with_provider(stage.env("WARDROOM_MAX_CONCURRENT_REQUESTS", "1")).await;
    let failures = [
        Reply::raw("nonsense"),
        Reply::says("one two").cut_after(1),
        Reply::refuses(500, "x", "y"),
        Reply::body(200, "application/json", "{"),
    ];
    for failure in failures {
        provider.answers_once(failure);
        app.master().chat("Hi").await;
        app.master().chat("Hi").await.expect(200);
    }
    // A place that a client left behind comes back too.
    provider.answers_once(Reply::never());
    let caller = app.master();
    drop(tokio::time::timeout(Duration::from_millis(300), caller.chat("Hi")).await);
    provider.hung_up().await;
    testkit::eventually("a free place", async || (caller.chat("Hi").await.status == 200).then_some(())).await;
}
