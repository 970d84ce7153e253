//! What a chat is called: what a model suggests, or the first words of its first message.

use kernel::is_hidden;

/// The title of a chat that has none yet, Open WebUI's. Only a chat that is still called so gets a title.
pub const UNTITLED: &str = "New Chat";

/// The longest title that we make, in characters.
const LONGEST: usize = 60;

/// The first words of a message without markdown, cut at the end of a word; none when there are no words.
pub(crate) fn first_words(text: &str) -> Option<String> {
    // Enough for any title; a message may have megabytes.
    let head: String = text.chars().take(2_000).collect();
    let line = head
        .lines()
        .map(plain)
        .find(|line| line.chars().any(char::is_alphanumeric))
        .or_else(|| Some(one_line(&head)).filter(|line| !line.is_empty()))?;
    Some(shortened(&line))
}

/// What a model answered, as a title; none when there is nothing to use.
pub(crate) fn suggested(answer: &str) -> Option<String> {
    let line = answer.lines().map(plain).find(|line| line.chars().any(char::is_alphanumeric))?;
    let line = line.strip_prefix("Title:").unwrap_or(&line);
    let line = line.trim_matches(|c: char| c.is_whitespace() || "\"'“”„«».:".contains(c));
    Some(shortened(line)).filter(|title| !title.is_empty())
}

/// The text in one line: white space becomes single spaces, invisible controls and marks that turn the
/// direction of writing (which could make a list lie) are left out.
pub(crate) fn one_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter_map(|c| match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => Some(' '),
            c => (!is_hidden(c)).then_some(c),
        })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line without the marks of headings, quotations, lists, emphasis, code, links and images.
fn plain(line: &str) -> String {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "#>-*+`~".contains(c));
    let line = without_number(line);
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some((label, after)) = link(rest) {
            plain.push_str(label);
            rest = after;
            continue;
        }
        if !matches!(c, '*' | '`' | '~') {
            plain.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    one_line(&plain)
}

/// The line without the number of a list item.
fn without_number(line: &str) -> &str {
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if after.len() == line.len() {
        return line;
    }
    after.strip_prefix(". ").or_else(|| after.strip_prefix(") ")).unwrap_or(line)
}

/// The label of the link or image that the text begins with, and what follows it.
fn link(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('!').unwrap_or(text).strip_prefix('[')?;
    let (label, after) = text.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    (!label.contains('[')).then_some((label, after))
}

/// At most [`LONGEST`] characters, cut after a word, or within one when it is longer than that.
fn shortened(line: &str) -> String {
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let cut: String = line.chars().take(LONGEST - 1).collect();
    let is_between_words = line[cut.len()..].starts_with(' ');
    let end = if is_between_words { cut.len() } else { cut.rfind(' ').unwrap_or(cut.len()) };
    format!("{}…", cut[..end].trim_end_matches(|c: char| c.is_whitespace() || ",;:-".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_are_a_title_without_their_markdown() {
        let cases = [
            ("Hello there", "Hello there"),
            ("\n\n  ## A **bold** `code` question\nmore", "A bold code question"),
            ("1. [the docs](https://example.com/x) and ![a cat](cat.png)", "the docs and a cat"),
            ("> - quoted\titem", "quoted item"),
            ("2 + 2 = ?", "2 + 2 = ?"),
            ("snake_case_name stays", "snake_case_name stays"),
            ("```rust\nfn main() {}\n```", "rust"),
            ("???", "???"),
            ("a[0] and [unclosed](", "a[0] and [unclosed]("),
        ];
        for (text, title) in cases {
            assert_eq!(first_words(text).as_deref(), Some(title), "{text:?}");
        }
        assert_eq!(first_words(" \n\t"), None);
    }

    #[test]
    fn a_long_message_is_cut_after_a_word_and_one_long_word_within_it() {
        let long = "one two three four five six seven eight nine ten eleven twelve thirteen";
        let title = first_words(long).unwrap();
        assert_eq!(title, "one two three four five six seven eight nine ten eleven…");
        assert!(title.chars().count() <= LONGEST);
        let word = first_words(&"長".repeat(100)).unwrap();
        assert_eq!(word.chars().count(), LONGEST);
    }

    #[test]
    fn a_models_suggestion_loses_quotes_label_and_further_lines() {
        assert_eq!(suggested("\"Locks and keys\"\nBecause…").as_deref(), Some("Locks and keys"));
        assert_eq!(suggested("**Title: Locks and keys.**").as_deref(), Some("Locks and keys"));
        assert_eq!(suggested("\n…\n"), None);
    }

    #[test]
    fn invisible_marks_do_not_reach_a_list_of_chats() {
        assert_eq!(one_line("a\u{202e}b\u{0}c\r\nd\u{2028}e\u{200b}\u{e0041}"), "ab c d e");
    }
}
