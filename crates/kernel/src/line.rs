//! Names and other single lines that one person writes and others read in a list.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Marks that may follow one letter: more than any script stacks, too few to paint over the lines around it
/// (Unicode technical standard 39, section 5.4, asks for a bound).
const MOST_MARKS: usize = 8;

/// A name as it may stand in a list: without the white space around it, in Unicode's normal form C (so that one name
/// has one spelling), 1 to `most` characters. `None` when it is empty or longer, when nothing of it can be seen, when a
/// character [is hidden](is_hidden), or when more marks are stacked on a letter than any script does.
pub fn plain_line(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    // A character that is composed of others takes a few of them; what is longer than that is not looked at.
    if text.len() > 16 * most || text.chars().any(is_hidden) {
        return None;
    }
    let line: String = text.nfc().collect();
    let has_room = line.chars().count() <= most;
    let mut marks = 0;
    let is_quiet = line.chars().all(|c| {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        marks <= MOST_MARKS
    });
    (has_room && is_quiet && line.chars().any(is_seen)).then_some(line)
}

/// Whether a character shows nothing, or makes text around it read otherwise than it is stored: controls, line
/// separators, marks of text direction (Unicode technical report 36, section 2.5), fillers and tags.
///
/// The joiners U+200C and U+200D and the variation selectors are not among them: names in Persian, Hindi and
/// Mongolian, and emoji, need them.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character by itself leaves something on the screen. The blank of braille leaves nothing.
fn is_seen(c: char) -> bool {
    !c.is_whitespace()
        && !is_combining_mark(c)
        && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_any_script_is_kept_without_the_space_around_it() {
        for name in
            ["Ada Lovelace", "李小龍", "می‌خواهم", "👩‍🚀 Ada", "❤️", "नरेन्द्र", "བསྒྲུབས", "a", &"x".repeat(100)]
        {
            assert_eq!(plain_line(&format!(" \t{name}\u{3000}"), 100).as_deref(), Some(name));
        }
    }

    #[test]
    fn one_name_has_one_spelling() {
        assert_eq!(plain_line("Rene\u{301}e", 100).as_deref(), Some("Ren\u{e9}e"));
        // Counted as it is kept, not as it was typed.
        assert_eq!(plain_line(&"e\u{301}".repeat(100), 100).map(|it| it.chars().count()), Some(100));
    }

    #[test]
    fn what_is_too_long_unseen_or_makes_a_list_lie_is_none() {
        for text in [
            "",
            " \u{3000}",
            "Ada\nAdmin",
            "Ada\r\nSet-Cookie: x",
            "Ada\0",
            "\u{1b}[31mAda",
            "Ada\u{202e}nimda",
            "Ada\u{2066}x",
            "\u{200b}",
            "Ada\u{ad}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{200d}\u{fe0f}",
            "\u{301}",
            "Ada\u{e0041}",
            &"x".repeat(101),
            &format!("a{}", "\u{301}".repeat(10)),
            &"\u{300}".repeat(1_000_000),
        ] {
            assert_eq!(plain_line(text, 100), None, "{text:.40?}");
        }
    }
}
