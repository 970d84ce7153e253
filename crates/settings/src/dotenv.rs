//! The `.env` file: `KEY=VALUE` lines. Nothing is ever interpolated: `${HOME}` stays these seven characters.

use std::collections::BTreeMap;

use crate::Problem;

/// Reads the text of a `.env` file. A name that is set twice has its last value. All bad lines are named.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match assignment(line) {
            Ok(Some((name, value))) => drop(values.insert(name.to_owned(), value)),
            Ok(None) => {}
            Err(message) => problems.push(Problem::Line { line: index + 1, message }),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Name and value of a line; `None` for empty lines and comments.
fn assignment(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("has no =; write NAME=value, or # before a comment")?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name {
        return Err("has a name that is not made of letters, digits and _");
    }
    Ok(Some((name, unquoted(value.trim())?)))
}

fn unquoted(value: &str) -> Result<String, &'static str> {
    let (text, rest) = match value.chars().next() {
        Some('\'') => {
            let (text, rest) =
                value[1..].split_once('\'').ok_or("opens a ' that is not closed in the line")?;
            (text.to_owned(), rest)
        }
        Some('"') => double_quoted(&value[1..])?,
        _ => (plain(value).to_owned(), ""),
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(text)
    } else {
        Err("goes on after the closing quote; put the whole value into one pair of quotes")
    }
}

/// The value up to a comment, which needs white space before its `#`.
fn plain(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let comment = value.match_indices('#').find(|(at, _)| value[..*at].ends_with([' ', '\t']));
    comment.map_or(value, |(at, _)| value[..at].trim_end())
}

/// The text up to the closing quote, with `\n \r \t \" \\ \$` resolved, and what follows the quote.
fn double_quoted(value: &str) -> Result<(String, &str), &'static str> {
    let mut text = String::new();
    let mut characters = value.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((text, &value[at + 1..])),
            '\\' => match characters.next().map(|(_, escaped)| escaped) {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(escaped @ ('"' | '\\' | '$')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err("opens a \" that is not closed in the line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(line: &str) -> String {
        parse(line).unwrap_or_else(|problems| panic!("{line}: {problems:?}")).into_values().next().unwrap()
    }

    #[test]
    fn values_are_read_as_other_programs_read_them() {
        for (line, expected) in [
            ("A=b", "b"),
            ("export A=b", "b"),
            ("  A = b  ", "b"),
            ("A=", ""),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=# comment", ""),
            ("A='b # c' # comment", "b # c"),
            ("A=\"b # c\"", "b # c"),
            (r#"A="two\nlines""#, "two\nlines"),
            (r#"A="a \"quote\" and C:\dir""#, r#"a "quote" and C:\dir"#),
            (r"A='no \n escapes'", r"no \n escapes"),
            ("A=postgresql://u:p=w@h/n?a=b", "postgresql://u:p=w@h/n?a=b"),
            ("\u{feff}A=b", "b"),
            ("A=ü", "ü"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_is_interpolated() {
        for text in ["${HOME}", "$HOME", "$(id)", "`id`", "{{7*7}}", "os.environ/HOME", "%HOME%"] {
            assert_eq!(value(&format!("A={text}")), text);
            assert_eq!(value(&format!("A=\"{text}\"")), text);
        }
    }

    #[test]
    fn line_ends_comments_and_repetition_do_no_harm() {
        let text = "# head\r\n\r\nA=1\r\nB='2'\r\n  # tail\r\nA=3\r\n";
        let expected = [("A", "3"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), Ok(BTreeMap::from(expected)));
    }

    #[test]
    fn every_bad_line_is_named_by_its_number_and_not_by_its_content() {
        let text =
            "A=1\nsk-secret\nB='open sk-secret\n1C=sk-secret\nD=\"open sk-secret\nE='a'sk-secret\nF-G=1\n";
        let problems = parse(text).unwrap_err();
        let lines: Vec<usize> = problems
            .iter()
            .map(|problem| if let Problem::Line { line, .. } = problem { *line } else { 0 })
            .collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
        assert!(problems.iter().all(|problem| !problem.to_string().contains("sk-secret")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_panics(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_line_in_single_quotes_means_itself(text in "[^'\r\n\\p{Cc}]{0,80}") {
            prop_assert_eq!(value(&format!("A='{text}'")), text);
        }
    }
}
