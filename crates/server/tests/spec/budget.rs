//! Money: many calls at once never spend more than a key may, and what nobody used comes back.

use std::time::Duration;

use serde_json::json;
use testkit::{
    Answer, FakeProvider, Gate, MODEL, Program, Received, Reply, Stage, TestApp, eventually, spec,
};
use tokio::task::JoinSet;

spec! {
    two_hundred_calls_at_once_spend_a_budget_for_ten_to_the_end_and_not_beyond;
    two_hundred_calls_at_once_leave_less_than_a_call_of_an_odd_budget;
    streams_and_whole_answers_share_one_budget;
    a_spent_budget_is_refused_in_words_that_stop_a_client_from_trying_again;
    the_status_of_a_spent_budget_is_the_operators_choice;
    a_raised_budget_admits_the_next_call;
    an_abandoned_reservation_comes_back;
    a_call_that_waits_for_anothers_reservation_is_served_when_that_ends;
    a_failed_call_costs_nothing;
    several_answers_cost_as_many_times_as_much;
    an_answer_is_capped_to_what_the_rest_of_the_budget_affords;
    a_model_without_a_price_is_refused_to_a_key_with_a_budget_and_to_no_other;
    what_was_spent_survives_a_restart;
    the_spend_of_a_key_is_the_sum_of_its_rows;
}

/// Ten tokens of prompt and five of answer cost 0.006 $ at these prices.
const PROMPT: f64 = 100.0;
const COMPLETION: f64 = 1000.0;
const CALL: f64 = 0.006;
const CALL_NANOS: i64 = 6_000_000;

/// An app whose provider charges [`CALL`] for an answer, or less where it is told to say less.
async fn shop(stage: Stage) -> (TestApp, FakeProvider) {
    let provider = FakeProvider::start().await;
    provider.answers(Reply::by(obedient));
    let app = stage.provider(&provider).priced(MODEL, PROMPT, COMPLETION).start().await;
    (app, provider)
}

/// Keeps to `max_tokens`, as real providers do.
fn obedient(request: &Received) -> Reply {
    let most = request.json()["max_tokens"].as_u64().unwrap_or(u64::MAX);
    Reply::says_for("Hello.", 10, most.min(5))
}

fn question() -> serde_json::Value {
    // Forty bytes: about the ten tokens that the provider will count.
    json!({ "model": MODEL, "max_tokens": 5, "messages": [{ "role": "user", "content": "Hi" }] })
}

async fn two_hundred(program: &Program) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for _ in 0..200 {
        let program = program.clone();
        running.spawn(async move { program.complete(question()).await });
    }
    running.join_all().await
}

fn passed(answers: &[Answer]) -> usize {
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((answer.status, answer.code().as_str()), (429, "budget_exceeded"), "{}", answer.text());
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

/// What the ledger says that all calls cost together, in billionths of a dollar.
async fn ledger(app: &TestApp, rows: usize) -> i64 {
    app.usage(rows).await.iter().filter_map(|row| row.nanos).sum()
}

async fn two_hundred_calls_at_once_spend_a_budget_for_ten_to_the_end_and_not_beyond(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let program = app.key().budget(10.0 * CALL).create().await;

    let answers = two_hundred(&program).await;

    let count = passed(&answers);
    assert!(count == 10 || count == 11, "{count} passed");
    assert_eq!(provider.calls(), count);
    let spent = ledger(&app, 200).await;
    assert!(spent <= 10 * CALL_NANOS, "{spent}");
    let shown = program.shown().await;
    assert_eq!(shown["reserved"], 0.0);
    assert!(shown["spend"].as_f64().unwrap() <= shown["max_budget"].as_f64().unwrap(), "{shown}");
}

async fn two_hundred_calls_at_once_leave_less_than_a_call_of_an_odd_budget(stage: Stage) {
    let (app, _provider) = shop(stage).await;
    let program = app.key().budget(3.5 * CALL).create().await;

    let count = passed(&two_hundred(&program).await);

    assert!(count == 3 || count == 4, "{count} passed");
    let spent = ledger(&app, 200).await;
    assert!((3 * CALL_NANOS..=7 * CALL_NANOS / 2).contains(&spent), "{spent}");
}

async fn streams_and_whole_answers_share_one_budget(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let program = app.key().budget(4.0 * CALL).create().await;
    let mut running = JoinSet::new();
    for n in 0..40 {
        let program = program.clone();
        running.spawn(async move {
            let mut body = question();
            body["stream"] = json!(n % 2 == 0);
            program.complete(body).await
        });
    }

    let count = passed(&running.join_all().await);

    assert!(count == 4 || count == 5, "{count} passed");
    assert_eq!(provider.calls(), count);
    assert!(ledger(&app, 40).await <= 4 * CALL_NANOS);
}

async fn a_spent_budget_is_refused_in_words_that_stop_a_client_from_trying_again(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let program = app.key().budget(CALL).create().await;
    program.complete(question()).await.expect(200);

    let refused = program.complete(question()).await.expect(429);

    assert_eq!(refused.json()["error"]["type"], "budget_exceeded");
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.header("retry-after"), None);
    assert!(refused.message().contains("0.006"), "{}", refused.text());
    assert_eq!(provider.calls(), 1);
    let row = &app.usage(2).await[1];
    assert_eq!((row.status.as_str(), row.key.as_deref()), ("refused", Some(program.id.as_str())));
    assert_eq!((row.nanos.unwrap_or(0), row.completion_tokens), (0, 0));
}

async fn the_status_of_a_spent_budget_is_the_operators_choice(stage: Stage) {
    let (app, _provider) = shop(stage.env("BUDGET_EXCEEDED_STATUS", "402")).await;
    let program = app.key().budget(0.000_001).create().await;
    assert_eq!(program.complete(question()).await.expect(402).code(), "budget_exceeded");
}

async fn a_raised_budget_admits_the_next_call(stage: Stage) {
    let (app, _provider) = shop(stage).await;
    let program = app.key().budget(CALL).create().await;
    program.complete(question()).await.expect(200);
    program.complete(question()).await.expect(429);

    program.change(json!({ "max_budget": 2.0 * CALL })).await;
    program.complete(question()).await.expect(200);
    program.complete(question()).await.expect(429);

    program.change(json!({ "max_budget": null })).await;
    program.complete(question()).await.expect(200);

    // Lowered below what was spent: nothing goes any more.
    program.change(json!({ "max_budget": CALL })).await;
    program.complete(question()).await.expect(429);
}

async fn an_abandoned_reservation_comes_back(stage: Stage) {
    let (app, provider) = shop(stage).await;
    provider.answers(Reply::never());
    let program = app.key().budget(3.0 * CALL).create().await;
    let running = tokio::time::timeout(Duration::from_millis(700), program.complete(question()));
    let (waited, reserved) = tokio::join!(running, async {
        provider.called(1).await;
        program.shown().await["reserved"].as_f64().unwrap()
    });
    assert!(waited.is_err() && reserved > 0.0, "{reserved}");

    let back = async || (program.shown().await["reserved"] == 0.0).then_some(());
    eventually("the reservation to come back", back).await;
    // The prompt was sent, so it is paid; the answer that nobody got is not.
    let spent = ledger(&app, 1).await;
    assert!(spent < 2 * CALL_NANOS, "{spent}");

    provider.answers(Reply::by(obedient));
    program.complete(question()).await.expect(200);
}

async fn a_call_that_waits_for_anothers_reservation_is_served_when_that_ends(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let gate = Gate::closed();
    provider.answers_once(Reply::says_for("Hello.", 10, 5).held(&gate));
    let program = app.key().budget(2.0 * CALL).create().await;
    let greedy =
        json!({ "model": MODEL, "max_tokens": 1000, "messages": [{ "role": "user", "content": "Hi" }] });

    let (first, second, ()) = tokio::join!(
        program.complete(greedy),
        async {
            provider.called(1).await;
            program.complete(question()).await
        },
        async {
            provider.called(1).await;
            // Long enough for the second call to arrive; it is right either way.
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(provider.calls(), 1, "the second call went past the reservation of the first");
            gate.open();
        }
    );

    first.expect(200);
    second.expect(200);
}

async fn a_failed_call_costs_nothing(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let program = app.key().budget(CALL).create().await;
    for reply in
        [Reply::refuses(500, "x", "y"), Reply::raw("nonsense"), Reply::body(200, "application/json", "{")]
    {
        provider.answers_once(reply);
        assert!(program.complete(question()).await.status >= 500);
    }
    assert_eq!(ledger(&app, 3).await, 0);
    program.complete(question()).await.expect(200);
}

async fn several_answers_cost_as_many_times_as_much(stage: Stage) {
    let (app, provider) = shop(stage).await;
    provider.answers(Reply::by(|request| {
        let answers = request.json()["n"].as_u64().unwrap_or(1);
        let most = request.json()["max_tokens"].as_u64().unwrap_or(u64::MAX);
        Reply::says_for("Hello.", 10, answers * most.min(5))
    }));
    // Ten answers of five tokens cost 0.051 $, so this affords them short and not in full.
    let program = app.key().budget(0.03).create().await;
    let mut body = question();
    body["n"] = json!(10);
    program.complete(body.clone()).await.expect(200);

    let spent = ledger(&app, 1).await;
    assert!((11_000_000..=30_000_000).contains(&spent), "{spent}");

    // A hundred answers of one token cost more than what is left, however short they are.
    body["n"] = json!(100);
    program.complete(body).await.expect(429);
}

async fn an_answer_is_capped_to_what_the_rest_of_the_budget_affords(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let program = app.key().budget(CALL).create().await;
    for (field, asked) in
        [("max_tokens", Some(100_000)), ("max_completion_tokens", Some(100_000)), ("max_tokens", None)]
    {
        let mut body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hi" }] });
        if let Some(asked) = asked {
            body[field] = json!(asked);
        }
        provider.answers_once(Reply::refuses(500, "x", "free of charge"));
        program.complete(body).await.expect(500);
        let seen = provider.last().json();
        let limit = ["max_tokens", "max_completion_tokens"].iter().find_map(|name| seen[*name].as_u64());
        assert!(limit.is_some_and(|limit| (1..=6).contains(&limit)), "{seen}");
    }
}

async fn a_model_without_a_price_is_refused_to_a_key_with_a_budget_and_to_no_other(stage: Stage) {
    let provider = FakeProvider::start().await;
    let app = stage.provider(&provider).start().await;
    let limited = app.key().budget(100.0).create().await;
    let free = app.key().create().await;

    let refused = limited.chat("Hi").await.expect(400);
    assert_eq!(
        (refused.code().as_str(), &refused.json()["error"]["param"]),
        ("price_unknown", &json!("model"))
    );
    assert_eq!(provider.calls(), 0);

    free.chat("Hi").await.expect(200);
    app.master().chat("Hi").await.expect(200);
    assert_eq!(app.usage(3).await[1].nanos, None);
}

async fn what_was_spent_survives_a_restart(stage: Stage) {
    let (mut app, _provider) = shop(stage).await;
    let program = app.key().budget(CALL).create().await;
    program.complete(question()).await.expect(200);
    program.complete(question()).await.expect(429);
    let before = program.shown().await["spend"].as_f64().unwrap();

    app.restart().await;

    assert_eq!(program.complete(question()).await.expect(429).code(), "budget_exceeded");
    let after = program.shown().await["spend"].as_f64().unwrap();
    assert!(before > CALL / 2.0 && (after - before).abs() < 1e-9, "{before} became {after}");
}

async fn the_spend_of_a_key_is_the_sum_of_its_rows(stage: Stage) {
    let (app, provider) = shop(stage).await;
    let (one, two) = (app.key().create().await, app.key().budget(1.0).create().await);
    let mut running = JoinSet::new();
    for n in 0..60 {
        let program = if n % 3 == 0 { two.clone() } else { one.clone() };
        running.spawn(async move {
            let mut body = question();
            body["stream"] = json!(n % 2 == 0);
            program.complete(body).await.expect(200);
        });
    }
    running.join_all().await;

    let rows = app.usage(60).await;
    for program in [&one, &two] {
        let sum: i64 =
            rows.iter().filter(|row| row.key.as_ref() == Some(&program.id)).filter_map(|row| row.nanos).sum();
        let stored = app.sql(&format!("SELECT spend FROM virtual_key WHERE id = '{}'", program.id));
        assert_eq!(stored, [[sum.to_string()]]);
    }
    assert_eq!(provider.calls(), 60);
}
