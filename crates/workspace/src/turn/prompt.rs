//! What a model is asked: OpenAI's chat JSON, made from the branch that ends in the question. Pure.

use bytes::Bytes;
use kernel::{Message, MessageRole};
use serde_json::{Map, Value, json};

use crate::change::object;

/// Numbers among Open WebUI's chat parameters that have the same name and meaning at OpenAI.
const NUMBERS: [&str; 7] = [
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "frequency_penalty",
    "presence_penalty",
];

/// The body of the request. `chat_extra` holds the chat's `params` and `system`, a JSON object.
pub(crate) fn of(model: &str, branch: &[&Message], chat_extra: &str) -> Bytes {
    let extra = object(chat_extra);
    let params = extra.get("params").and_then(Value::as_object);
    let system = params
        .and_then(|params| params.get("system"))
        .or_else(|| extra.get("system"))
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty());
    let mut messages: Vec<Value> = Vec::with_capacity(branch.len() + 1);
    messages.extend(system.map(|text| json!({ "role": "system", "content": text })));
    let spoken = branch.iter().filter(|message| !is_silence(message));
    messages
        .extend(spoken.map(|message| json!({ "role": message.role.as_str(), "content": message.content })));

    let mut body = params.map(known).unwrap_or_default();
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), Value::Array(messages));
    body.insert("stream".to_owned(), json!(true));
    Bytes::from(Value::Object(body).to_string())
}

/// An answer without text (it failed, or it only asked for tools) would confuse models, and some
/// providers refuse it.
fn is_silence(message: &Message) -> bool {
    message.role == MessageRole::Assistant && message.content.trim().is_empty()
}

fn known(params: &Map<String, Value>) -> Map<String, Value> {
    let is_known = |name: &str, value: &Value| match name {
        "stop" => value.is_string() || value.as_array().is_some_and(|it| it.iter().all(Value::is_string)),
        "reasoning_effort" => value.is_string(),
        _ => NUMBERS.contains(&name) && value.is_number(),
    };
    let kept = params.iter().filter(|(name, value)| is_known(name, value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::said;

    fn asked(branch: &[&Message], extra: &Value) -> Value {
        serde_json::from_slice(&of("m", branch, &extra.to_string())).unwrap()
    }

    #[test]
    fn the_branch_is_asked_in_order_below_the_chats_system_prompt() {
        let question = said("q", None);
        let answer = Message { role: MessageRole::Assistant, ..said("a", Some("q")) };
        let body = asked(&[&question, &answer], &json!({ "system": "Be brief." }));
        assert_eq!(
            body,
            json!({ "model": "m", "stream": true, "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "words of q" },
                { "role": "assistant", "content": "words of a" },
            ] })
        );
    }

    #[test]
    fn answers_without_text_are_left_out() {
        let failed = Message { role: MessageRole::Assistant, content: " ".to_owned(), ..said("a", None) };
        assert_eq!(asked(&[&failed, &said("q", None)], &json!({}))["messages"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn only_parameters_of_a_known_name_and_type_travel() {
        let params = json!({ "temperature": 0.2, "top_p": "high", "stop": ["END"], "model": "other", "stream": false,
            "messages": [], "api_key": "x", "seed": null, "system": "From params." });
        let body = asked(&[], &json!({ "params": params, "system": "From the chat." }));
        let system = json!([{ "role": "system", "content": "From params." }]);
        assert_eq!(
            body,
            json!({ "model": "m", "stream": true, "messages": system, "temperature": 0.2, "stop": ["END"] })
        );
    }
}
