//! What the mock provider says, rendered once before the first request.
//!
//! The model's name chooses the answer: `bench-fast`, `bench-burst-<chunks>`, `bench-paced-<chunks>-<milliseconds>`.

use std::time::Duration;

use hyper::body::Bytes;

/// The answer that a request asked for by its model's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// One JSON answer of about 1.1 KB with usage.
    Whole,
    /// A stream whose chunks follow each other at once, each written on its own.
    Burst {
        /// Content chunks, without the usage chunk and the end mark.
        chunks: u32,
    },
    /// A stream with a pause before every chunk but the first.
    Paced {
        /// Content chunks, without the usage chunk and the end mark.
        chunks: u32,
        /// Time between two chunks.
        pause: Duration,
    },
}

/// Reads the script out of a request body by finding the model's name in it.
///
/// The body is searched, not parsed: the provider must stay cheaper than everything that it measures. `None` when no
/// known model is named.
#[must_use]
pub fn script_of(body: &[u8]) -> Option<Script> {
    let start = find(body, b"\"bench-")? + 1;
    let length = body[start..].iter().position(|byte| *byte == b'"')?;
    let name = std::str::from_utf8(&body[start..start + length]).ok()?;
    let mut parts = name.strip_prefix("bench-")?.split('-');
    let script = match parts.next()? {
        "fast" => Script::Whole,
        "burst" => Script::Burst { chunks: parts.next()?.parse().ok()? },
        "paced" => Script::Paced {
            chunks: parts.next()?.parse().ok()?,
            pause: Duration::from_millis(parts.next()?.parse().ok()?),
        },
        _ => return None,
    };
    parts.next().is_none().then_some(script)
}

/// Whether the caller asked for the usage chunk at the end of a stream.
#[must_use]
pub fn wants_usage(body: &[u8]) -> bool {
    find(body, b"\"include_usage\":true").or_else(|| find(body, b"\"include_usage\": true")).is_some()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The rendered bytes. Cloning shares them.
#[derive(Clone)]
pub struct Answers {
    /// The whole chat answer.
    pub chat: Bytes,
    /// One content chunk of a stream.
    pub chunk: Bytes,
    /// The usage chunk.
    pub usage: Bytes,
    /// The end mark of a stream.
    pub done: Bytes,
    /// `GET /v1/models`.
    pub models: Bytes,
    /// `POST /v1/embeddings`, one vector.
    pub embedding: Bytes,
    /// The error for a body that names no known model.
    pub unknown_model: Bytes,
    /// The error for a path that the mock does not serve.
    pub unknown_path: Bytes,
}

const USAGE: &str = r#""usage":{"prompt_tokens":128,"completion_tokens":180,"total_tokens":308}"#;
const CHUNK_HEAD: &str =
    r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"bench","#;

impl Answers {
    /// Renders everything once.
    #[must_use]
    pub fn render() -> Self {
        let text = "A lock keeps its ward so that a wrong key does not turn in it. ".repeat(13);
        let numbers = vec!["0.0123456"; 256].join(",");
        Self {
            chat: Bytes::from(format!(
                r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1790000000,"model":"bench-fast","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],{USAGE}}}"#
            )),
            chunk: Bytes::from(format!(
                "{CHUNK_HEAD}\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" ward\"}},\"finish_reason\":null}}]}}\n\n"
            )),
            usage: Bytes::from(format!("{CHUNK_HEAD}\"choices\":[],{USAGE}}}\n\n")),
            done: Bytes::from_static(b"data: [DONE]\n\n"),
            models: Bytes::from(models()),
            embedding: Bytes::from(format!(
                r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[{numbers}]}}],"model":"bench-embedding","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
            )),
            unknown_model: error(
                "name a model: bench-fast, bench-burst-<chunks> or bench-paced-<chunks>-<milliseconds>",
            ),
            unknown_path: error(
                "the mock provider serves /v1/chat/completions, /v1/embeddings and /v1/models",
            ),
        }
    }
}

/// The list must name each model that the run asks for, because a gateway may refuse what the provider did not list.
fn models() -> String {
    let names = [
        "bench-fast",
        "bench-embedding",
        "bench-burst-1000",
        "bench-paced-20-5",
        "bench-paced-150-20",
        "bench-paced-400-20",
    ];
    let entries = names
        .map(|name| format!(r#"{{"id":"{name}","object":"model","created":1790000000,"owned_by":"bench"}}"#));
    format!(r#"{{"object":"list","data":[{}]}}"#, entries.join(","))
}

fn error(message: &str) -> Bytes {
    Bytes::from(format!(
        r#"{{"error":{{"message":"{message}","type":"invalid_request_error","param":null,"code":null}}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_name_chooses_the_answer() {
        let ask =
            |name: &str| script_of(format!(r#"{{"stream":true,"model":"{name}","messages":[]}}"#).as_bytes());
        assert_eq!(ask("bench-fast"), Some(Script::Whole));
        assert_eq!(ask("bench-burst-50"), Some(Script::Burst { chunks: 50 }));
        assert_eq!(
            ask("bench-paced-5-20"),
            Some(Script::Paced { chunks: 5, pause: Duration::from_millis(20) })
        );
        assert_eq!(ask("bench-paced-5"), None);
        assert_eq!(ask("bench-burst-5-5"), None);
        assert_eq!(ask("gpt-4o"), None);
    }

    #[test]
    fn the_chat_answer_has_the_size_that_the_aims_were_measured_with() {
        let length = Answers::render().chat.len();
        assert!((1_000..1_200).contains(&length), "{length} bytes");
    }

    #[test]
    fn usage_is_sent_only_to_who_asked_for_it() {
        assert!(wants_usage(br#"{"stream_options":{"include_usage":true}}"#));
        assert!(wants_usage(br#"{"stream_options":{"include_usage": true}}"#));
        assert!(!wants_usage(br#"{"stream_options":{"include_usage":false}}"#));
    }
}
