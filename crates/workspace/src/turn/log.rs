//! What happened in a turn, numbered from 1, so that a watcher who saw the first `n` events gets the rest.
//!
//! Text is kept once, as one string, and each event is a mark of how far everything had come. A replay
//! joins runs of text into one event that carries the number of the last one joined. Pure.

use kernel::ToolCall;

use super::event::TurnEvent;

/// The most text, thoughts and arguments of one answer, in bytes.
const MOST_BYTES: usize = 4 << 20;
/// The most events of one answer.
const MOST_EVENTS: usize = 400_000;
/// The most tools one answer may ask for.
const MOST_TOOLS: usize = 128;

/// The events of one turn.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    text: String,
    reasoning: String,
    tools: Vec<ToolCall>,
    /// Everything that is not text.
    others: Vec<TurnEvent>,
    marks: Vec<Mark>,
    bytes: usize,
    is_over: bool,
}

/// How far everything had come after an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    text: usize,
    reasoning: usize,
    others: usize,
}

/// The answer is longer than any answer should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl EventLog {
    /// Adds what happened and returns its number. After the end nothing happens any more.
    pub(crate) fn push(&mut self, event: TurnEvent) -> Result<u64, Full> {
        if self.is_over {
            return Ok(self.latest());
        }
        self.make_room(&event)?;
        match event {
            TurnEvent::Delta(text) => self.text.push_str(&text),
            TurnEvent::Reasoning(text) => self.reasoning.push_str(&text),
            event => {
                self.is_over = matches!(event, TurnEvent::End { .. });
                self.piece_together(&event);
                self.others.push(event);
            }
        }
        self.marks.push(Mark {
            text: self.text.len(),
            reasoning: self.reasoning.len(),
            others: self.others.len(),
        });
        Ok(self.latest())
    }

    /// What the model says is bounded; a title, an error and the end always have room.
    fn make_room(&mut self, event: &TurnEvent) -> Result<(), Full> {
        let bytes = match event {
            TurnEvent::Delta(text) | TurnEvent::Reasoning(text) => text.len(),
            TurnEvent::ToolCall { index, .. } if *index >= MOST_TOOLS => return Err(Full),
            TurnEvent::ToolCall { id, name, arguments, .. } => id.len() + name.len() + arguments.len(),
            TurnEvent::Title(_) | TurnEvent::Error(_) | TurnEvent::End { .. } => return Ok(()),
        };
        if self.bytes + bytes > MOST_BYTES || self.marks.len() >= MOST_EVENTS {
            return Err(Full);
        }
        self.bytes += bytes;
        Ok(())
    }

    fn piece_together(&mut self, event: &TurnEvent) {
        let TurnEvent::ToolCall { index, id, name, arguments } = event else { return };
        if self.tools.len() <= *index {
            let nothing = ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
            self.tools.resize(*index + 1, nothing);
        }
        let call = &mut self.tools[*index];
        if call.id.is_empty() {
            call.id.clone_from(id);
        }
        if call.name.is_empty() {
            call.name.clone_from(name);
        }
        call.arguments.push_str(arguments);
    }

    /// The number of the last event; 0 before the first.
    pub(crate) fn latest(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Whether the end has been told.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The text so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The thoughts so far.
    pub(crate) fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// The tool calls so far; an index that the provider left out is left out.
    pub(crate) fn tools(&self) -> Vec<ToolCall> {
        self.tools.iter().filter(|call| !(call.id.is_empty() && call.name.is_empty())).cloned().collect()
    }

    /// What happened after event `seen`, in order. Runs of text are joined under the number of the last.
    pub(crate) fn after(&self, seen: u64) -> Vec<(u64, TurnEvent)> {
        let seen = usize::try_from(seen).unwrap_or(usize::MAX);
        let Some(new) = self.marks.get(seen..) else { return Vec::new() };
        let mut before = seen.checked_sub(1).map_or_else(Mark::default, |last| self.marks[last]);
        let mut events: Vec<(u64, TurnEvent)> = Vec::new();
        for (offset, mark) in new.iter().enumerate() {
            let number = (seen + offset + 1) as u64;
            let event = self.between(before, *mark);
            before = *mark;
            match (events.last_mut(), &event) {
                (Some((last, TurnEvent::Delta(run))), TurnEvent::Delta(text))
                | (Some((last, TurnEvent::Reasoning(run))), TurnEvent::Reasoning(text)) => {
                    run.push_str(text);
                    *last = number;
                }
                _ => events.push((number, event)),
            }
        }
        events
    }

    fn between(&self, before: Mark, after: Mark) -> TurnEvent {
        if after.others > before.others {
            self.others[before.others].clone()
        } else if after.reasoning > before.reasoning {
            TurnEvent::Reasoning(self.reasoning[before.reasoning..after.reasoning].to_owned())
        } else {
            TurnEvent::Delta(self.text[before.text..after.text].to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::TurnError;

    use super::*;
    use crate::turn::EndReason;

    fn delta(text: &str) -> TurnEvent {
        TurnEvent::Delta(text.to_owned())
    }

    fn tool(index: usize, id: &str, arguments: &str) -> TurnEvent {
        TurnEvent::ToolCall { index, id: id.to_owned(), name: id.to_owned(), arguments: arguments.to_owned() }
    }

    fn everything() -> Vec<TurnEvent> {
        vec![
            TurnEvent::Reasoning("First ".to_owned()),
            TurnEvent::Reasoning("this.".to_owned()),
            delta("Grü"),
            TurnEvent::Title("A title".to_owned()),
            delta("ß "),
            delta("Gott"),
            tool(0, "a", "{\"q\":"),
            tool(0, "", "1}"),
            tool(1, "b", "{}"),
            delta("!"),
            TurnEvent::Reasoning("Late.".to_owned()),
            TurnEvent::Error(TurnError {
                content: "away".to_owned(),
                code: "provider_unreachable".to_owned(),
            }),
            TurnEvent::End { reason: EndReason::Error, provenance: None },
        ]
    }

    fn logged(events: &[TurnEvent]) -> EventLog {
        let mut log = EventLog::default();
        for event in events {
            log.push(event.clone()).unwrap();
        }
        log
    }

    /// What a watcher holds in the end: texts joined, other events in their order.
    fn held(events: impl IntoIterator<Item = TurnEvent>) -> (String, String, Vec<TurnEvent>) {
        let (mut text, mut reasoning, mut others) = (String::new(), String::new(), Vec::new());
        for event in events {
            match event {
                TurnEvent::Delta(piece) => text.push_str(&piece),
                TurnEvent::Reasoning(piece) => reasoning.push_str(&piece),
                other => others.push(other),
            }
        }
        (text, reasoning, others)
    }

    #[test]
    fn whoever_saw_the_first_n_events_live_holds_the_same_after_a_replay_from_n() {
        let events = everything();
        let log = logged(&events);
        for seen in 0..=events.len() {
            let replay = log.after(seen as u64);
            let numbers: Vec<_> = replay.iter().map(|(number, _)| *number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            assert_eq!(numbers.last().copied().unwrap_or(seen as u64), events.len() as u64);
            let live = events[..seen].iter().cloned();
            assert_eq!(
                held(live.chain(replay.into_iter().map(|(_, event)| event))),
                held(events.clone()),
                "{seen}"
            );
        }
    }

    #[test]
    fn a_replay_can_stop_after_any_event_and_go_on_from_its_number() {
        let log = logged(&everything());
        let whole = log.after(0);
        for cut in 0..whole.len() {
            let seen = cut.checked_sub(1).map_or(0, |last| whole[last].0);
            assert_eq!(log.after(seen), whole[cut..], "{cut}");
        }
    }

    #[test]
    fn a_replay_joins_runs_of_text_under_the_number_of_the_last() {
        let log = logged(&[delta("a"), delta("b"), TurnEvent::Reasoning("c".to_owned()), delta("d")]);
        let reasoning = TurnEvent::Reasoning("c".to_owned());
        assert_eq!(log.after(0), [(2, delta("ab")), (3, reasoning), (4, delta("d"))]);
        assert_eq!(log.after(4), []);
        assert_eq!(log.after(u64::MAX), []);
    }

    #[test]
    fn tool_calls_are_put_together_from_their_pieces() {
        let call = |id: &str, arguments: &str| ToolCall {
            id: id.to_owned(),
            name: id.to_owned(),
            arguments: arguments.to_owned(),
        };
        assert_eq!(logged(&everything()).tools(), [call("a", "{\"q\":1}"), call("b", "{}")]);
    }

    #[test]
    fn nothing_happens_after_the_end() {
        let mut log = logged(&everything());
        let latest = log.latest();
        assert!(log.is_over());
        assert_eq!(log.push(TurnEvent::Title("late".to_owned())), Ok(latest));
        assert_eq!(log.after(latest), []);
    }

    #[test]
    fn an_answer_without_end_is_cut_and_its_end_can_still_be_told() {
        let mut log = EventLog::default();
        let piece = delta(&"x".repeat(1 << 20));
        let taken = (0..10).take_while(|_| log.push(piece.clone()).is_ok()).count();
        assert_eq!(taken, 4);
        assert_eq!(log.push(tool(MOST_TOOLS, "x", "")), Err(Full));
        assert!(log.push(TurnEvent::End { reason: EndReason::Error, provenance: None }).is_ok());

        let mut log = EventLog::default();
        let taken = (0..=MOST_EVENTS).take_while(|_| log.push(delta("x")).is_ok()).count();
        assert_eq!(taken, MOST_EVENTS);
    }
}
