//! How much text a model delivered, counted in passing: the measure for an estimate where no usage comes.

use std::sync::LazyLock;

use kernel::Endpoint;
use memchr::{memchr2, memmem::Finder};

static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"delta\""));
static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"text\""));

/// Keys whose string is written by the model.
const WRITTEN: [&[u8]; 8] =
    [b"content", b"text", b"reasoning_content", b"reasoning", b"arguments", b"refusal", b"name", b"thinking"];

/// Bytes of text in one event of a stream, JSON escapes counted as what they stand for.
pub(crate) fn in_event(endpoint: Endpoint, event: &[u8]) -> u64 {
    let finder = if endpoint == Endpoint::Completions { &TEXT } else { &DELTA };
    let mut bytes = 0;
    let mut rest = event;
    while let Some(found) = finder.find(rest) {
        rest = &rest[found + finder.needle().len()..];
        if let Some(value) = value_after_colon(rest) {
            let (written, length) = in_value(value);
            bytes += written;
            rest = &value[length..];
        }
    }
    bytes
}

/// Bytes of text in one JSON value, and the length of the value.
///
/// It reads valid JSON. Of anything else it makes some number and ends at the end of the bytes.
pub(crate) fn in_value(json: &[u8]) -> (u64, usize) {
    let (mut bytes, mut depth, mut at) = (0, 0_usize, 0);
    let mut is_written = true;
    // The depth of an object of which one field, until the next comma at this depth, is not counted.
    let mut muted: Option<usize> = None;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                let (length, end) = string(json, at + 1);
                let key = json.get(at + 1..end - 1).unwrap_or_default();
                at = end;
                if depth > 0 && value_after_colon(&json[at..]).is_some() {
                    is_written = WRITTEN.contains(&key);
                    // OpenRouter sends each thought twice, as `reasoning` and again with details.
                    if key == b"reasoning_details" && bytes > 0 {
                        muted = muted.or(Some(depth));
                    }
                    continue;
                }
                bytes += if is_written && muted.is_none() { length } else { 0 };
            }
            b'{' | b'[' => {
                depth += 1;
                is_written = false;
                at += 1;
            }
            b',' | b'}' | b']' if depth == 0 => return (bytes, at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
                muted = muted.filter(|&level| level <= depth);
            }
            b',' => {
                at += 1;
                muted = muted.filter(|&level| level != depth);
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
    }
    (bytes, at)
}

/// Length of the text of a string whose first character is at `at`, and the index after its closing quote.
fn string(json: &[u8], mut at: usize) -> (u64, usize) {
    let start = at;
    let mut saved = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return ((at - start).saturating_sub(saved) as u64, at + 1);
        }
        // `\n` is one byte of text; `\u4f60` is at most three.
        let (length, stands_for) = if json.get(at + 1) == Some(&b'u') { (6, 3) } else { (2, 1) };
        saved += length - stands_for;
        at += length;
    }
    ((json.len() - start.min(json.len())) as u64, json.len())
}

/// What follows a key's colon; none when there is no colon, so that what was read is no key.
pub(crate) fn value_after_colon(bytes: &[u8]) -> Option<&[u8]> {
    bytes.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_wrote_is_counted_and_what_describes_it_is_not() {
        let cases = [
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"role":"assistant","content":"Hello"}}]}"#,
                5,
            ),
            (Endpoint::ChatCompletions, r#"{"choices":[{"delta" : {"content" : "a\n\u4f60"}}]}"#, 5),
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}"#,
                2,
            ),
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#,
                2,
            ),
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{\"a\""}}]}}]}"#,
                1 + 4,
            ),
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"text":"hm"}],"content":"a"}}]}"#,
                3,
            ),
            (
                Endpoint::ChatCompletions,
                r#"{"choices":[{"delta":{"reasoning_details":[{"text":"hm"}]}}]}"#,
                2,
            ),
            (Endpoint::ChatCompletions, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, 0),
            (Endpoint::ChatCompletions, r#"{"choices":[{"delta":null,"text":"x"}]}"#, 0),
            (Endpoint::Completions, r#"{"choices":[{"text":"Hello","index":0}]}"#, 5),
            (
                Endpoint::Responses,
                r#"{"type":"response.output_text.delta","delta":"Hi","obfuscation":"xyz"}"#,
                2,
            ),
        ];
        for (endpoint, event, bytes) in cases {
            assert_eq!(in_event(endpoint, event.as_bytes()), bytes, "{event}");
        }
    }

    #[test]
    fn a_whole_answer_is_counted_too() {
        let answer =
            br#"{"id":"x","choices":[{"message":{"role":"assistant","content":"Hello","reasoning":"hm"}}]}"#;
        assert_eq!(in_value(answer), (7, answer.len()));
    }

    #[test]
    fn bytes_that_are_no_json_end_somewhere() {
        let text = br#"{"delta":{"content":"a\u4f60\"","b":[{"text":"x"}]}}"#;
        for end in 0..text.len() {
            in_event(Endpoint::ChatCompletions, &text[..end]);
            assert!(in_value(&text[..end]).1 <= end);
        }
    }
}
