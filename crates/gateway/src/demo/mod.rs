//! The provider inside the binary, for looking around without a key: `wardroom serve --demo`.
//!
//! It speaks OpenAI's wire format and takes the same way as every other provider, so what is seen with it
//! (streams, tools, errors, usage, cost) is what a real one would show. It never leaves the process.

mod body;
mod chat;
mod completion;
mod embedding;
mod part;
mod responses;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use kernel::{Endpoint, Money, Pricing, UpstreamModel};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use body::DemoBody;
use part::Part;

/// Its models, name by name.
const MODELS: [(&str, &str); 7] = [
    ("demo/echo", "Demo: echo"),
    ("demo/markdown", "Demo: markdown"),
    ("demo/reasoning", "Demo: reasoning"),
    ("demo/tools", "Demo: tools"),
    ("demo/slow", "Demo: slow"),
    ("demo/failing", "Demo: failing"),
    ("demo/embedding", "Demo: embedding"),
];

/// One dollar for a million tokens of prompt, two for the answer, so that budgets and costs can be seen.
const PRICE: Pricing = Pricing {
    prompt: Money::from_nanos(1_000_000_000),
    completion: Money::from_nanos(2_000_000_000),
    cached_prompt: None,
};

/// What the provider offers.
pub(crate) fn models() -> Vec<UpstreamModel> {
    let model = |(id, name): (&str, &str)| UpstreamModel {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        created: 1_795_219_200,
        owned_by: "wardroom-demo".to_owned(),
        context_length: Some(32_768),
        pricing: Some(PRICE),
    };
    MODELS.into_iter().map(model).collect()
}

/// The fields of a request that the demo looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    messages: Vec<Value>,
    prompt: Value,
    input: Value,
    stream: bool,
    stream_options: Option<StreamOptions>,
    n: Option<u64>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    encoding_format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: bool,
}

impl Asked {
    fn longest(&self) -> Option<u64> {
        self.max_tokens.or(self.max_completion_tokens).or(self.max_output_tokens)
    }

    fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }

    /// What the person said last, whichever field it came in.
    fn last_words(&self) -> String {
        let of_messages = |messages: &[Value]| {
            messages
                .iter()
                .rev()
                .find(|message| message["role"] == "user")
                .map(|message| text_of(&message["content"]))
        };
        of_messages(&self.messages)
            .or_else(|| self.input.as_array().and_then(|items| of_messages(items)))
            .unwrap_or_else(|| text_of(if self.prompt.is_null() { &self.input } else { &self.prompt }))
    }

    /// The result of a tool that was called before, if the conversation ends with one.
    fn tool_result(&self) -> Option<String> {
        let last = self.messages.last()?;
        (last["role"] == "tool").then(|| text_of(&last["content"]))
    }
}

/// The text of a content that is a string or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let text = |part: &Value| {
                part.as_str().or_else(|| part["text"].as_str()).unwrap_or("(not text)").to_owned()
            };
            parts.iter().map(text).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// Answers a request as a provider would.
pub(crate) fn answer(endpoint: Endpoint, model: &str, body: &Bytes) -> Response<DemoBody> {
    let asked: Asked = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string()),
    };
    let is_embedding = model == "demo/embedding";
    match endpoint {
        Endpoint::Embeddings if is_embedding => embedding::answer(model, &asked),
        Endpoint::Embeddings => {
            refuse(StatusCode::BAD_REQUEST, "invalid_request_error", "Use demo/embedding for embeddings.")
        }
        _ if is_embedding => {
            refuse(StatusCode::BAD_REQUEST, "invalid_request_error", "demo/embedding makes vectors only.")
        }
        _ if model == "demo/failing" => fail(endpoint, model, &asked),
        Endpoint::ChatCompletions => chat::answer(model, &asked, &part::of(model, &asked)),
        Endpoint::Completions => completion::answer(model, &asked, &part::of(model, &asked)),
        Endpoint::Responses => responses::answer(model, &asked, &part::of(model, &asked)),
        Endpoint::Models => refuse(StatusCode::NOT_FOUND, "not_found", "Not found."),
    }
}

/// `demo/failing`: the last message chooses the failure.
fn fail(endpoint: Endpoint, model: &str, asked: &Asked) -> Response<DemoBody> {
    match asked.last_words().trim() {
        "401" => {
            refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "The demo refuses its key, as you asked.")
        }
        "429" => {
            let mut response = refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "The demo is busy, as you asked.",
            );
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
            response
        }
        "midway" => {
            let part = Part::of_text("This answer will break off in the middle of a sentence, because");
            let mut response = chat::answer(model, asked, &part);
            response.body_mut().break_off();
            response
        }
        "nonsense" => whole("this is not JSON"),
        "silent" => Response::new(DemoBody::silent()),
        _ if endpoint == Endpoint::Models => refuse(StatusCode::NOT_FOUND, "not_found", "Not found."),
        _ => {
            let words = "The demo failed, as demo/failing always does. Say 401, 429, midway, nonsense or silent for other failures.";
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", words)
        }
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response<DemoBody> {
    let body = json!({ "error": { "message": message, "type": code, "param": null, "code": code } });
    let mut response = whole(&body.to_string());
    *response.status_mut() = status;
    response
}

fn whole(text: &str) -> Response<DemoBody> {
    let mut response = Response::new(DemoBody::timed([(Duration::ZERO, text.to_owned())]));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn stream(events: Vec<(Duration, String)>) -> Response<DemoBody> {
    let mut response = Response::new(DemoBody::timed(events));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// A `data:` event.
fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
