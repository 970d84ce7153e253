//! JSON without its secrets, also when only its beginning is there.
//!
//! It reads byte by byte instead of building a tree, so that the first bytes of a large body are enough. What is no
//! JSON ends the reading: from there on nothing is kept, because a field that cannot be told cannot be judged.

use std::ops::Range;

use super::{REMOVED, Rules, names};

/// Containers within containers beyond which nothing is kept, and texts within texts.
const DEEPEST: usize = 64;

/// What became of a text that should be JSON.
pub(super) enum Read {
    /// It is, to its end.
    Whole(String),
    /// It is up to where it was cut off.
    Cut(String),
    /// It is not; nothing of it is kept.
    NotJson,
}

/// Reads a text that should be JSON. `depth` counts texts within texts.
pub(super) fn read(text: &str, rules: &Rules<'_>, depth: usize) -> Read {
    let mut reader = Reader { text, at: 0, out: String::with_capacity(text.len()), rules, depth };
    let outcome = reader.value(0).and_then(|()| {
        reader.space();
        if reader.at == text.len() { Ok(()) } else { Err(Stop::Wrong) }
    });
    match outcome {
        Ok(()) => Read::Whole(reader.out),
        Err(Stop::End) => Read::Cut(reader.out),
        Err(Stop::Wrong) => Read::NotJson,
    }
}

/// Fields whose text names something, and those that hold what it is: `{"name":"Authorization","value":"…"}`.
const NAMES: [&str; 5] = ["name", "key", "header", "field", "param"];
const VALUES: [&str; 3] = ["value", "val", "values"];

/// A name and its value as two items of a list, or two fields of an object.
#[derive(Default)]
struct Pair {
    is_of_secret: bool,
    /// Where the value stands in what is kept; up to the end while it is being read.
    value: Option<Range<usize>>,
    /// Of a list.
    items: usize,
}

impl Pair {
    fn ends_at(&mut self, end: usize) {
        if let Some(value) = &mut self.value {
            value.end = end;
        }
    }

    /// The value that must go. A list of more than two things is no pair.
    fn secret(self) -> Option<Range<usize>> {
        self.value.filter(|_| self.is_of_secret && self.items <= 2)
    }
}

/// Why reading stopped.
enum Stop {
    /// The text is over.
    End,
    /// This is no JSON, or more deeply nested than anybody means it.
    Wrong,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    out: String,
    rules: &'a Rules<'a>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Result<u8, Stop> {
        self.text.as_bytes().get(self.at).copied().ok_or(Stop::End)
    }

    fn space(&mut self) {
        while self.peek().is_ok_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Takes this byte over, which must come next.
    fn take(&mut self, byte: u8) -> Result<(), Stop> {
        self.space();
        if self.peek()? != byte {
            return Err(Stop::Wrong);
        }
        self.at += 1;
        self.out.push(char::from(byte));
        Ok(())
    }

    fn value(&mut self, nesting: usize) -> Result<(), Stop> {
        self.space();
        match self.peek()? {
            _ if nesting > DEEPEST => Err(Stop::Wrong),
            b'{' => self.list(b'{', b'}', nesting),
            b'[' => self.list(b'[', b']', nesting),
            b'"' => {
                let (raw, end) = self.string()?;
                let kept = self.judged(raw, end.is_ok());
                self.out.push_str(&kept);
                end
            }
            _ => {
                let word = self.word()?;
                self.out.push_str(word);
                Ok(())
            }
        }
    }

    /// An object or an array. What it names elsewhere than in a field's name, as lists of headers do, is looked for too.
    fn list(&mut self, open: u8, close: u8, nesting: usize) -> Result<(), Stop> {
        let mut pair = Pair::default();
        let outcome = self.items(open, close, nesting, &mut pair);
        if let Some(value) = pair.secret() {
            self.out.replace_range(value.start..value.end.min(self.out.len()), &format!("\"{REMOVED}\""));
        }
        outcome
    }

    fn items(&mut self, open: u8, close: u8, nesting: usize, pair: &mut Pair) -> Result<(), Stop> {
        self.take(open)?;
        self.space();
        if self.peek()? == close {
            return self.take(close);
        }
        loop {
            if open == b'{' {
                self.member(nesting, pair)?;
            } else {
                self.item(nesting, pair)?;
            }
            self.space();
            if self.peek()? == close {
                return self.take(close);
            }
            self.take(b',')?;
        }
    }

    fn item(&mut self, nesting: usize, pair: &mut Pair) -> Result<(), Stop> {
        self.space();
        pair.items += 1;
        match pair.items {
            1 => pair.is_of_secret = self.is_secrets_name(),
            2 => pair.value = Some(self.out.len()..usize::MAX),
            _ => {}
        }
        self.value(nesting + 1)?;
        if pair.items == 2 {
            pair.ends_at(self.out.len());
        }
        Ok(())
    }

    fn member(&mut self, nesting: usize, pair: &mut Pair) -> Result<(), Stop> {
        self.space();
        if self.peek()? != b'"' {
            return Err(Stop::Wrong);
        }
        let (raw, end) = self.string()?;
        // Half a name may be half of "password", and half a secret that somebody sent as a name.
        end?;
        let name = unescaped(raw).ok_or(Stop::Wrong)?;
        let kept = self.judged(raw, true);
        self.out.push_str(&kept);
        self.take(b':')?;
        self.space();
        let is_value = VALUES.iter().any(|it| name.eq_ignore_ascii_case(it));
        if NAMES.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            pair.is_of_secret |= self.is_secrets_name();
        } else if is_value {
            pair.value = Some(self.out.len()..usize::MAX);
        }
        self.field(&name, nesting)?;
        if is_value {
            pair.ends_at(self.out.len());
        }
        Ok(())
    }

    /// The value of a field of this name.
    fn field(&mut self, name: &str, nesting: usize) -> Result<(), Stop> {
        let is_count = names::may_count(name) && self.peek()?.is_ascii_digit();
        if is_count || !names::is_secret(name) {
            return self.value(nesting + 1);
        }
        // What is thrown away is read all the same, so that the place where it ends is certain.
        let length = self.out.len();
        let end = self.value(nesting + 1);
        self.out.truncate(length);
        self.out.push('"');
        self.out.push_str(REMOVED);
        self.out.push('"');
        end
    }

    /// Whether what comes next is a text that names a secret. Goes nowhere.
    fn is_secrets_name(&mut self) -> bool {
        let at = self.at;
        let is_text = self.peek().is_ok_and(|byte| byte == b'"');
        let text = is_text.then(|| self.string().ok()).flatten().and_then(|(raw, _)| unescaped(raw));
        self.at = at;
        text.is_some_and(|text| names::is_secret(&text))
    }

    /// Steps over a string and returns what is between its quotes, and whether it ended.
    fn string(&mut self) -> Result<(&'a str, Result<(), Stop>), Stop> {
        let begin = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = begin;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    self.at = at + 1;
                    return Ok((&self.text[begin..at], Ok(())));
                }
                b'\\' => at += 2,
                0..=0x1f => return Err(Stop::Wrong),
                _ => at += 1,
            }
        }
        self.at = bytes.len();
        Ok((&self.text[begin..], Err(Stop::End)))
    }

    /// A string's content with quotes as it may be kept: looked into when it holds JSON itself.
    fn judged(&self, raw: &str, is_whole: bool) -> String {
        let Some(plain) = unescaped(raw) else {
            // Cut off within an escape, or no valid escape at all.
            return if is_whole { format!("\"{REMOVED}\"") } else { "\"".to_owned() };
        };
        // The end of a text that was cut off may be the beginning of a secret, too short to be known by its looks.
        let sure = if is_whole { &plain } else { plain.trim_end_matches(|c: char| !c.is_whitespace()) };
        let kept = self.rules.text(sure, self.depth + 1);
        if kept == plain && is_whole {
            return format!("\"{raw}\"");
        }
        serde_json::Value::String(kept).to_string()
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<&'a str, Stop> {
        let begin = self.at;
        while self.peek().is_ok_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            self.at += 1;
        }
        let word = &self.text[begin..self.at];
        let is_number = || serde_json::from_str::<serde_json::Number>(word).is_ok();
        match word {
            "true" | "false" | "null" => Ok(word),
            _ if is_number() => Ok(word),
            _ if self.at == self.text.len() => Err(Stop::End),
            _ => Err(Stop::Wrong),
        }
    }
}

/// What a JSON string means. `None` when its escapes are no escapes.
fn unescaped(raw: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{raw}\"")).ok()
}
