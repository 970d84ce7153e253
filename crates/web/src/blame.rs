//! What is wrong with an input, in words that repeat none of its values: a password that stands where a number
//! belongs must not come back in a refusal, which others may keep.

/// The longest name that is repeated, in characters.
const LONGEST: usize = 64;

/// The field at fault, from serde's path and words; `None` when it is the whole input, or its name is no name.
///
/// A field that is missing, unknown or there twice is not always on the way to where serde noticed, only in its words.
pub(crate) fn field(path: &str, words: &str) -> Option<String> {
    let path = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|head| words.strip_prefix(head)?.split('`').next());
    let mut field = match named {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if !ends_with(path, name) => format!("{path}.{name}"),
        _ => path.to_owned(),
    };
    // The nearest thing around it that has a name.
    while !is_name(&field) {
        field.truncate(field.rfind(['.', '['])?);
    }
    Some(field)
}

fn is_name(field: &str) -> bool {
    !field.is_empty() && field.chars().count() <= LONGEST && !field.chars().any(kernel::is_hidden)
}

fn ends_with(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Serde's words without the value that they are about.
pub(crate) fn words(inner: &str) -> String {
    for head in ["invalid type: ", "invalid value: "] {
        if let Some(rest) = inner.strip_prefix(head) {
            let kind = ["string", "integer", "floating point", "boolean", "character", "byte array"]
                .into_iter()
                .find(|kind| rest.starts_with(kind));
            // What was expected stands last, behind whatever the value says.
            let expected = rest.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
            let kind = kind.unwrap_or_else(|| rest.split([',', ' ']).next().unwrap_or_default());
            return format!("{head}{kind}, expected {}", plain(expected));
        }
    }
    if let Some(rest) = inner.strip_prefix("unknown variant `") {
        let expected = rest.rsplit_once("`, expected ").map_or("one of others", |(_, expected)| expected);
        return format!("unknown word, expected {expected}");
    }
    if inner.chars().count() > 4 * LONGEST || inner.chars().any(kernel::is_hidden) {
        return match inner.split_once(" `") {
            Some((what @ ("unknown field" | "duplicate field"), _)) => {
                format!("{what} with a name that is none")
            }
            _ => "it cannot be read".to_owned(),
        };
    }
    inner.to_owned()
}

/// The name that a type has in our code means nothing to others.
fn plain(expected: &str) -> String {
    match expected.strip_prefix("struct ") {
        Some(rest) => {
            format!("an object{}", rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
        None => expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_named_wherever_serde_noticed() {
        let of = |path: &str, words: &str| field(path, words);
        assert_eq!(of("a.b", "invalid type: null").as_deref(), Some("a.b"));
        assert_eq!(of(".", "missing field `a`").as_deref(), Some("a"));
        assert_eq!(of("inner", "missing field `a` at line 1").as_deref(), Some("inner.a"));
        assert_eq!(of("more", "unknown field `more`, expected").as_deref(), Some("more"));
        assert_eq!(of(".", "duplicate field `a`").as_deref(), Some("a"));
        assert_eq!(of(".", "expected value at line 1"), None);
        assert_eq!(of(&"x".repeat(65), "unknown field"), None);
        assert_eq!(of("a\u{202e}b", "invalid type: null"), None);
        assert_eq!(of("a.b[0].c\u{202e}", "invalid type: null").as_deref(), Some("a.b[0]"));
        assert_eq!(of("a", "unknown field `\0`").as_deref(), Some("a"));
    }

    #[test]
    fn no_value_is_repeated() {
        for (inner, told) in [
            (
                "invalid type: integer `12345678`, expected a string at line 1 column 2",
                "invalid type: integer, expected a string at line 1 column 2",
            ),
            (
                "invalid type: string \"a, expected b\", expected u8 at line 1",
                "invalid type: string, expected u8 at line 1",
            ),
            (
                "invalid value: floating point `1e300`, expected i64",
                "invalid value: floating point, expected i64",
            ),
            ("invalid type: sequence, expected a map", "invalid type: sequence, expected a map"),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
            (
                "invalid type: map, expected struct Inner at line 1",
                "invalid type: map, expected an object at line 1",
            ),
            (
                "unknown variant `s3cret`, expected one of `admin`, `user`",
                "unknown word, expected one of `admin`, `user`",
            ),
            ("missing field `name` at line 1 column 2", "missing field `name` at line 1 column 2"),
        ] {
            assert_eq!(words(inner), told);
        }
        assert_eq!(
            words(&format!("unknown field `{}`, expected `a`", "x".repeat(300))),
            "unknown field with a name that is none"
        );
        assert_eq!(words("duplicate field `a\u{202e}b`"), "duplicate field with a name that is none");
    }
}
