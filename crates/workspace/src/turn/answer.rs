//! Asks the gateway, as any program would, and tells the turn what the model says.

use std::sync::OnceLock;

use gateway::{Call, Gateway};
use http_body_util::BodyExt;
use kernel::{Refusal, TurnError};
use llm::{Delta, FinishReason, ProviderError, Splitter};

use super::{
    event::{EndReason, TurnEvent},
    live::Turn,
    log::Full,
};

/// The largest event of a provider's stream, in bytes.
const LARGEST_EVENT: usize = 4 << 20;

/// Takes the answer to its end. Dropped before, it ends the provider's work.
///
/// `first_token` gets the milliseconds from the question to the first thing the model said.
pub(super) async fn write(
    gateway: &Gateway,
    call: Call,
    turn: &Turn,
    first_token: &OnceLock<u64>,
) -> Result<EndReason, TurnError> {
    let started = call.started;
    let mut body = gateway.serve(call).await.map_err(refused)?.into_body();
    let mut splitter = Splitter::new(LARGEST_EVENT);
    let mut heard = Heard::default();
    // To the very end, beyond the last word: only then the gateway knows that all went well.
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame;
        let Ok(chunk) = frame.into_data() else { continue };
        splitter
            .feed(&chunk, |event| heard.listen(&event.data))
            .map_err(|error| failed("provider_bad_answer", &error.to_string()))?;
        if !heard.said.is_empty() {
            first_token.get_or_init(|| u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
        heard.tell(turn)?;
    }
    splitter.finish(|event| heard.listen(&event.data));
    heard.tell(turn)?;
    match (heard.error, heard.finish) {
        (Some(error), _) => Err(error),
        (None, Some(FinishReason::Error)) => Err(provider_failed(&ProviderError::default())),
        (None, finish) => Ok(finish.map_or(EndReason::Stop, EndReason::from)),
    }
}

/// What was heard and not told yet, and how it ends.
#[derive(Default)]
struct Heard {
    said: Vec<TurnEvent>,
    finish: Option<FinishReason>,
    error: Option<TurnError>,
}

impl Heard {
    fn listen(&mut self, data: &[u8]) {
        // An event that is no JSON says nothing; when all are like that, the gateway ends with an error.
        for delta in Delta::read(data).unwrap_or_default() {
            match delta {
                Delta::Text(text) => self.add(TurnEvent::Delta(text)),
                Delta::Reasoning(text) => self.add(TurnEvent::Reasoning(text)),
                Delta::ToolCall(piece) => self.add(TurnEvent::ToolCall {
                    index: usize::try_from(piece.index).unwrap_or(usize::MAX),
                    id: piece.id.unwrap_or_default(),
                    name: piece.name.unwrap_or_default(),
                    arguments: piece.arguments,
                }),
                Delta::Finish(reason) => self.finish = Some(reason),
                Delta::Error(error) => self.error = Some(provider_failed(&error)),
                // The gateway counts, also when the provider does not.
                Delta::Usage(_) | Delta::Done => {}
            }
        }
    }

    /// Joins text that came in one chunk, so that a burst is one event.
    fn add(&mut self, event: TurnEvent) {
        match (self.said.last_mut(), event) {
            (Some(TurnEvent::Delta(run)), TurnEvent::Delta(text))
            | (Some(TurnEvent::Reasoning(run)), TurnEvent::Reasoning(text)) => run.push_str(&text),
            (_, TurnEvent::Delta(text) | TurnEvent::Reasoning(text)) if text.is_empty() => {}
            (_, event) => self.said.push(event),
        }
    }

    fn tell(&mut self, turn: &Turn) -> Result<(), TurnError> {
        for event in self.said.drain(..) {
            turn.say(event).map_err(|Full| {
                failed(
                    "answer_too_long",
                    "The answer is longer than 4 MiB. What was written until then is kept.",
                )
            })?;
        }
        Ok(())
    }
}

fn refused(refusal: Refusal) -> TurnError {
    TurnError { content: refusal.detail.into_owned(), code: refusal.code.into_owned() }
}

fn failed(code: &str, content: &str) -> TurnError {
    TurnError { content: content.to_owned(), code: code.to_owned() }
}

/// An error in the middle of a stream: the gateway's own words, or the provider's without its secrets.
fn provider_failed(error: &ProviderError) -> TurnError {
    let ours = error.code.as_deref().filter(|code| code.starts_with("provider_"));
    let words = llm::scrub(&error.message, &[]);
    let words = if words.is_empty() { "The provider failed in the middle of its answer." } else { &words };
    failed(ours.unwrap_or("provider_error"), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(events: &[&str]) -> Heard {
        let mut heard = Heard::default();
        for event in events {
            heard.listen(event.as_bytes());
        }
        heard
    }

    #[test]
    fn a_burst_of_words_is_one_event_and_its_order_is_kept() {
        let delta =
            |field: &str, text: &str| format!(r#"{{"choices":[{{"delta":{{"{field}":"{text}"}}}}]}}"#);
        let events = [delta("reasoning_content", "hm"), delta("content", "a"), delta("content", "b")];
        let heard = heard(&events.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(heard.said, [TurnEvent::Reasoning("hm".to_owned()), TurnEvent::Delta("ab".to_owned())]);
    }

    #[test]
    fn an_error_inside_a_stream_keeps_our_code_and_loses_keys() {
        let ours =
            heard(&[r#"{"error":{"message":"fell silent","code":"provider_timeout"}}"#]).error.unwrap();
        assert_eq!((ours.content.as_str(), ours.code.as_str()), ("fell silent", "provider_timeout"));
        let key = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
        let theirs =
            heard(&[&format!(r#"{{"error":{{"message":"bad key {key}","code":"oops"}}}}"#)]).error.unwrap();
        assert_eq!(theirs.code, "provider_error");
        assert!(!theirs.content.contains(key), "{}", theirs.content);
    }

    #[test]
    fn nonsense_between_the_events_says_nothing() {
        let heard =
            heard(&["ping", r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#, "[DONE]"]);
        assert_eq!(heard.said, [TurnEvent::Delta("x".to_owned())]);
        assert_eq!(heard.finish, Some(FinishReason::Length));
        assert_eq!(heard.error, None);
    }
}
