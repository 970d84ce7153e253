//! Password hashes: argon2id, off the async threads, with a bound on the memory in use.
//!
//! It does not know accounts, and keeps the bytes of a password as they were typed.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use kernel::{Secret, World};
use tokio::sync::Semaphore;

/// OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for at most (argon2-cffi's defaults are 64 MiB, 3 passes, 4 lanes), so that an
/// imported row cannot exhaust the machine.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 8;
const LONGEST: usize = 1024;

/// Hashes and checks passwords, a bounded number at a time. Cheap to clone; clones share the bound.
#[derive(Debug, Clone)]
pub struct Passwords {
    gate: Arc<Semaphore>,
}

/// What can be wrong with a password or its hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("the password must not be empty")]
    Empty,
    /// More than argon2 should be made to read.
    #[error("the password must have at most 1024 bytes")]
    TooLong,
    /// The stored text is no argon2id hash, or asks for more than we grant.
    #[error("the stored password hash cannot be read. Set a new password for this account.")]
    Damaged,
    /// Out of memory, or the process is shutting down.
    #[error("the password could not be checked. Try again.")]
    Failed,
}

impl Passwords {
    /// At most `at_once` hashes are computed together, each with 19 MiB; further callers wait.
    pub fn new(at_once: usize) -> Self {
        Self { gate: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// The hash to store, in PHC string format.
    pub async fn hash(&self, password: Secret<String>, world: &World) -> Result<String, PasswordError> {
        check_length(&password)?;
        let salt = world.bytes::<16>();
        self.work(move || {
            let hash = hasher().hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|_| PasswordError::Failed)
        })
        .await
    }

    /// Whether the password is the one that was hashed. `stored` is `None` when there is no such account or
    /// it has no password: the answer is then `false` after the same work, so that time does not tell who
    /// has an account.
    pub async fn verify(
        &self,
        stored: Option<String>,
        password: Secret<String>,
    ) -> Result<bool, PasswordError> {
        check_length(&password)?;
        self.work(move || {
            let password = password.expose().as_bytes();
            match stored {
                Some(stored) => matches(&stored, password),
                None => match hasher().hash_password_with_salt(password, b"no such account.") {
                    Ok(_) => Ok(false),
                    Err(_) => Err(PasswordError::Failed),
                },
            }
        })
        .await
    }

    /// Runs on the blocking pool: half a second of computing would stall every other request of an async
    /// thread. The permit travels with the work, so the bound holds even when the caller goes away.
    async fn work<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = Arc::clone(&self.gate).acquire_owned().await.map_err(|_| PasswordError::Failed)?;
        let computed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            task()
        });
        computed.await.map_err(|_| PasswordError::Failed)?
    }
}

fn check_length(password: &Secret<String>) -> Result<(), PasswordError> {
    match password.expose().len() {
        0 => Err(PasswordError::Empty),
        1..=LONGEST => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("these parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn matches(stored: &str, password: &[u8]) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(stored).map_err(|_| PasswordError::Damaged)?;
    let params = Params::try_from(&hash).map_err(|_| PasswordError::Damaged)?;
    let is_modest =
        params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.hash.is_none() || !is_modest {
        return Err(PasswordError::Damaged);
    }
    match hasher().verify_password(password, &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::world;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        run(async {
            let passwords = Passwords::new(2);
            let world = world(3);
            let hash = passwords.hash("correct horse".into(), &world).await.unwrap();
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
            assert_ne!(passwords.hash("correct horse".into(), &world).await.unwrap(), hash);
            assert_eq!(passwords.verify(Some(hash.clone()), "correct horse".into()).await, Ok(true));
            assert_eq!(passwords.verify(Some(hash), "Correct horse".into()).await, Ok(false));
        });
    }

    #[test]
    fn a_hash_made_by_another_program_verifies() {
        // The reference implementation's test vector: argon2 -id -v 13 -t 2 -k 256 -p 1, salt "somesalt".
        const REFERENCE: &str =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let verify = |password: &'static str| {
            run(Passwords::new(1).verify(Some(REFERENCE.to_owned()), password.into()))
        };
        assert_eq!(verify("password"), Ok(true));
        assert_eq!(verify("passwore"), Ok(false));
    }

    #[test]
    fn nobody_has_no_password_not_even_the_one_of_the_filler() {
        assert_eq!(run(Passwords::new(1).verify(None, "anything".into())), Ok(false));
    }

    #[test]
    fn a_stored_hash_that_asks_for_too_much_or_is_no_argon2id_is_refused_before_any_work() {
        for stored in [
            "",
            "plain text",
            "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=4000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        ] {
            let verdict = run(Passwords::new(1).verify(Some(stored.to_owned()), "password".into()));
            assert_eq!(verdict, Err(PasswordError::Damaged), "{stored}");
        }
    }

    #[test]
    fn empty_and_endless_passwords_are_refused_and_1024_bytes_are_not() {
        run(async {
            let passwords = Passwords::new(1);
            assert_eq!(passwords.verify(None, "".into()).await, Err(PasswordError::Empty));
            assert_eq!(passwords.hash("x".repeat(1025).into(), &world(1)).await, Err(PasswordError::TooLong));
            assert!(passwords.hash("x".repeat(1024).into(), &world(1)).await.is_ok());
        });
    }

    #[test]
    fn a_caller_that_goes_away_does_not_lift_the_bound_while_its_work_still_runs() {
        run(async {
            let passwords = Passwords::new(1);
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let abandoned = passwords.work(move || wait.recv().map_err(|_| PasswordError::Failed));
            assert!(tokio::time::timeout(std::time::Duration::ZERO, abandoned).await.is_err());
            assert_eq!(passwords.gate.available_permits(), 0);
            release.send(()).unwrap();
            assert_eq!(passwords.verify(None, "next".into()).await, Ok(false));
        });
    }
}
