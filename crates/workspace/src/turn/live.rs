//! A turn in memory: what is running, who may watch it, and how to stop it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{ChatId, MessageId, MessagePatch, Provenance, TurnError, TurnId, UserId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    event::TurnEvent,
    log::{EventLog, Full},
};

/// One answer being written, or written a moment ago.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) id: TurnId,
    pub(crate) chat: ChatId,
    pub(crate) owner: UserId,
    /// The answer.
    pub(crate) message: MessageId,
    /// Cancelled when somebody presses stop or the message is gone.
    pub(crate) stop: CancellationToken,
    log: Mutex<EventLog>,
    latest: watch::Sender<u64>,
}

impl Turn {
    pub(crate) fn new(id: TurnId, chat: ChatId, owner: UserId, message: MessageId) -> Self {
        let (stop, log, latest) = (CancellationToken::new(), Mutex::default(), watch::Sender::new(0));
        Self { id, chat, owner, message, stop, log, latest }
    }

    /// Tells everybody who watches what happened.
    pub(crate) fn say(&self, event: TurnEvent) -> Result<(), Full> {
        let number = self.log().push(event)?;
        self.latest.send_replace(number);
        Ok(())
    }

    /// Whether the end has been told.
    pub(crate) fn is_over(&self) -> bool {
        self.log().is_over()
    }

    /// Tells numbers of events as they happen.
    pub(crate) fn numbers(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// The message as it is while it grows.
    pub(crate) fn so_far(&self) -> MessagePatch {
        let log = self.log();
        MessagePatch {
            content: log.text().to_owned(),
            reasoning: Some(log.reasoning()).filter(|text| !text.is_empty()).map(str::to_owned),
            tool_calls: log.tools(),
            ..MessagePatch::default()
        }
    }

    /// The message as it stays.
    pub(crate) fn finished(&self, error: Option<TurnError>, provenance: Option<Provenance>) -> MessagePatch {
        MessagePatch { is_done: true, error, provenance, ..self.so_far() }
    }

    /// Watches from after event `seen` on.
    pub(crate) fn follow(self: &Arc<Self>, seen: u64) -> Follower {
        Follower { turn: self.clone(), numbers: self.numbers(), seen, waiting: VecDeque::new() }
    }

    fn log(&self) -> MutexGuard<'_, EventLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches a turn. Holds no queue of its own: whoever is slow gets longer pieces, and costs
/// no more memory than whoever is quick.
#[derive(Debug)]
pub struct Follower {
    turn: Arc<Turn>,
    numbers: watch::Receiver<u64>,
    seen: u64,
    waiting: VecDeque<(u64, TurnEvent)>,
}

impl Follower {
    /// The next event with its number; waits for it. None after the end. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<(u64, TurnEvent)> {
        loop {
            if let Some((number, event)) = self.waiting.pop_front() {
                self.seen = number;
                return Some((number, event));
            }
            // Noted before looking, so that what happens while we look is not missed.
            self.numbers.mark_unchanged();
            let is_over = {
                let log = self.turn.log();
                self.waiting = log.after(self.seen).into();
                log.is_over()
            };
            if self.waiting.is_empty() {
                if is_over {
                    return None;
                }
                self.numbers.changed().await.ok()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::EndReason;

    fn turn() -> Arc<Turn> {
        let (id, chat) = ("turn_1".parse().unwrap(), "chat_1".parse().unwrap());
        Arc::new(Turn::new(id, chat, "user_1".parse().unwrap(), "msg_1".parse().unwrap()))
    }

    async fn watched(mut follower: Follower) -> String {
        let mut text = String::new();
        while let Some((_, event)) = follower.next().await {
            if let TurnEvent::Delta(piece) = event {
                text.push_str(&piece);
            }
        }
        text
    }

    #[tokio::test]
    async fn watchers_from_the_begin_from_the_middle_and_from_after_the_end_see_the_same_answer() {
        let turn = turn();
        let early = turn.follow(0);
        let writing = async {
            for n in 0..200 {
                turn.say(TurnEvent::Delta(format!("{n} "))).unwrap();
                if n % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            turn.say(TurnEvent::End { reason: EndReason::Stop, provenance: None }).unwrap();
        };
        let (early, middle, ()) = tokio::join!(watched(early), watched(turn.follow(100)), writing);
        let whole = (0..200).map(|n| format!("{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(early, whole);
        assert_eq!(watched(turn.follow(0)).await, whole);
        assert!(whole.ends_with(&middle) && middle.starts_with("100 "));
    }
}
