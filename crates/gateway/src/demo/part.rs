//! What each demo model says, before it is put into a wire format.

use std::time::Duration;

use super::Asked;

/// A tool that the model asks for.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// JSON text, in the fragments in which it is streamed.
    pub(super) arguments: Vec<String>,
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Thoughts, word by word.
    pub(super) reasoning: Vec<String>,
    /// The answer, word by word.
    pub(super) content: Vec<String>,
    pub(super) tool: Option<Tool>,
    /// Between two words.
    pub(super) pace: Duration,
}

impl Part {
    /// Plain text at the usual pace.
    pub(super) fn of_text(text: &str) -> Self {
        Self { reasoning: Vec::new(), content: words(text), tool: None, pace: Duration::from_millis(15) }
    }

    /// A cut to at most this many tokens; whether something was cut. A tool call that does not fit is left out
    /// whole: half of its arguments would be no JSON.
    pub(super) fn cut(&self, longest: Option<u64>) -> (Self, bool) {
        let mut part = self.clone();
        let longest = longest.map_or(usize::MAX, |longest| usize::try_from(longest).unwrap_or(usize::MAX));
        if part.tokens() <= longest as u64 {
            return (part, false);
        }
        part.tool = None;
        part.reasoning.truncate(longest);
        part.content.truncate(longest - part.reasoning.len());
        (part, true)
    }

    /// One token a word, as good as any count for words that cost nothing.
    pub(super) fn tokens(&self) -> u64 {
        let tool = self.tool.as_ref().map_or(0, |tool| tool.arguments.len() + 1);
        (self.reasoning.len() + self.content.len() + tool) as u64
    }
}

/// What the model says to this.
pub(super) fn of(model: &str, asked: &Asked) -> Part {
    let said = asked.last_words();
    match model {
        "demo/markdown" => Part::of_text(MARKDOWN),
        "demo/reasoning" => Part {
            reasoning: words(REASONING),
            ..Part::of_text(&format!(
                "You said “{}”. I thought about it before I answered; open the step above to see how.",
                shortened(&said)
            ))
        },
        "demo/tools" => tools(asked, &said),
        "demo/slow" => Part { pace: Duration::from_millis(150), ..Part::of_text(SLOW) },
        _ => Part::of_text(&said),
    }
}

fn tools(asked: &Asked, said: &str) -> Part {
    if let Some(result) = asked.tool_result() {
        return Part::of_text(&format!("The tool answered: {result}"));
    }
    let place = serde_json::json!(shortened(said)).to_string();
    let arguments = vec!["{\"place\":".to_owned(), place, ",\"unit\":\"celsius\"}".to_owned()];
    Part {
        content: words("I need to look that up."),
        tool: Some(Tool { id: "call_demo_1", name: "get_weather", arguments }),
        ..Part::of_text("")
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.trim().chars().take(80).collect();
    if short.len() < text.trim().len() { format!("{short}…") } else { short }
}

/// Words with the space behind them; joined they are the text again.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

const REASONING: &str = "The person wants to see what reasoning looks like. First I read the question twice. Then I consider \
    whether a short answer is enough. It is, so I keep it short and point to this step.";

const SLOW: &str = "This answer comes slowly, one word at a time, so that there is time to press stop, to reload the page in the \
    middle, to close the laptop, or to open the chat in another window. Whatever you do, the answer is written on the server \
    and waits for you: the page only watches. When it is done you will find it here, whole, with what it cost below it.";

const MARKDOWN: &str = r#"# A tour of Markdown

A paragraph with **bold**, *italic*, ~~struck~~ text, `inline code` and [a link](https://example.com/docs).

## Lists

1. First
2. Second
   - nested
   - and another
3. Third

## A table

| Part | Unit | Value |
| --- | --- | ---: |
| Prompt | tokens | 1,284 |
| Answer | tokens | 96 |

## Code

```python
def greet(name: str) -> str:
    """Says hello."""
    return f"Hello, {name}!"
```

```rust
fn main() {
    let ward = "the ridge inside a lock";
    println!("{ward}");
}
```

## Mathematics

Inline: $e^{i\pi} + 1 = 0$, and on a line of its own:

$$\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}$$

> A quotation, with a second line
> below the first.

A remote image stays closed until you open it: ![a picture](https://example.com/picture.png)
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_is_never_longer_than_allowed_and_says_that_it_was_cut() {
        let thinking = Part { reasoning: words("one two three"), ..Part::of_text("four five") };
        for longest in 0..5 {
            let (cut, is_cut) = thinking.cut(Some(longest));
            assert_eq!((cut.tokens(), is_cut), (longest, true));
        }
        for longest in [Some(5), Some(6), None] {
            assert_eq!(thinking.cut(longest).0.tokens(), 5);
            assert!(!thinking.cut(longest).1);
        }
    }

    #[test]
    fn a_tool_call_that_does_not_fit_is_left_out_whole() {
        let part = tools(&Asked::default(), "Lima");
        let (cut, is_cut) = part.cut(Some(part.tokens() - 1));
        assert!(is_cut && cut.tool.is_none() && cut.tokens() < part.tokens());
        assert!(part.cut(Some(part.tokens())).0.tool.is_some());
    }

    #[test]
    fn words_joined_are_the_text_again() {
        for text in ["", " ", "a b", "a  b ", "zeilen\nund\tumbrüche ☃"] {
            assert_eq!(words(text).concat(), text);
        }
    }
}
