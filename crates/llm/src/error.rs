//! What providers say when they refuse, in one shape.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest message that is kept, in bytes.
const LONGEST: usize = 2048;

/// What stands for something that was removed.
const REMOVED: &str = "[removed]";

/// A provider's refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderError {
    /// At most 2 KiB of text without control characters; empty when the provider said nothing. It may quote
    /// the prompt or a key: [`scrub`] it before it is shown, and never log it.
    pub message: String,
    /// OpenAI's `type`, e.g. `invalid_request_error`.
    pub kind: Option<String>,
    /// OpenAI's `code`, e.g. `context_length_exceeded`; a number becomes its text.
    pub code: Option<String>,
    /// OpenAI's `param`.
    pub param: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    param: Option<&'a RawValue>,
}

impl ProviderError {
    /// Reads an error body: OpenAI's envelope, `{"detail"}`, `{"message"}`, an array of one of these, plain
    /// text or a page of HTML.
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(1 << 20)]);
        let text = text.trim();
        if text.starts_with('<') {
            return Self { message: cleaned(&html_text(text)), ..Self::default() };
        }
        Self::of_json(text, 4).unwrap_or_else(|| Self { message: cleaned(text), ..Self::default() })
    }

    /// Reads one JSON value; none when it is not JSON. `depth` bounds how far `error` is followed.
    fn of_json(text: &str, depth: usize) -> Option<Self> {
        match text.as_bytes().first()? {
            b'"' => {
                let message: String = serde_json::from_str(text).ok()?;
                Some(Self { message: cleaned(&message), ..Self::default() })
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                items.first().filter(|_| depth > 0).and_then(|item| Self::of_json(item.get(), depth - 1))
            }
            b'{' => {
                let raw: Raw<'_> = serde_json::from_str(text).ok()?;
                Some(Self::of_fields(&raw, depth))
            }
            _ => None,
        }
    }

    fn of_fields(raw: &Raw<'_>, depth: usize) -> Self {
        let follow = |part: Option<&RawValue>| {
            part.filter(|_| depth > 0).and_then(|part| Self::of_json(part.get(), depth - 1))
        };
        let mut inner = follow(raw.error)
            .or_else(|| follow(raw.detail))
            .or_else(|| follow(raw.message))
            .or_else(|| follow(raw.msg))
            .unwrap_or_default();
        if inner.message.is_empty() {
            // `{"error": {}, "message": "…"}`: look further.
            inner.message = [raw.detail, raw.message, raw.msg]
                .into_iter()
                .filter_map(follow)
                .map(|other| other.message)
                .find(|message| !message.is_empty())
                .unwrap_or_default();
        }
        inner.kind = inner.kind.or_else(|| word(raw.r#type));
        inner.code = inner.code.or_else(|| word(raw.code));
        inner.param = inner.param.or_else(|| word(raw.param));
        inner
    }
}

/// A short string or number.
fn word(raw: Option<&RawValue>) -> Option<String> {
    let text = raw?.get();
    let word = match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok()?,
        b'-' | b'0'..=b'9' => text.to_owned(),
        _ => return None,
    };
    let is_plain = !word.is_empty() && word.len() <= 128 && !word.chars().any(char::is_control);
    is_plain.then_some(word)
}

/// Bounded, one line, no control characters.
fn cleaned(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LONGEST));
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        if clean.len() + word.len() > LONGEST {
            let mut end = LONGEST - clean.len();
            while !word.is_char_boundary(end) {
                end -= 1;
            }
            clean.push_str(&word[..end]);
            clean.push('…');
            break;
        }
        clean.push_str(word);
    }
    clean
}

/// The title of a page, or else its text without tags.
fn html_text(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    if let Some((start, end)) = lower.find("<title>").map(|at| at + 7).zip(lower.find("</title>"))
        && let Some(title) = page.get(start..end).filter(|title| !title.trim().is_empty())
    {
        return title.to_owned();
    }
    page.split('<')
        .filter_map(|part| part.split_once('>'))
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Removes from a provider's message every given secret and everything that looks like a key: `sk-…` and its
/// like, `Bearer …`, long unbroken runs that no language has.
pub fn scrub(message: &str, secrets: &[&str]) -> String {
    let mut text = Cow::Borrowed(message);
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        if memmem::find(text.as_bytes(), secret.as_bytes()).is_some() {
            text = Cow::Owned(text.replace(secret, REMOVED));
        }
    }
    let mut clean = String::with_capacity(text.len());
    let mut is_after_bearer = false;
    for piece in text.split_inclusive(|character: char| !is_key_character(character)) {
        let word = piece.trim_end_matches(|character: char| !is_key_character(character));
        let is_credential = is_after_bearer && word.len() >= 4 || looks_like_key(word);
        clean.push_str(if is_credential { REMOVED } else { word });
        clean.push_str(&piece[word.len()..]);
        if !word.is_empty() {
            let is_scheme = ["bearer", "basic"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
            is_after_bearer = is_scheme;
        }
    }
    clean
}

fn is_key_character(character: char) -> bool {
    // The star is what providers mask keys with: `sk-ab***xyz` still shows both ends.
    character.is_ascii_alphanumeric() || "-_.*+/=~".contains(character)
}

/// Begins like the keys of known providers, or is a long run of mixed letters and digits.
fn looks_like_key(word: &str) -> bool {
    const PREFIXES: [&str; 12] =
        ["sk-", "sk_", "pk-", "rk-", "gsk_", "xai-", "AIza", "hf_", "pplx-", "r8_", "AKIA", "eyJ"];
    let word = word.trim_start_matches(['-', '_', '.', '*', '+', '/', '=', '~']);
    if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) && word.len() >= 8 {
        return true;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    word.len() >= 32 && digits >= 4 && letters >= 4 && !word.contains(['.', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_error_gives_its_message() {
        let cases: [(&[u8], &str); 13] = [
            (br#"{"error":{"message":"no","type":"t","code":"c"}}"#, "no"),
            (br#"{"error":"no"}"#, "no"),
            (br#"{"detail":"no"}"#, "no"),
            (br#"{"detail":[{"loc":["body"],"msg":"no","type":"missing"}]}"#, "no"),
            (br#"{"message":"no"}"#, "no"),
            (br#"{"error":{},"message":"no"}"#, "no"),
            (br#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]"#, "no"),
            (br#"{"object":"error","message":"no","code":40001}"#, "no"),
            (b"Bad Gateway\r\n", "Bad Gateway"),
            (b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
            (b"<p>no</p>", "no"),
            (b"", ""),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        ];
        for (body, message) in cases {
            let body_text = String::from_utf8_lossy(body);
            assert_eq!(ProviderError::read(body).message, message, "{body_text}");
        }
    }

    #[test]
    fn type_code_and_param_are_kept_and_a_number_becomes_text() {
        let error =
            ProviderError::read(br#"{"error":{"message":"m","type":"t","code":429,"param":"model"}}"#);
        assert_eq!(error.kind.as_deref(), Some("t"));
        assert_eq!(error.code.as_deref(), Some("429"));
        assert_eq!(error.param.as_deref(), Some("model"));
    }

    #[test]
    fn a_message_is_bounded_and_has_no_control_characters() {
        let long = ProviderError::read("ä".repeat(5000).as_bytes()).message;
        assert!(long.len() <= LONGEST + '…'.len_utf8() && long.ends_with('…'));
        let odd = ProviderError::read(br#"{"message":"a\u0000b\u001b[31mc\nd"}"#).message;
        assert_eq!(odd, "a b [31mc d");
    }

    #[test]
    fn nested_errors_end() {
        let nested = format!("{}\"no\"{}", "{\"error\":".repeat(100), "}".repeat(100));
        assert_eq!(ProviderError::read(nested.as_bytes()).message, "");
    }

    #[test]
    fn secrets_and_what_looks_like_one_are_removed() {
        let cases = [
            (
                "Incorrect API key provided: sk-proj-abc123DEF. See",
                "Incorrect API key provided: [removed] See",
            ),
            ("Incorrect API key provided: sk-ab***************wxyz", "Incorrect API key provided: [removed]"),
            ("got 'Bearer abcd1234'", "got 'Bearer [removed]'"),
            ("key AIzaSyA1234567890 is bad", "key [removed] is bad"),
            ("token 0123456789abcdef0123456789abcdef!", "token [removed]!"),
            ("my own secret is hunter2hunter2 here", "my own secret is [removed] here"),
            (
                "This model's maximum context length is 8192 tokens.",
                "This model's maximum context length is 8192 tokens.",
            ),
            ("no model claude-sonnet-4-5-20250929", "no model claude-sonnet-4-5-20250929"),
        ];
        for (message, expected) in cases {
            assert_eq!(scrub(message, &["hunter2hunter2", ""]), expected);
        }
    }
}
