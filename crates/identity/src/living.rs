//! Which sessions are alive, in memory, so that a request of a signed-in person needs no database.
//!
//! The database stays the truth. What is here was read at most [`FRESH`] ago, and a sign-out or a changed
//! role takes it away at once. It does not know tokens.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{Email, Person, PersonCredential, Rights, Role, Session, SessionId, Timestamp, User, UserId};
use tokio::sync::watch;

use crate::key_owners::KeyOwners;

/// How long an entry is believed.
const FRESH: Duration = Duration::from_mins(1);
const SHARDS: usize = 16;
/// Entries of one shard; a full one is emptied and fills again from the database.
const ROOM: usize = 4_096;

/// What a session rests on, as far as `ENABLE_MFA` cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The account has a second factor, or somebody else vouches for the person.
    Enough,
    /// The account has none.
    NoFactor,
    /// Nobody asked yet whether the account has one.
    Unasked,
}

/// One living session as it was read from the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) user: UserId,
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
    pub(crate) email: Email,
    /// When its owner last proved to be there.
    pub(crate) proved_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) ground: Ground,
    pub(crate) read_at: Timestamp,
}

impl Living {
    /// What was read at this moment.
    pub(crate) fn new(session: &Session, user: &User, ground: Ground, read_at: Timestamp) -> Self {
        Self {
            ground,
            user: user.id.clone(),
            role: user.role,
            name: user.name.as_str().into(),
            email: user.email.clone(),
            proved_at: session.proved_at,
            expires_at: session.expires_at,
            read_at,
        }
    }

    /// Whom the session stands for, with these rights.
    pub(crate) fn person(self, session: SessionId, rights: Rights) -> Person {
        Person {
            user: self.user,
            role: self.role,
            name: self.name,
            email: self.email,
            credential: PersonCredential::Session(session),
            proved_at: Some(self.proved_at),
            rights,
        }
    }
}

/// The state of the memory before a read from the database; see [`LivingSessions::remember`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch(u64);

/// Living sessions by id. Sharded: a lock is held for one look-up, by one in sixteen requests.
#[derive(Debug, Default)]
pub(crate) struct LivingSessions {
    shards: [Mutex<HashMap<SessionId, Living>>; SHARDS],
    hasher: RandomState,
    epoch: AtomicU64,
    /// API keys act for the same people, so what takes their sessions away is asked anew for their keys too.
    pub(crate) key_owners: KeyOwners,
    /// Rung after something was taken away, for what is still being answered.
    news: watch::Sender<()>,
}

impl LivingSessions {
    /// Nobody is known to be signed in. `news` is rung whenever somebody may have lost a door.
    pub(crate) fn new(news: watch::Sender<()>) -> Self {
        Self { news, ..Self::default() }
    }

    /// Hears when somebody may have lost a door.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Tells everybody who is being answered to ask again whether they may be.
    pub(crate) fn ring(&self) {
        self.news.send_replace(());
    }

    /// The session, if it is known to be alive by a reading that is still fresh.
    pub(crate) fn find(&self, id: &SessionId, now: Timestamp) -> Option<Living> {
        let living = self.shard(id).get(id).cloned()?;
        (now.since(living.read_at) < FRESH).then_some(living)
    }

    /// Ask for it before reading from the database.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Keeps what was read, unless something was taken away since `epoch`: the reading may be older than
    /// that, and must not bring back a session that has just ended.
    pub(crate) fn remember(&self, id: SessionId, living: Living, Epoch(epoch): Epoch) {
        let mut shard = self.shard(&id);
        if self.epoch.load(Ordering::SeqCst) != epoch {
            return;
        }
        if shard.len() >= ROOM {
            shard.clear();
        }
        shard.insert(id, living);
    }

    /// Takes away one session. Call it after the database has ended it.
    pub(crate) fn forget_session(&self, id: &SessionId) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.shard(id).remove(id);
        self.ring();
    }

    /// Takes away all sessions of a person.
    pub(crate) fn forget_person(&self, user: &UserId) {
        self.retain(|living| &living.user != user);
        self.key_owners.forget(user);
        self.ring();
    }

    /// Takes away everything.
    pub(crate) fn forget(&self) {
        self.retain(|_| false);
        self.key_owners.forget_all();
        self.ring();
    }

    fn retain(&self, stays: impl Fn(&Living) -> bool) {
        // First the epoch, then the shards: a reading that began before is refused by one or removed by
        // the other, whichever comes first.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            Self::lock(shard).retain(|_, living| stays(living));
        }
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, HashMap<SessionId, Living>> {
        let hash = self.hasher.hash_one(id);
        let index = usize::try_from(hash % SHARDS as u64).expect("smaller than the number of shards");
        Self::lock(&self.shards[index])
    }

    fn lock(shard: &Mutex<HashMap<SessionId, Living>>) -> MutexGuard<'_, HashMap<SessionId, Living>> {
        // Nothing in here can panic half-way through a change, so a poisoned map is still a true one.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn living(user: &str) -> Living {
        Living {
            user: user.parse().unwrap(),
            role: Role::User,
            name: user.into(),
            email: Email::parse(&format!("{user}@example.com")).unwrap(),
            proved_at: at(0),
            expires_at: None,
            ground: Ground::Enough,
            read_at: at(0),
        }
    }

    fn id(text: &str) -> SessionId {
        text.parse().unwrap()
    }

    #[test]
    fn a_reading_is_believed_for_a_minute() {
        let sessions = LivingSessions::default();
        sessions.remember(id("s"), living("ada"), sessions.epoch());
        assert_eq!(sessions.find(&id("s"), at(59)), Some(living("ada")));
        assert_eq!(sessions.find(&id("s"), at(60)), None);
    }

    #[test]
    fn a_reading_from_before_a_sign_out_does_not_bring_the_session_back() {
        let sessions = LivingSessions::default();
        let before = sessions.epoch();
        sessions.forget_session(&id("s"));
        sessions.remember(id("s"), living("ada"), before);
        assert_eq!(sessions.find(&id("s"), at(0)), None);
    }

    #[test]
    fn what_concerns_one_person_leaves_the_others_in_memory() {
        let sessions = LivingSessions::default();
        for (session, user) in [("s1", "ada"), ("s2", "ada"), ("s3", "bob")] {
            sessions.remember(id(session), living(user), sessions.epoch());
        }
        sessions.forget_person(&"ada".parse().unwrap());
        assert_eq!(sessions.find(&id("s1"), at(0)), None);
        assert_eq!(sessions.find(&id("s2"), at(0)), None);
        assert_eq!(sessions.find(&id("s3"), at(0)), Some(living("bob")));
        sessions.forget();
        assert_eq!(sessions.find(&id("s3"), at(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let sessions = LivingSessions::default();
        for n in 0..SHARDS * ROOM * 2 {
            sessions.remember(id(&format!("s{n}")), living("ada"), sessions.epoch());
        }
        assert!(sessions.shards.iter().all(|shard| LivingSessions::lock(shard).len() <= ROOM));
    }
}
