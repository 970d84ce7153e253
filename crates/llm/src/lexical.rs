//! What serde's skipping leaves unchecked: nesting and surrogates. One pass that jumps over strings.

use memchr::memchr2;

/// The deepest nesting of arrays and objects that is read, as in `serde_json`.
pub(crate) const DEEPEST: usize = 128;

/// What the pass can object to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objection {
    /// Nested deeper than [`DEEPEST`].
    TooDeep,
    /// Half of a surrogate pair at this byte: no character, and no valid UTF-8 once decoded.
    LoneSurrogate(usize),
}

/// Checks a text that is valid JSON or will be refused by a parser anyway.
pub(crate) fn check(json: &[u8]) -> Result<(), Objection> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Objection::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The index after the closing quote of a string whose first character is at `at`.
fn string_end(json: &[u8], mut at: usize) -> Result<usize, Objection> {
    while let Some(found) = memchr2(b'"', b'\\', &json[at..]) {
        at += found;
        if json[at] == b'"' {
            return Ok(at + 1);
        }
        at = match code_unit(json, at) {
            Some(0xd800..=0xdbff) if matches!(code_unit(json, at + 6), Some(0xdc00..=0xdfff)) => at + 12,
            Some(0xd800..=0xdfff) => return Err(Objection::LoneSurrogate(at)),
            _ => at + 2,
        };
        if at > json.len() {
            break;
        }
    }
    Ok(json.len())
}

/// The number of a `\uXXXX` escape at this place.
fn code_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_inside_strings_do_not_nest() {
        let text = format!(r#"{{"a":"{}\"[["}}"#, "[".repeat(500));
        assert_eq!(check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn the_limit_is_met_exactly() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(nested(DEEPEST).as_bytes()), Ok(()));
        assert_eq!(check(nested(DEEPEST + 1).as_bytes()), Err(Objection::TooDeep));
    }

    #[test]
    fn pairs_of_surrogates_are_characters_and_halves_are_not() {
        assert_eq!(check(br#""\ud83d\ude00""#), Ok(()));
        assert_eq!(check(br#""\\ud83d""#), Ok(()));
        assert_eq!(check(br#""a\ud83d""#), Err(Objection::LoneSurrogate(2)));
        assert_eq!(check(br#""\ude00\ud83d""#), Err(Objection::LoneSurrogate(1)));
        assert_eq!(check(br#""\ud83d\u0041""#), Err(Objection::LoneSurrogate(1)));
    }

    #[test]
    fn a_text_that_ends_anywhere_does_not_panic() {
        let text = br#"{"a":["\ud83d\ude00\n\\","b"]}"#;
        for end in 0..text.len() {
            let _ = check(&text[..end]);
        }
    }
}
