//! The Responses API.

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use super::{Asked, DemoBody, chat, part::Part, stream, whole};

/// A whole response, or its events.
pub(super) fn answer(model: &str, asked: &Asked, part: &Part) -> Response<DemoBody> {
    let (part, is_cut) = part.cut(asked.longest());
    let status = if is_cut { "incomplete" } else { "completed" };
    let done = response(model, status, &output(&part), &usage(asked, &part));
    if !asked.stream {
        return whole(&done.to_string());
    }
    stream(events(model, &part, &done, status))
}

fn usage(asked: &Asked, part: &Part) -> Value {
    let (input, output) = (chat::prompt_tokens(asked), part.tokens());
    json!({ "input_tokens": input, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": part.reasoning.len() }, "total_tokens": input + output })
}

fn response(model: &str, status: &str, output: &[Value], usage: &Value) -> Value {
    let incomplete =
        if status == "incomplete" { json!({ "reason": "max_output_tokens" }) } else { Value::Null };
    json!({ "id": "resp_demo", "object": "response", "created_at": 1_795_219_200, "status": status, "error": null,
        "incomplete_details": incomplete, "instructions": null, "metadata": {}, "model": model, "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": usage })
}

fn message(text: &str, status: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
    json!({ "id": "msg_demo", "type": "message", "status": status, "role": "assistant", "content": content })
}

fn call(part: &Part) -> Option<Value> {
    let tool = part.tool.as_ref()?;
    Some(
        json!({ "id": "fc_demo", "type": "function_call", "status": "completed", "call_id": tool.id, "name": tool.name,
        "arguments": tool.arguments.concat() }),
    )
}

fn output(part: &Part) -> Vec<Value> {
    [message(&part.content.concat(), "completed")].into_iter().chain(call(part)).collect()
}

fn events(model: &str, part: &Part, done: &Value, status: &str) -> Vec<(Duration, String)> {
    let mut number = 0;
    let mut events = Vec::new();
    let mut say = |pause: Duration, kind: &str, mut event: Value| {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(number);
        number += 1;
        events.push((pause, format!("event: {kind}\ndata: {event}\n\n")));
    };
    let now = Duration::ZERO;
    let begun = response(model, "in_progress", &[], &Value::Null);
    let place = json!({ "item_id": "msg_demo", "output_index": 0, "content_index": 0 });
    let at = |field: &str, value: Value| {
        let mut event = place.clone();
        event[field] = value;
        event
    };
    say(now, "response.created", json!({ "response": begun }));
    say(now, "response.in_progress", json!({ "response": begun }));
    say(
        now,
        "response.output_item.added",
        json!({ "output_index": 0, "item": { "id": "msg_demo", "type": "message",
        "status": "in_progress", "role": "assistant", "content": [] } }),
    );
    let empty = json!({ "type": "output_text", "text": "", "annotations": [] });
    say(now, "response.content_part.added", at("part", empty));
    for word in &part.content {
        say(part.pace, "response.output_text.delta", at("delta", json!(word)));
    }
    let text = part.content.concat();
    say(now, "response.output_text.done", at("text", json!(text)));
    say(
        now,
        "response.content_part.done",
        at("part", json!({ "type": "output_text", "text": text, "annotations": [] })),
    );
    say(now, "response.output_item.done", json!({ "output_index": 0, "item": message(&text, "completed") }));
    if let Some(call) = call(part) {
        say(part.pace, "response.output_item.added", json!({ "output_index": 1, "item": call }));
        let arguments = json!({ "item_id": "fc_demo", "output_index": 1, "arguments": call["arguments"] });
        say(now, "response.function_call_arguments.done", arguments);
        say(now, "response.output_item.done", json!({ "output_index": 1, "item": call }));
    }
    let last = if status == "incomplete" { "response.incomplete" } else { "response.completed" };
    say(now, last, json!({ "response": done }));
    events
}
