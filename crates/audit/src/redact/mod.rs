//! Bodies without their secrets: by the names of fields, by what secrets look like, and by what the request itself
//! presented as its credential.
//!
//! It reads JSON (also texts within that hold JSON), forms, query strings and multipart bodies. Of everything else,
//! and of what is not what it says it is, only the size is kept: what cannot be read cannot be judged.

mod form;
mod json;
mod names;
mod pairs;
mod presented;
mod shapes;

pub use presented::Presented;

/// What stands for a secret.
const REMOVED: &str = "[removed]";
/// Texts within texts that are looked into.
const DEEPEST_TEXT: usize = 6;
/// So much of a body is looked at. More could not be kept anyway, whatever was removed before it.
pub const WINDOW: usize = 256 * 1024;

/// A body as it came, or the beginning of it.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The header `content-type`.
    pub content_type: Option<&'a str>,
    /// The first bytes, at most [`WINDOW`].
    pub bytes: &'a [u8],
    /// How many bytes the body has in all, as far as known.
    pub length: usize,
}

/// A body as it may be kept: without secrets, and at most `most` bytes long.
pub fn body(piece: &Piece<'_>, presented: &Presented, most: usize) -> String {
    if piece.length == 0 || most == 0 {
        return String::new();
    }
    let rules = Rules { presented };
    let bytes = &piece.bytes[..piece.bytes.len().min(WINDOW)];
    let is_cut = bytes.len() < piece.length;
    let kind = piece.content_type.unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kept = match essence.as_str() {
        "application/x-www-form-urlencoded" => Some(form::urlencoded(bytes, is_cut, &rules)),
        "multipart/form-data" => form::multipart(bytes, kind, &rules),
        "text/event-stream" => Some(events(bytes, &rules)),
        name if name == "application/json" || name.ends_with("+json") => whole_json(bytes, is_cut, &rules),
        _ => None,
    };
    match kept {
        Some(text) => shortened(text, most),
        None => format!("[{} bytes of another kind]", piece.length),
    }
}

/// A short text, such as a header or a query, without its secrets.
pub fn text(text: &str, presented: &Presented) -> String {
    Rules { presented }.text(text, 0)
}

fn whole_json(bytes: &[u8], is_cut: bool, rules: &Rules<'_>) -> Option<String> {
    match json::read(&valid(bytes, is_cut)?, rules, 0) {
        json::Read::Whole(text) => Some(text),
        json::Read::Cut(text) if is_cut => Some(text),
        json::Read::Cut(_) | json::Read::NotJson => None,
    }
}

/// Server-sent events: the data of each is JSON or a short word.
fn events(bytes: &[u8], rules: &Rules<'_>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let line = |line: &str| match line.split_once(':') {
        Some((field, value)) => format!("{field}:{}", rules.text(value, 0)),
        None => rules.text(line, 0),
    };
    whole.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The bytes as text. Where they were cut off, half a character at the end is left out.
fn valid(bytes: &[u8], is_cut: bool) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

/// At most so many bytes, ending with a character.
fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// What is removed from texts.
struct Rules<'a> {
    presented: &'a Presented,
}

impl Rules<'_> {
    /// A text without its secrets. `depth` counts texts within texts.
    fn text(&self, text: &str, depth: usize) -> String {
        if depth > DEEPEST_TEXT {
            return REMOVED.to_owned();
        }
        if text.trim_start().starts_with(['{', '[', '"']) {
            // A text of prose may begin with a bracket too.
            match json::read(text, self, depth) {
                json::Read::Whole(kept) | json::Read::Cut(kept) => return kept,
                json::Read::NotJson => {}
            }
        }
        let plain = pairs::remove(&shapes::remove(&self.presented.remove(text)));
        if self.is_hidden_in(&plain, depth) { REMOVED.to_owned() } else { plain }
    }

    /// Whether a secret stands in the text in another spelling: percent-encoded, or in base64.
    fn is_hidden_in(&self, text: &str, depth: usize) -> bool {
        let holds_secret = |decoded: &str| decoded != text && self.text(decoded, depth + 2) != decoded;
        if text.contains('%') && form::decoded(text).is_some_and(|decoded| holds_secret(&decoded)) {
            return true;
        }
        presented::base64_words(text).any(|decoded| holds_secret(&decoded))
    }
}

#[cfg(test)]
mod spec;
