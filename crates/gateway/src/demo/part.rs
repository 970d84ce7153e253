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

    /// A cut to at most this many words; whether something was cut.
    pub(super) fn cut(&self, longest: Option<u64>) -> (Self, bool) {
        let mut part = self.clone();
        let longest = longest.map_or(usize::MAX, |longest| usize::try_from(longest).unwrap_or(usize::MAX));
        let is_cut = part.reasoning.len() + part.content.len() > longest;
        part.reasoning.truncate(longest);
        part.content.truncate(longest - part.reasoning.len());
        (part, is_cut)
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
