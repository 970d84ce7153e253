//! Ways around limits that somebody with a valid credential could try.

use serde_json::{Value, json};
use testkit::{FakeProvider, MODEL, Program, Reply, Stage, TestApp, spec};

spec! {
    a_batch_of_prompts_is_reserved_for_prompt_by_prompt;
    a_limit_that_the_endpoint_does_not_know_reserves_nothing_less;
    an_answer_that_nobody_bounds_is_held_to_what_was_reserved;
    a_key_that_is_limited_cannot_name_other_models_beside_its_own;
    an_answer_that_would_come_later_is_refused;
    a_whole_answer_does_not_repeat_the_providers_key;
    work_that_a_provider_did_is_paid_for_although_its_answer_is_of_no_use;
}

/// An app with one provider and a key that can pay for a thousand tokens of answer.
async fn with_budget(stage: Stage) -> (TestApp, FakeProvider, Program) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 0.0, 1.0).start().await;
    let key = app.key().budget(0.001).create().await;
    (app, provider, key)
}

/// What the provider was told to stop at.
fn limit(provider: &FakeProvider, field: &str) -> Option<u64> {
    provider.last().json()[field].as_u64()
}

async fn a_batch_of_prompts_is_reserved_for_prompt_by_prompt(stage: Stage) {
    let (_app, provider, key) = with_budget(stage).await;
    let prompts = vec!["go on"; 100];

    let body = json!({ "model": MODEL, "prompt": prompts, "max_tokens": 1_000 });
    key.post("/v1/completions", body).await.expect(200);

    assert_eq!(limit(&provider, "max_tokens"), Some(10));
}

async fn a_limit_that_the_endpoint_does_not_know_reserves_nothing_less(stage: Stage) {
    let (_app, provider, key) = with_budget(stage).await;

    key.post("/v1/responses", json!({ "model": MODEL, "input": "Hi", "max_tokens": 1 })).await.expect(200);
    assert_eq!(limit(&provider, "max_output_tokens"), Some(1_000));

    key.complete(chat(&json!({ "max_output_tokens": 1 }))).await.expect(200);
    assert!(limit(&provider, "max_tokens").is_some_and(|limit| limit > 900));
}

fn chat(more: &Value) -> Value {
    let mut body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

async fn an_answer_that_nobody_bounds_is_held_to_what_was_reserved(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 0.0, 1.0).start().await;
    let key = app.key().budget(1.0).create().await;

    key.chat("Hi").await.expect(200);

    assert_eq!(limit(&provider, "max_tokens"), Some(4_096));
}

async fn a_key_that_is_limited_cannot_name_other_models_beside_its_own(stage: Stage) {
    let (app, provider, key) = with_budget(stage).await;
    let cheap_only = app.key().models(&[MODEL]).create().await;
    let calls = provider.calls();

    for field in ["models", "Models", "fallbacks", "extra_body", "preset"] {
        for key in [&key, &cheap_only] {
            let refused = key.complete(chat(&json!({ field: ["dear-model"] }))).await.expect(403);
            assert_eq!(refused.code(), "parameter_not_allowed", "{field}");
        }
    }

    assert_eq!(provider.calls(), calls);
    let anything = app.key().create().await;
    anything.complete(chat(&json!({ "models": ["dear-model"] }))).await.expect(200);
}

async fn an_answer_that_would_come_later_is_refused(stage: Stage) {
    let (_app, provider, key) = with_budget(stage).await;
    let calls = provider.calls();

    let body = json!({ "model": MODEL, "input": "Hi", "background": true });
    assert_eq!(key.post("/v1/responses", body).await.expect(400).json()["error"]["param"], "background");

    assert_eq!(provider.calls(), calls);
}

async fn a_whole_answer_does_not_repeat_the_providers_key(stage: Stage) {
    let (_app, provider, key) = with_budget(stage).await;
    provider.answers(Reply::says(&format!("You sent Bearer {}.", provider.key())));

    let answer = key.chat("Which headers did you get?").await.expect(200).text();

    assert!(!answer.contains(provider.key()) && answer.contains("[removed]"), "{answer}");
}

async fn work_that_a_provider_did_is_paid_for_although_its_answer_is_of_no_use(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).priced(MODEL, 1.0, 1.0).start().await;
    let key = app.key().budget(1.0).create().await;

    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150 });
    let whole = json!({ "choices": [{ "message": { "content": "Whole." } }], "usage": usage });
    provider.answers_once(Reply::json(200, &whole));
    assert_eq!(key.stream("Hi").await.answer().await.expect(502).code(), "provider_bad_answer");
    provider.answers_once(Reply::says("one two").cut_after(1));
    key.chat("Hi").await.expect(502);

    let mut nanos: Vec<_> = app.usage(2).await.iter().map(|row| row.nanos.unwrap_or_default()).collect();
    nanos.sort_unstable();
    assert_eq!(nanos[1], 150_000);
    assert!(nanos[0] > 0);
}
