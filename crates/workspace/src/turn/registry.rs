//! The turns of this process: those that run, and those that ended a moment ago.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{ChatId, MessageId, TurnId, UserId};

use super::live::Turn;
use crate::WorkspaceError;

/// The most answers being written for one person at once.
pub(crate) const MOST_AT_ONCE: usize = 16;

/// All turns of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    turns: HashMap<TurnId, Arc<Turn>>,
    running: HashMap<UserId, usize>,
}

/// A person's place for one more answer; free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    turns: Turns,
    owner: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.turns.inner();
        if let Some(count) = inner.running.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                inner.running.remove(&self.owner);
            }
        }
    }
}

impl Turns {
    /// Takes a place for one more answer of this person.
    pub(crate) fn seat(&self, owner: &UserId) -> Result<Seat, WorkspaceError> {
        let mut inner = self.inner();
        let count = inner.running.entry(owner.clone()).or_default();
        if *count >= MOST_AT_ONCE {
            return Err(WorkspaceError::TooManyTurns(MOST_AT_ONCE));
        }
        *count += 1;
        Ok(Seat { turns: self.clone(), owner: owner.clone() })
    }

    /// Lets people find the turn.
    pub(crate) fn enter(&self, turn: Arc<Turn>) {
        self.inner().turns.insert(turn.id.clone(), turn);
    }

    /// Forgets the turn.
    pub(crate) fn leave(&self, id: &TurnId) {
        self.inner().turns.remove(id);
    }

    /// The turn with this id in this chat.
    pub(crate) fn find(&self, chat: &ChatId, id: &TurnId) -> Option<Arc<Turn>> {
        self.inner().turns.get(id).filter(|turn| turn.chat == *chat).cloned()
    }

    /// The turns of a chat, also those that ended a moment ago, in the order in which they began.
    pub(crate) fn in_chat(&self, chat: &ChatId) -> Vec<Arc<Turn>> {
        self.all(|turn| turn.chat == *chat)
    }

    /// Whether a turn writes this message.
    pub(crate) fn is_written(&self, chat: &ChatId, message: &MessageId) -> bool {
        self.all(|turn| turn.chat == *chat && turn.message == *message).iter().any(|turn| !turn.is_over())
    }

    /// Stops what runs for messages that are gone.
    pub(crate) fn stop(&self, is_gone: impl Fn(&Turn) -> bool) {
        for turn in self.all(is_gone) {
            turn.stop.cancel();
        }
    }

    fn all(&self, is_meant: impl Fn(&Turn) -> bool) -> Vec<Arc<Turn>> {
        let mut found: Vec<_> = self.inner().turns.values().filter(|turn| is_meant(turn)).cloned().collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_sixteen_seats_and_gets_one_back_when_an_answer_is_over() {
        let turns = Turns::default();
        let (ada, bob) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        let mut seats: Vec<_> = (0..MOST_AT_ONCE).map(|_| turns.seat(&ada).unwrap()).collect();
        assert_eq!(turns.seat(&ada).map(drop), Err(WorkspaceError::TooManyTurns(16)));
        assert!(turns.seat(&bob).is_ok());
        seats.pop();
        assert!(turns.seat(&ada).is_ok());
    }
}
