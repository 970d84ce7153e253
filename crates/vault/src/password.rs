//! Password digests: argon2id and bcrypt, off the async threads, with a bound on the memory in use and on the wait.
//!
//! It does not know accounts, and keeps the bytes of a password as they were typed.

mod digest;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::Block;
use digest::Digest;
use kernel::{Secret, World};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const LONGEST: usize = 1024;
/// Callers that wait for a slot at most, beside those that have one.
const MOST_WAITING: usize = 2048;
/// How long one waits at most: a little less than programs and proxies do (half a minute or a whole one is usual), so
/// that people hear of it. A thousand who sign in at the same moment wait some ten seconds where four cores are theirs.
const PATIENCE: Duration = Duration::from_secs(25);

/// How new digests are made (`PASSWORD_HASH_ALGORITHM`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// 19 MiB, two passes, one lane.
    Argon2id,
    /// Cost 12; takes at most 72 bytes.
    Bcrypt,
}

/// Makes and checks digests of passwords, a bounded number at a time. Cheap to clone; clones share the bound.
#[derive(Debug, Clone)]
pub struct Passwords {
    gate: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    rooms: Arc<Rooms>,
}

/// The memory that argon2id fills, used again and again. Given back to the allocator each time, it would stay behind
/// in the arena of each thread that ever computed a digest: a gigabyte after some hundred sign-ins.
#[derive(Default)]
struct Rooms(Mutex<Vec<Vec<Block>>>);

impl Rooms {
    fn take(&self) -> Vec<Block> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(digest::room)
    }

    /// There are never more than slots: who has none has no room either.
    fn give_back(&self, room: Vec<Block>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooms")
    }
}

/// The right to compute one digest now. Everybody else waits until it is used or dropped.
#[derive(Debug)]
pub struct HashSlot {
    /// Given back to the gate when dropped.
    _permit: OwnedSemaphorePermit,
    rooms: Arc<Rooms>,
}

/// What is known about a password that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and a digest made now would be a better one than what is stored.
    RightButOutdated,
}

/// What can be wrong with a password or its digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("the password must not be empty")]
    Empty,
    /// More than we read.
    #[error("the password must have at most 1024 bytes")]
    TooLong,
    /// More than bcrypt reads; the rest would count for nothing.
    #[error("the password must have at most 72 bytes where PASSWORD_HASH_ALGORITHM is bcrypt")]
    TooLongForBcrypt,
    /// Bcrypt of other programs reads no further than a NUL.
    #[error("the password must not contain NUL where PASSWORD_HASH_ALGORITHM is bcrypt")]
    NulInBcrypt,
    /// The stored text is no digest that we read, or asks for more than we grant.
    #[error("the stored password hash cannot be read. Set a new password for this account.")]
    Damaged,
    /// Too many wait already, or it took too long.
    #[error("too many passwords are being checked. Try again in a moment.")]
    Busy,
    /// Out of memory, or the process is shutting down.
    #[error("the password could not be checked. Try again.")]
    Failed,
}

impl Passwords {
    /// At most `at_once` digests are computed together, each with 19 MiB; further callers wait.
    pub fn new(at_once: usize) -> Self {
        let gate = Arc::new(Semaphore::new(at_once.max(1)));
        Self { gate, waiting: Arc::default(), rooms: Arc::default() }
    }

    /// Waits for its turn; `Busy` when the queue is full or does not move. Whoever decides by what happened before
    /// (a bound on guessing) decides with the slot in hand, so that nobody who waits is let through twice.
    pub async fn slot(&self) -> Result<HashSlot, PasswordError> {
        if let Ok(permit) = Arc::clone(&self.gate).try_acquire_owned() {
            return Ok(self.slot_of(permit));
        }
        let Some(_waiting) = Waiting::join(&self.waiting) else { return Err(PasswordError::Busy) };
        match tokio::time::timeout(PATIENCE, Arc::clone(&self.gate).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(self.slot_of(permit)),
            Ok(Err(_)) => Err(PasswordError::Failed),
            Err(_) => Err(PasswordError::Busy),
        }
    }

    fn slot_of(&self, permit: OwnedSemaphorePermit) -> HashSlot {
        HashSlot { _permit: permit, rooms: self.rooms.clone() }
    }

    /// The digest to store, in PHC format or in bcrypt's. Waits for a slot.
    pub async fn hash(
        &self,
        password: Secret<String>,
        algorithm: HashAlgorithm,
        world: &World,
    ) -> Result<String, PasswordError> {
        check_length(&password)?;
        let slot = self.slot().await?;
        self.hash_now(slot, password, algorithm, world).await
    }

    /// The same with a slot that was waited for.
    pub async fn hash_now(
        &self,
        slot: HashSlot,
        password: Secret<String>,
        algorithm: HashAlgorithm,
        world: &World,
    ) -> Result<String, PasswordError> {
        check_length(&password)?;
        check_for(algorithm, &password)?;
        let salt = world.bytes::<16>();
        work(slot, move |room| digest::make(password.expose().as_bytes(), &salt, algorithm, room)).await
    }

    /// Whether the password is the one of the stored digest. `stored` is `None` when there is no such account or it
    /// has no password.
    ///
    /// A wrong password takes the same time in each case, so that time does not tell who has an account:
    /// `costliest_bcrypt` is the greatest cost among all stored bcrypt digests, if there is any, and what the stored
    /// digest did not take of one argon2id and one bcrypt of that cost is spent on nothing.
    pub async fn verify(
        &self,
        slot: HashSlot,
        stored: Option<String>,
        password: Secret<String>,
        wanted: HashAlgorithm,
        costliest_bcrypt: Option<u32>,
    ) -> Result<Verdict, PasswordError> {
        check_length(&password)?;
        work(slot, move |room| {
            let password = password.expose().as_bytes();
            let Some(stored) = stored else {
                digest::waste(costliest_bcrypt, password, room);
                return Ok(Verdict::Wrong);
            };
            let digest =
                Digest::read(&stored).inspect_err(|_| digest::waste(costliest_bcrypt, password, room))?;
            if !digest.is_of(password, room)? {
                digest.fill_up(costliest_bcrypt, password, room);
                return Ok(Verdict::Wrong);
            }
            Ok(if digest.is_outdated(wanted) { Verdict::RightButOutdated } else { Verdict::Right })
        })
        .await
    }

    /// Whether a text can be stored as a digest: argon2id in PHC format or bcrypt (`$2a$`, `$2b$`, `$2y$`), with
    /// parameters that we compute. Else `Damaged`.
    pub fn is_digest(text: &str) -> Result<(), PasswordError> {
        Digest::read(text).map(drop)
    }

    /// Whether a new password is one that the algorithm takes whole.
    pub fn check(password: &Secret<String>, algorithm: HashAlgorithm) -> Result<(), PasswordError> {
        check_length(password)?;
        check_for(algorithm, password)
    }
}

/// Runs on the blocking pool: half a second of computing would stall every other request of an async
/// thread. The slot travels with the work, so the bound holds even when the caller goes away.
async fn work<T: Send + 'static>(
    slot: HashSlot,
    task: impl FnOnce(&mut Vec<Block>) -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    let computed = tokio::task::spawn_blocking(move || {
        // The whole of it: by itself a closure would take along no more than the field that it names.
        let slot = slot;
        let mut room = slot.rooms.take();
        let outcome = task(&mut room);
        // Before the slot is free again, so that the next one finds it.
        slot.rooms.give_back(room);
        outcome
    });
    computed.await.map_err(|_| PasswordError::Failed)?
}

/// One place in the queue; given back when dropped, also when the caller goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(queue: &'a AtomicUsize) -> Option<Self> {
        let longer = |waiting: usize| (waiting < MOST_WAITING).then_some(waiting + 1);
        queue.fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer).ok().map(|_| Self(queue))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check_length(password: &Secret<String>) -> Result<(), PasswordError> {
    match password.expose().len() {
        0 => Err(PasswordError::Empty),
        1..=LONGEST => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

fn check_for(algorithm: HashAlgorithm, password: &Secret<String>) -> Result<(), PasswordError> {
    match algorithm {
        HashAlgorithm::Bcrypt if password.expose().len() > digest::BCRYPT_BYTES => {
            Err(PasswordError::TooLongForBcrypt)
        }
        HashAlgorithm::Bcrypt if password.expose().contains('\0') => Err(PasswordError::NulInBcrypt),
        HashAlgorithm::Argon2id | HashAlgorithm::Bcrypt => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::world;

    const ARGON2ID: HashAlgorithm = HashAlgorithm::Argon2id;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn verify(passwords: &Passwords, stored: Option<&str>, password: &str) -> Result<Verdict, PasswordError> {
        let (stored, password) = (stored.map(str::to_owned), Secret::from(password));
        run(async {
            let slot = passwords.slot().await?;
            passwords.verify(slot, stored, password, ARGON2ID, None).await
        })
    }

    fn hash(password: &str, algorithm: HashAlgorithm) -> Result<String, PasswordError> {
        run(Passwords::new(1).hash(password.into(), algorithm, &world(3)))
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new(2);
        let stored = hash("correct horse", ARGON2ID).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(run(passwords.hash("correct horse".into(), ARGON2ID, &world(4))).unwrap(), stored);
        assert_eq!(verify(&passwords, Some(&stored), "correct horse"), Ok(Verdict::Right));
        assert_eq!(verify(&passwords, Some(&stored), "Correct horse"), Ok(Verdict::Wrong));
    }

    #[test]
    fn a_hash_made_by_another_program_verifies_and_should_be_made_anew() {
        // The reference implementation's test vector: argon2 -id -v 13 -t 2 -k 256 -p 1, salt "somesalt".
        const REFERENCE: &str =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        // Test vectors of OpenBSD's bcrypt as jBCrypt and others publish them.
        const OPENBSD: [(&str, &str); 2] = [
            ("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc"),
            (
                "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO",
                "~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
            ),
        ];
        let passwords = Passwords::new(1);
        assert_eq!(verify(&passwords, Some(REFERENCE), "password"), Ok(Verdict::RightButOutdated));
        assert_eq!(verify(&passwords, Some(REFERENCE), "passwore"), Ok(Verdict::Wrong));
        for (digest, password) in OPENBSD {
            for prefix in ["$2a$", "$2b$", "$2y$"] {
                let digest = digest.replacen("$2a$", prefix, 1);
                assert_eq!(verify(&passwords, Some(&digest), password), Ok(Verdict::RightButOutdated));
                assert_eq!(verify(&passwords, Some(&digest), "password"), Ok(Verdict::Wrong));
            }
        }
    }

    #[test]
    fn bcrypt_is_made_where_it_is_chosen_and_refuses_what_it_would_cut() {
        let stored = hash(&"x".repeat(72), HashAlgorithm::Bcrypt).unwrap();
        assert!(stored.starts_with("$2b$12$") && Passwords::is_digest(&stored).is_ok(), "{stored}");
        assert_eq!(hash(&"x".repeat(73), HashAlgorithm::Bcrypt), Err(PasswordError::TooLongForBcrypt));
        // Bytes, not characters.
        assert_eq!(hash(&"ж".repeat(37), HashAlgorithm::Bcrypt), Err(PasswordError::TooLongForBcrypt));
        assert_eq!(hash("pass\0word", HashAlgorithm::Bcrypt), Err(PasswordError::NulInBcrypt));
        assert!(hash(&"x".repeat(73), ARGON2ID).is_ok());
    }

    #[test]
    fn nobody_has_no_password_not_even_the_one_of_the_filler() {
        assert_eq!(verify(&Passwords::new(1), None, "anything"), Ok(Verdict::Wrong));
    }

    #[test]
    fn a_stored_hash_that_asks_for_too_much_or_is_unknown_is_refused_before_any_work() {
        for stored in [
            "",
            "plain text",
            "$2x$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$2a$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$2a$03$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0",
            "$2a$06$жжf6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=4000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        ] {
            let verdict = verify(&Passwords::new(1), Some(stored), "password");
            assert_eq!(verdict, Err(PasswordError::Damaged), "{stored}");
            assert_eq!(Passwords::is_digest(stored), Err(PasswordError::Damaged), "{stored}");
        }
    }

    #[test]
    fn empty_and_endless_passwords_are_refused_and_1024_bytes_are_not() {
        assert_eq!(verify(&Passwords::new(1), None, ""), Err(PasswordError::Empty));
        assert_eq!(hash(&"x".repeat(1025), ARGON2ID), Err(PasswordError::TooLong));
        assert!(hash(&"x".repeat(1024), ARGON2ID).is_ok());
    }

    #[test]
    fn a_caller_that_goes_away_does_not_lift_the_bound_while_its_work_still_runs() {
        run(async {
            let passwords = Passwords::new(1);
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let slot = passwords.slot().await.unwrap();
            let abandoned = work(slot, move |_| wait.recv().map_err(|_| PasswordError::Failed));
            assert!(tokio::time::timeout(Duration::ZERO, abandoned).await.is_err());
            assert_eq!(passwords.gate.available_permits(), 0);
            release.send(()).unwrap();
            assert!(passwords.slot().await.is_ok());
        });
    }

    #[test]
    fn a_full_queue_is_said_at_once_and_who_goes_away_makes_room() {
        run(async {
            let passwords = Passwords::new(1);
            let _busy = passwords.slot().await.unwrap();
            passwords.waiting.store(MOST_WAITING - 1, Ordering::Relaxed);
            let last = tokio::time::timeout(Duration::ZERO, passwords.slot());
            assert!(last.await.is_err(), "there is room for one more, who waits");
            let gone = passwords.waiting.load(Ordering::Relaxed);
            assert_eq!(gone, MOST_WAITING - 1);
            passwords.waiting.store(MOST_WAITING, Ordering::Relaxed);
            assert_eq!(passwords.slot().await.unwrap_err(), PasswordError::Busy);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let passwords = Passwords::new(1);
        let _busy = passwords.slot().await.unwrap();
        assert_eq!(passwords.slot().await.unwrap_err(), PasswordError::Busy);
    }
}
