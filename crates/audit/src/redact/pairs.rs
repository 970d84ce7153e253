//! `name=value` and `name: value` in a text that has no structure of its own, such as a query or a line of a log.

use super::{REMOVED, names};

/// The text with the values of secret names removed.
pub(super) fn remove(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, '=' | ':')) {
        if at < kept || !names::is_secret(name_before(&text[..at])) {
            continue;
        }
        let rest = &text[at + sign.len_utf8()..];
        let value = rest.trim_start_matches([' ', '\t', '"', '\'', '\\']);
        // What begins a structure is looked at by itself, and `https://` is no pair.
        let length = value.find(ends_value).unwrap_or(value.len());
        if length == 0 || value.starts_with("//") {
            continue;
        }
        let begin = text.len() - value.len();
        out.push_str(&text[kept..begin]);
        out.push_str(REMOVED);
        kept = begin + length;
    }
    out.push_str(&text[kept..]);
    out
}

fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t', '"', '\'', '\\', ']']);
    let begin = text
        .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[begin..]
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | ';' | ',' | '"' | '\'' | '}' | ']' | '<' | '>' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_secret_name_is_removed_and_nothing_else() {
        for (text, expected) in [
            ("a=1&token=abc&b=2", "a=1&token=[removed]&b=2"),
            ("password: hunter2, name: x", "password: [removed], name: x"),
            (r#"{password: "hunter2"}"#, r#"{password: "[removed]"}"#),
            ("user[password]=x", "user[password]=[removed]"),
            ("https://example.com/?model=x", "https://example.com/?model=x"),
            ("key=", "key="),
            ("größe=ä&api_key=ß!", "größe=ä&api_key=[removed]"),
        ] {
            assert_eq!(remove(text), expected);
        }
    }
}
