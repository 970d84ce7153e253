//! Text completions.

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use super::{Asked, DemoBody, chat, event, part::Part, stream, whole};

/// A whole completion, or a stream of chunks.
pub(super) fn answer(model: &str, asked: &Asked, part: &Part) -> Response<DemoBody> {
    let (part, is_cut) = part.cut(asked.longest());
    let finish = if is_cut { "length" } else { "stop" };
    let document = |text: &str, finish: Value, usage: Value| {
        let choices: Vec<Value> = (0..chat::choices(asked))
            .map(|index| json!({ "index": index, "text": text, "logprobs": null, "finish_reason": finish }))
            .collect();
        let mut document = json!({ "id": "cmpl-demo", "object": "text_completion", "created": 1_795_219_200, "model": model, "choices": choices });
        if !usage.is_null() {
            document["usage"] = usage;
        }
        document
    };
    if !asked.stream {
        return whole(
            &document(&part.content.concat(), json!(finish), chat::usage(asked, &part)).to_string(),
        );
    }
    let mut events: Vec<_> = part
        .content
        .iter()
        .map(|word| (part.pace, event(&document(word, Value::Null, Value::Null))))
        .collect();
    events.push((part.pace, event(&document("", json!(finish), Value::Null))));
    if asked.wants_usage() {
        let mut last = document("", Value::Null, chat::usage(asked, &part));
        last["choices"] = json!([]);
        events.push((Duration::ZERO, event(&last)));
    }
    events.push((Duration::ZERO, "data: [DONE]\n\n".to_owned()));
    stream(events)
}
