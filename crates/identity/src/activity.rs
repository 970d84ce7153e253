//! When sessions and people were last seen: noted in memory while they are answered, written now and then by a task
//! of its own. No request waits for it, and a minute is fine enough.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kernel::{Refusal, Session, SessionId, Timestamp, User, UserId};
use store::{sessions, users};

use crate::Identity;

/// Sessions that wait to be written; beyond it nothing is noted until they were.
const ROOM: usize = 100_000;

/// What was seen and is not yet written.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<HashMap<SessionId, (UserId, Timestamp)>>);

impl Activity {
    /// Notes that a session was used, unless this minute is noted already.
    pub(crate) fn note(&self, session: &Session, user: &User, now: Timestamp) {
        let minute = Timestamp::from_seconds(now.seconds().div_euclid(60) * 60);
        let is_known =
            session.last_used_at >= minute && user.last_active_at.is_some_and(|last| last >= minute);
        let mut seen = self.seen();
        if !is_known && seen.len() < ROOM {
            seen.insert(session.id.clone(), (user.id.clone(), minute));
        }
    }

    fn take(&self) -> HashMap<SessionId, (UserId, Timestamp)> {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<SessionId, (UserId, Timestamp)>> {
        // Nothing in here can panic half-way through a change, so a poisoned map is still a true one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Writes down who was seen since the last call. What cannot be written is lost; it is a courtesy, no record.
    pub async fn write_activity(&self) -> Result<(), Refusal> {
        let seen = self.0.activity.take();
        if seen.is_empty() {
            return Ok(());
        }
        let mut people: HashMap<&UserId, Timestamp> = HashMap::new();
        for (user, at) in seen.values() {
            let last = people.entry(user).or_insert(*at);
            *last = (*last).max(*at);
        }
        let used: Vec<_> = seen.iter().map(|(session, (_, at))| (session.clone(), *at)).collect();
        sessions::touch(&self.0.db, &used).await?;
        for (user, at) in people {
            users::touch(&self.0.db, user, at).await?;
        }
        Ok(())
    }
}
