//! Chat completions.

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use super::{Asked, DemoBody, event, part::Part, stream, whole};

const ID: &str = "chatcmpl-demo";
const CREATED: u64 = 1_795_219_200;

/// A whole completion, or a stream of chunks.
pub(super) fn answer(model: &str, asked: &Asked, part: &Part) -> Response<DemoBody> {
    let (part, is_cut) = part.cut(asked.longest());
    let finish = match (&part.tool, is_cut) {
        (_, true) => "length",
        (Some(_), _) => "tool_calls",
        (None, _) => "stop",
    };
    if asked.stream {
        return stream(events(model, asked, &part, finish));
    }
    let choices: Vec<Value> = (0..choices(asked))
        .map(|index| json!({ "index": index, "message": message(&part), "logprobs": null, "finish_reason": finish }))
        .collect();
    let body = json!({ "id": ID, "object": "chat.completion", "created": CREATED, "model": model, "choices": choices,
        "usage": usage(asked, &part) });
    whole(&body.to_string())
}

pub(super) fn choices(asked: &Asked) -> u64 {
    asked.n.unwrap_or(1).clamp(1, 128)
}

/// A word is a token.
pub(super) fn prompt_tokens(asked: &Asked) -> u64 {
    let texts = asked.messages.iter().map(|message| super::text_of(&message["content"]));
    let words: usize = texts.map(|text| text.split_whitespace().count() + 4).sum();
    (words
        + asked.last_words().split_whitespace().count().min(if asked.messages.is_empty() {
            usize::MAX
        } else {
            0
        }))
    .max(1) as u64
}

pub(super) fn usage(asked: &Asked, part: &Part) -> Value {
    let (prompt, completion) = (prompt_tokens(asked), part.tokens() * choices(asked));
    json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": part.reasoning.len() as u64 * choices(asked) } })
}

fn message(part: &Part) -> Value {
    let mut message = json!({ "role": "assistant", "content": part.content.concat(), "refusal": null });
    if !part.reasoning.is_empty() {
        message["reasoning_content"] = json!(part.reasoning.concat());
    }
    if let Some(tool) = &part.tool {
        message["tool_calls"] = json!([{ "id": tool.id, "type": "function",
            "function": { "name": tool.name, "arguments": tool.arguments.concat() } }]);
    }
    message
}

fn events(model: &str, asked: &Asked, part: &Part, finish: &str) -> Vec<(Duration, String)> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({ "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": choices });
        if asked.wants_usage() {
            chunk["usage"] = usage;
        }
        event(&chunk)
    };
    let delta = |delta: Value, finish: Value| {
        let choices: Vec<Value> = (0..choices(asked))
            .map(|index| json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish }))
            .collect();
        chunk(json!(choices), Value::Null)
    };
    let mut events =
        vec![(Duration::ZERO, delta(json!({ "role": "assistant", "content": "" }), Value::Null))];
    let mut say = |value: Value| events.push((part.pace, delta(value, Value::Null)));
    part.reasoning.iter().for_each(|word| say(json!({ "reasoning_content": word })));
    part.content.iter().for_each(|word| say(json!({ "content": word })));
    if let Some(tool) = &part.tool {
        say(
            json!({ "tool_calls": [{ "index": 0, "id": tool.id, "type": "function", "function": { "name": tool.name, "arguments": "" } }] }),
        );
        for fragment in &tool.arguments {
            say(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": fragment } }] }));
        }
    }
    events.push((part.pace, delta(json!({}), json!(finish))));
    if asked.wants_usage() {
        events.push((Duration::ZERO, chunk(json!([]), usage(asked, part))));
    }
    events.push((Duration::ZERO, "data: [DONE]\n\n".to_owned()));
    events
}
