//! Answers to choose from, good and bad.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Received,
    gate::Gate,
    script::{Framing, Script, Step},
};

/// How a provider answers. Cheap to clone.
#[derive(Clone)]
pub struct Reply(Arc<dyn Fn(&Received) -> Script + Send + Sync>);

/// The tokens that the fake reports when a test does not say otherwise: prompt and completion.
const TOKENS: (u64, u64) = (10, 5);

impl Reply {
    /// As a good provider does: whole or streamed word by word, as asked, with usage.
    pub fn says(text: &str) -> Self {
        Self::says_for(text, TOKENS.0, TOKENS.1)
    }

    /// The same with these tokens.
    pub fn says_for(text: &str, prompt: u64, completion: u64) -> Self {
        let text = text.to_owned();
        let usage = json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion });
        Self(Arc::new(move |request| good(request, &text, &usage)))
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json", body.to_string())
    }

    /// Any body.
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let script = Script::new(status, content_type, Framing::Length, vec![Step::Send(body.into())]);
        Self(Arc::new(move |_| script.clone()))
    }

    /// A refusal in OpenAI's envelope.
    pub fn refuses(status: u16, code: &str, message: &str) -> Self {
        let body =
            json!({ "error": { "message": message, "type": "fake_error", "param": null, "code": code } });
        Self::json(status, &body)
    }

    /// An event stream of exactly these pieces, each in a packet of its own.
    pub fn pieces<T: Into<Bytes>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let steps = pieces.into_iter().map(|piece| Step::Send(piece.into())).collect();
        let script = Script::new(200, "text/event-stream", Framing::Chunked, steps);
        Self(Arc::new(move |_| script.clone()))
    }

    /// These bytes in place of an HTTP answer, then the end of the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        let script = Script::new(200, "", Framing::Raw, vec![Step::Send(bytes.into())]);
        Self(Arc::new(move |_| script.clone()))
    }

    /// Nothing, ever.
    pub fn never() -> Self {
        let script = Script::new(200, "", Framing::Raw, vec![Step::Silence]);
        Self(Arc::new(move |_| script.clone()))
    }

    /// Calls `make` with each request.
    pub fn by(make: impl Fn(&Received) -> Self + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |request| make(request).script(request)))
    }

    /// With one more header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        let header = (name.to_owned(), value.to_owned());
        self.changed(move |script| script.headers.push(header.clone()))
    }

    /// With a pause before each piece.
    #[must_use]
    pub fn paced(self, pause: Duration) -> Self {
        self.before_each(Step::Pause(pause))
    }

    /// With a gate before each piece.
    #[must_use]
    pub fn gated(self, gate: &Gate) -> Self {
        self.before_each(Step::Wait(gate.clone()))
    }

    /// With a gate before the head.
    #[must_use]
    pub fn held(self, gate: &Gate) -> Self {
        let gate = gate.clone();
        self.changed(move |script| script.before.push(Step::Wait(gate.clone())))
    }

    /// With only the first `count` pieces, then the connection ends.
    #[must_use]
    pub fn cut_after(self, count: usize) -> Self {
        self.ending(count, Step::Cut)
    }

    /// With only the first `count` pieces, then nothing with the connection open.
    #[must_use]
    pub fn silent_after(self, count: usize) -> Self {
        self.ending(count, Step::Silence)
    }

    fn ending(self, count: usize, end: Step) -> Self {
        self.changed(move |script| {
            script.steps.truncate(count);
            script.steps.push(end.clone());
        })
    }

    fn before_each(self, step: Step) -> Self {
        self.changed(move |script| {
            let steps = std::mem::take(&mut script.steps);
            script.steps = steps.into_iter().flat_map(|it| [step.clone(), it]).collect();
        })
    }

    fn changed(self, change: impl Fn(&mut Script) + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |request| {
            let mut script = self.script(request);
            change(&mut script);
            script
        }))
    }

    pub(super) fn script(&self, request: &Received) -> Script {
        (self.0)(request)
    }
}

fn good(request: &Received, text: &str, usage: &Value) -> Script {
    let asked = request.json();
    let model = &asked["model"];
    let whole = |body: Value| {
        Script::new(200, "application/json", Framing::Length, vec![Step::Send(body.to_string().into())])
    };
    if request.path.ends_with("/embeddings") {
        let data = json!([{ "object": "embedding", "index": 0, "embedding": [0.5, -0.25] }]);
        return whole(json!({ "object": "list", "model": model, "data": data,
            "usage": { "prompt_tokens": usage["prompt_tokens"], "total_tokens": usage["prompt_tokens"] } }));
    }
    if request.path.ends_with("/responses") {
        return whole(
            json!({ "id": "resp_fake", "object": "response", "status": "completed", "model": model,
            "output": [{ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] }],
            "usage": { "input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"],
                "total_tokens": usage["total_tokens"] } }),
        );
    }
    if request.path.ends_with("/chat/completions") && asked["stream"] == true {
        return Script::new(200, "text/event-stream", Framing::Chunked, events(&asked, text, usage));
    }
    let message = json!({ "role": "assistant", "content": text });
    let choice =
        |index: u64| json!({ "index": index, "message": message, "text": text, "finish_reason": "stop" });
    let choices: Vec<Value> = (0..asked["n"].as_u64().unwrap_or(1)).map(choice).collect();
    whole(
        json!({ "id": "chatcmpl-fake", "object": "chat.completion", "created": 1_700_000_000, "model": model,
        "choices": choices, "usage": usage }),
    )
}

/// One event per word, the reason for the end, usage when it was asked for, and `[DONE]`.
fn events(asked: &Value, text: &str, usage: &Value) -> Vec<Step> {
    let chunk = |choices: Value, usage: &Value| {
        let event = json!({ "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": asked["model"], "choices": choices, "usage": usage });
        Step::Send(format!("data: {event}\n\n").into())
    };
    let null = Value::Null;
    let word = |word: &str| {
        chunk(json!([{ "index": 0, "delta": { "content": word }, "finish_reason": null }]), &null)
    };
    let mut steps: Vec<Step> = text.split_inclusive(' ').map(word).collect();
    steps.push(chunk(json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]), &null));
    if asked["stream_options"]["include_usage"] == true {
        steps.push(chunk(json!([]), usage));
    }
    steps.push(Step::Send(Bytes::from_static(b"data: [DONE]\n\n")));
    steps
}
