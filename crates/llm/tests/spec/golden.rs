//! The fixtures of `tests/golden`: what providers send, and what is made of it.

use std::{fs, path::Path};

use bytes::Bytes;
use kernel::{Endpoint, TokenCount};
use llm::{Answer, Delta, Forward, Meter, Metered, ProviderError, Splitter, UsageChunk};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    endpoint: Endpoint,
    tokens: Option<TokenCount>,
    estimated_completion: u64,
    saw_done: bool,
    saw_finish: bool,
    error: Option<Failure>,
    /// A part of the one event that is not forwarded when nobody asked for it.
    hidden: Option<String>,
    text: String,
    reasoning: String,
    tool_calls: Vec<kernel::ToolCall>,
    finish: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Failure {
    message: String,
    code: Option<String>,
}

impl Failure {
    fn of(error: &ProviderError) -> Self {
        Self { message: error.message.clone(), code: error.code.clone() }
    }
}

/// The names of the fixtures in a folder that end like this, without the ending.
fn fixtures(folder: &str, ending: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(ending)?.to_owned()))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "the folder has fixtures");
    names
}

fn fixture(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is forwarded of a stream, and what it was worth.
fn metered(endpoint: Endpoint, usage_chunk: UsageChunk, stream: &[u8], size: usize) -> (Vec<u8>, Metered) {
    let mut meter = Meter::new(endpoint, usage_chunk);
    let mut out = Vec::new();
    for chunk in stream.chunks(size) {
        let chunk = Bytes::copy_from_slice(chunk);
        match meter.feed(&chunk) {
            Forward::AsIs => out.extend_from_slice(&chunk),
            Forward::Replace(bytes) => out.extend_from_slice(&bytes),
            Forward::Nothing => {}
        }
    }
    let metered = meter.finish();
    out.extend_from_slice(&metered.rest);
    (out, metered)
}

#[test]
fn every_stream_is_worth_what_its_fixture_says_however_it_is_cut() {
    for name in fixtures("streams", ".sse") {
        let stream = fixture(&format!("streams/{name}.sse"));
        let expected: Stream = serde_json::from_slice(&fixture(&format!("streams/{name}.json"))).unwrap();
        for size in [usize::MAX, 1, 7] {
            let (out, it) = metered(expected.endpoint, UsageChunk::Pass, &stream, size);
            assert_eq!(out, stream, "{name}");
            assert_eq!(it.tokens, expected.tokens, "{name}");
            assert_eq!(it.estimated_completion, expected.estimated_completion, "{name}");
            assert_eq!((it.saw_done, it.saw_finish), (expected.saw_done, expected.saw_finish), "{name}");
            assert_eq!(it.error.as_ref().map(Failure::of), expected.error, "{name}");
        }
    }
}

#[test]
fn of_every_stream_only_the_usage_event_is_hidden() {
    for name in fixtures("streams", ".sse") {
        let stream = fixture(&format!("streams/{name}.sse"));
        let expected: Stream = serde_json::from_slice(&fixture(&format!("streams/{name}.json"))).unwrap();
        let text = String::from_utf8(stream.clone()).unwrap();
        let visible: String = match &expected.hidden {
            None => text,
            Some(mark) => {
                text.split_inclusive("\n\n").filter(|event| !event.contains(mark.as_str())).collect()
            }
        };
        for size in [usize::MAX, 1, 7] {
            let (out, _) = metered(expected.endpoint, UsageChunk::Hide, &stream, size);
            assert_eq!(String::from_utf8(out).unwrap(), visible, "{name}");
        }
    }
}

#[test]
fn every_chat_stream_becomes_the_answer_of_its_fixture() {
    for name in fixtures("streams", ".sse") {
        let stream = fixture(&format!("streams/{name}.sse"));
        let expected: Stream = serde_json::from_slice(&fixture(&format!("streams/{name}.json"))).unwrap();
        if expected.endpoint != Endpoint::ChatCompletions {
            continue;
        }
        let (mut text, mut reasoning, mut finish) = (String::new(), String::new(), None);
        let mut calls: Vec<kernel::ToolCall> = Vec::new();
        let mut splitter = Splitter::new(1 << 16);
        for chunk in stream.chunks(5) {
            let taken = splitter.feed(chunk, |event| {
                // A line that is no JSON is skipped, as a reader of broken streams must.
                for delta in Delta::read(&event.data).unwrap_or_default() {
                    match delta {
                        Delta::Text(more) => text.push_str(&more),
                        Delta::Reasoning(more) => reasoning.push_str(&more),
                        Delta::Finish(reason) => finish = Some(reason.as_str().to_owned()),
                        Delta::ToolCall(piece) => {
                            let at = usize::try_from(piece.index).unwrap();
                            if at == calls.len() {
                                let (id, name) = (piece.id.unwrap(), piece.name.unwrap());
                                calls.push(kernel::ToolCall { id, name, arguments: String::new() });
                            }
                            calls[at].arguments.push_str(&piece.arguments);
                        }
                        Delta::Usage(_) | Delta::Error(_) | Delta::Done => {}
                    }
                }
            });
            taken.unwrap();
        }
        assert_eq!((text, reasoning), (expected.text, expected.reasoning), "{name}");
        assert_eq!((calls, finish), (expected.tool_calls, expected.finish), "{name}");
    }
}

#[test]
fn every_answer_is_worth_what_its_fixture_says() {
    #[derive(Deserialize)]
    struct Fixture {
        endpoint: Endpoint,
        body: Value,
        expected: Worth,
    }
    #[derive(Deserialize)]
    struct Worth {
        tokens: Option<TokenCount>,
        estimated_completion: u64,
        error: Option<Failure>,
    }
    for name in fixtures("answers", ".json") {
        let it: Fixture = serde_json::from_slice(&fixture(&format!("answers/{name}.json"))).unwrap();
        for body in [serde_json::to_vec(&it.body).unwrap(), serde_json::to_vec_pretty(&it.body).unwrap()] {
            let answer = Answer::read(it.endpoint, &body).unwrap();
            assert_eq!(answer.tokens, it.expected.tokens, "{name}");
            assert_eq!(answer.estimated_completion, it.expected.estimated_completion, "{name}");
            assert_eq!(answer.error.as_ref().map(Failure::of), it.expected.error, "{name}");
        }
    }
}

#[test]
fn every_refusal_is_read_as_its_fixture_says() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Read {
        message: String,
        kind: Option<String>,
        code: Option<String>,
        param: Option<String>,
    }
    for name in fixtures("errors", ".txt") {
        let error = ProviderError::read(&fixture(&format!("errors/{name}.txt")));
        let read = Read { message: error.message, kind: error.kind, code: error.code, param: error.param };
        let expected: Read = serde_json::from_slice(&fixture(&format!("errors/{name}.json"))).unwrap();
        assert_eq!(read, expected, "{name}");
    }
}
