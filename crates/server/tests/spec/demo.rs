//! The demo provider: it shows every kind of answer in the formats of a real one, and goes the way of a real one.

use serde_json::{Value, json};
use testkit::{Caller, Event, Stage, TestApp, spec_sqlite};

spec_sqlite! {
    each_demo_model_is_offered_with_a_price;
    echo_says_what_was_said_in_every_format;
    a_stream_has_the_words_of_the_whole_answer_and_its_usage;
    reasoning_comes_before_the_answer_and_is_counted;
    a_tool_is_asked_for_and_its_result_is_used;
    an_answer_is_cut_where_the_caller_wants_it;
    several_choices_are_several;
    vectors_come_as_numbers_and_in_base_64;
    each_failure_looks_as_it_does_at_a_real_provider;
    a_budget_pays_for_the_demo_too;
}

async fn demo(stage: Stage) -> (TestApp, Caller) {
    let app = stage.demo().start().await;
    let master = app.master();
    (app, master)
}

fn says(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

/// The events of a streamed chat completion, without the last one.
async fn events(caller: &Caller, mut body: Value) -> Vec<Value> {
    body["stream"] = json!(true);
    let mut events: Vec<Event> = caller.open("/v1/chat/completions", &body).await.events().await;
    assert!(events.pop().unwrap().is_done());
    events.iter().map(Event::json).collect()
}

/// One field of all deltas, joined.
fn joined(events: &[Value], field: &str) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"][field].as_str()).collect()
}

async fn each_demo_model_is_offered_with_a_price(stage: Stage) {
    let (_app, master) = demo(stage).await;
    let models = master.get("/v1/models").await.expect(200).json();
    let ids: Vec<_> =
        models["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    let all = ["echo", "markdown", "reasoning", "tools", "slow", "failing", "embedding"];
    assert_eq!(ids, all.map(|name| format!("demo/{name}")));
}

async fn echo_says_what_was_said_in_every_format(stage: Stage) {
    let (_app, master) = demo(stage).await;
    let words = "Grüße, \"Welt\" ☃";

    assert_eq!(master.ask("demo/echo", words).await.expect(200).said(), words);
    let body = json!({ "model": "demo/echo", "prompt": words });
    let completion = master.post("/v1/completions", body).await.expect(200).json();
    assert_eq!(
        (&completion["object"], &completion["choices"][0]["text"]),
        (&json!("text_completion"), &json!(words))
    );
    let body = json!({ "model": "demo/echo", "input": words });
    let response = master.post("/v1/responses", body.clone()).await.expect(200).json();
    assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(response["output"][0]["content"][0]["text"], words);

    let mut streamed = body;
    streamed["stream"] = json!(true);
    let events = master.open("/v1/responses", &streamed).await.events().await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("response.created", "response.completed"));
    let deltas = events.iter().filter(|event| event.name == "response.output_text.delta");
    assert_eq!(
        deltas.map(|event| event.json()["delta"].as_str().unwrap().to_owned()).collect::<String>(),
        words
    );
    let numbers: Vec<_> =
        events.iter().map(|event| event.json()["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
}

async fn a_stream_has_the_words_of_the_whole_answer_and_its_usage(stage: Stage) {
    let (app, master) = demo(stage).await;
    let whole = master.complete(says("demo/markdown", "Show me")).await.expect(200).json();

    let mut body = says("demo/markdown", "Show me");
    body["stream_options"] = json!({ "include_usage": true });
    let events = events(&master, body).await;

    assert_eq!(joined(&events, "content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
    let rows = app.usage(2).await;
    assert!(
        rows.iter().all(|row| row.status == "ok" && !row.is_estimated && row.completion_tokens > 50),
        "{rows:#?}"
    );
}

async fn reasoning_comes_before_the_answer_and_is_counted(stage: Stage) {
    let (app, master) = demo(stage).await;
    let events = events(&master, says("demo/reasoning", "Why?")).await;
    let first = |field: &str| {
        events.iter().position(|event| {
            event["choices"][0]["delta"][field].as_str().is_some_and(|text| !text.is_empty())
        })
    };
    assert!(first("reasoning_content").unwrap() < first("content").unwrap());
    assert!(joined(&events, "content").contains("Why?"));
    app.usage(1).await;
    let counted = app.sql("SELECT reasoning_tokens, completion_tokens FROM usage_record");
    let [reasoning, completion] = [0, 1].map(|column| counted[0][column].parse::<u32>().unwrap());
    assert!(reasoning > 0 && completion > reasoning, "{counted:?}");
}

async fn a_tool_is_asked_for_and_its_result_is_used(stage: Stage) {
    let (_app, master) = demo(stage).await;
    let whole = master.complete(says("demo/tools", "Lima")).await.expect(200).json();
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments["place"], "Lima");

    let events = events(&master, says("demo/tools", "Lima")).await;
    let pieces = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(pieces.collect::<String>(), call["function"]["arguments"].as_str().unwrap());

    let mut body = says("demo/tools", "Lima");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(choice["message"].clone());
    messages.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "21 degrees" }));
    let answer = master.complete(body).await.expect(200);
    assert!(answer.said().contains("21 degrees"));
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
}

async fn an_answer_is_cut_where_the_caller_wants_it(stage: Stage) {
    let (_app, master) = demo(stage).await;
    for model in ["demo/echo", "demo/reasoning", "demo/tools", "demo/markdown"] {
        let mut body = says(model, "one two three four five");
        body["max_completion_tokens"] = json!(3);
        let cut = master.complete(body).await.expect(200).json();
        assert_eq!(
            (&cut["choices"][0]["finish_reason"], &cut["usage"]["completion_tokens"]),
            (&json!("length"), &json!(3)),
            "{model}"
        );
    }
    let body = json!({ "model": "demo/echo", "input": "one two three four", "max_output_tokens": 2 });
    let response = master.post("/v1/responses", body).await.expect(200).json();
    assert_eq!(
        (&response["status"], &response["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
}

async fn several_choices_are_several(stage: Stage) {
    let (_app, master) = demo(stage).await;
    let mut body = says("demo/echo", "Hi");
    body["n"] = json!(3);
    let whole = master.complete(body).await.expect(200).json();
    let indexes: Vec<_> =
        whole["choices"].as_array().unwrap().iter().map(|choice| choice["index"].clone()).collect();
    assert_eq!(
        (indexes, &whole["usage"]["completion_tokens"]),
        (vec![json!(0), json!(1), json!(2)], &json!(3))
    );
}

async fn vectors_come_as_numbers_and_in_base_64(stage: Stage) {
    let (_app, master) = demo(stage).await;
    let ask = async |format: &str| {
        let body = json!({ "model": "demo/embedding", "input": ["a", "b", "a"], "encoding_format": format });
        master.post("/v1/embeddings", body).await.expect(200).json()
    };
    let numbers = ask("float").await;
    let vectors = numbers["data"].as_array().unwrap();
    assert_eq!((vectors.len(), vectors[0]["embedding"].as_array().unwrap().len()), (3, 256));
    assert!(
        vectors[0]["embedding"] == vectors[2]["embedding"]
            && vectors[0]["embedding"] != vectors[1]["embedding"]
    );
    // 256 floats of four bytes.
    assert_eq!(ask("base64").await["data"][1]["embedding"].as_str().unwrap().len(), 1368);
    let wrong = json!({ "model": "demo/echo", "input": "a" });
    master.post("/v1/embeddings", wrong).await.expect(400);
    master.complete(says("demo/embedding", "a")).await.expect(400);
}

async fn each_failure_looks_as_it_does_at_a_real_provider(stage: Stage) {
    let (app, master) = demo(stage).await;
    let fail = async |word: &str| master.ask("demo/failing", word).await;

    assert_eq!(fail("401").await.expect(502).code(), "provider_auth_error");
    assert_eq!(fail("429").await.expect(429).header("retry-after"), Some("7"));
    assert_eq!(fail("nonsense").await.expect(502).code(), "provider_bad_answer");
    assert_eq!(fail("midway").await.expect(502).code(), "provider_bad_answer");
    assert!(fail("anything").await.expect(500).message().contains("demo/failing"));

    let mut body = says("demo/failing", "midway");
    body["stream"] = json!(true);
    let events = master.open("/v1/chat/completions", &body).await.events().await;
    assert!(events.iter().any(|event| !event.delta().is_empty()));
    assert!(events.iter().any(|event| event.data.contains("\"error\"")), "{events:?}");
    let rows = app.usage(6).await;
    assert!(rows.iter().all(|row| row.status == "failed"), "{rows:#?}");
}

async fn a_budget_pays_for_the_demo_too(stage: Stage) {
    let (app, _master) = demo(stage).await;
    // A dollar for a million tokens of prompt, two for a million of answer.
    let key = app.key().budget(0.000_02).create().await;
    let mut refused = None;
    for _ in 0..10 {
        let answer = key.ask("demo/echo", "one two").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    assert_eq!(refused.expect("ten calls cost more than the budget").expect(429).code(), "budget_exceeded");
    let spent = app.master().get(&format!("/key/info?key={}", key.secret)).await.expect(200).json();
    assert!(spent["info"]["spend"].as_f64().unwrap() <= 0.000_02, "{spent}");
}
