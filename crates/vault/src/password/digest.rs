//! The two kinds of password digests: how each is made, checked and judged. Blocking, and bounded by nobody here.

use std::{cmp::Ordering, hint::black_box, str::FromStr};

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bcrypt::HashParts;

use super::{HashAlgorithm, PasswordError};
use crate::constant_time_eq;

/// OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored argon2id digest may ask for at most (argon2-cffi's defaults are 64 MiB, 3 passes, 4 lanes), so
/// that an imported row cannot exhaust the machine.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 8;
/// Open WebUI's cost of bcrypt.
const BCRYPT_COST: u32 = 12;
/// The cost that an imported bcrypt digest may have at most: two seconds of one core.
const MOST_BCRYPT_COST: u32 = 15;
/// What bcrypt looks at. The rest of a longer password would count for nothing.
pub(super) const BCRYPT_BYTES: usize = 72;

/// A stored digest that was read and asks for nothing unreasonable.
pub(super) enum Digest<'a> {
    Argon2id {
        params: Params,
        version: Version,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// The text itself, and its cost.
    Bcrypt(&'a str, u32),
}

impl<'a> Digest<'a> {
    /// Reads a digest in PHC format or in bcrypt's (`$2a$`, `$2b$`, `$2y$`).
    pub(super) fn read(stored: &'a str) -> Result<Self, PasswordError> {
        if stored.starts_with("$2") {
            return Self::read_bcrypt(stored);
        }
        let read = PasswordHash::new(stored).map_err(|_| PasswordError::Damaged)?;
        let params = Params::try_from(&read).map_err(|_| PasswordError::Damaged)?;
        let version = read.version.map_or(Ok(Version::default()), Version::try_from);
        let is_modest = params.m_cost() <= MOST_MEMORY_KIB
            && params.t_cost() <= MOST_PASSES
            && params.p_cost() <= MOST_LANES;
        let (Ok(version), Some(salt), Some(hash), true) = (version, read.salt, read.hash, is_modest) else {
            return Err(PasswordError::Damaged);
        };
        if read.algorithm.as_str() != Algorithm::Argon2id.as_str() {
            return Err(PasswordError::Damaged);
        }
        let (salt, hash) = (salt.as_ref().to_vec(), hash.as_bytes().to_vec());
        Ok(Self::Argon2id { params, version, salt, hash })
    }

    /// `$2x$` marks digests of a faulty implementation, which we do not imitate.
    fn read_bcrypt(stored: &'a str) -> Result<Self, PasswordError> {
        let parts = HashParts::from_str(stored).map_err(|_| PasswordError::Damaged)?;
        let is_known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix));
        let cost = parts.get_cost();
        if !is_known || !(4..=MOST_BCRYPT_COST).contains(&cost) {
            return Err(PasswordError::Damaged);
        }
        Ok(Self::Bcrypt(stored, cost))
    }

    /// Whether the password is the one that was hashed.
    pub(super) fn is_of(&self, password: &[u8], room: &mut Vec<Block>) -> Result<bool, PasswordError> {
        match self {
            Self::Argon2id { params, version, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                let hasher = Argon2::new(Algorithm::Argon2id, *version, params.clone());
                let done = if params.block_count() == room.len() {
                    hasher.hash_password_into_with_memory(password, salt, &mut computed, room)
                } else {
                    // From elsewhere, with other parameters: once, until its owner signs in.
                    hasher.hash_password_into(password, salt, &mut computed)
                };
                done.map_err(|_| PasswordError::Damaged)?;
                Ok(constant_time_eq(&computed, hash))
            }
            // Cut at 72 bytes as bcrypt itself does: a longer one was stored so elsewhere.
            Self::Bcrypt(stored, _) => bcrypt::verify(password, stored).map_err(|_| PasswordError::Damaged),
        }
    }

    /// Whether a digest made now would be a better one. Nothing is made weaker: argon2id stays where the operator
    /// chose bcrypt for new passwords.
    pub(super) fn is_outdated(&self, wanted: HashAlgorithm) -> bool {
        match self {
            Self::Argon2id { params, .. } => {
                (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
            }
            Self::Bcrypt(_, cost) => wanted == HashAlgorithm::Argon2id || *cost < BCRYPT_COST,
        }
    }

    /// What is left to do after a wrong password, so that all wrong passwords take the same time: see
    /// [`super::Passwords::verify`].
    pub(super) fn fill_up(&self, costliest_bcrypt: Option<u32>, password: &[u8], room: &mut Vec<Block>) {
        match self {
            Self::Argon2id { .. } => waste_bcrypt(0, costliest_bcrypt, password),
            Self::Bcrypt(_, cost) => {
                waste_argon2id(password, room);
                waste_bcrypt(*cost, costliest_bcrypt, password);
            }
        }
    }
}

/// The memory that one argon2id of ours fills.
pub(super) fn room() -> Vec<Block> {
    vec![Block::new(); parameters().block_count()]
}

/// A digest of the password. Bcrypt refuses what it would cut.
pub(super) fn make(
    password: &[u8],
    salt: &[u8; 16],
    algorithm: HashAlgorithm,
    room: &mut Vec<Block>,
) -> Result<String, PasswordError> {
    match algorithm {
        HashAlgorithm::Argon2id => {
            let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
            hasher()
                .hash_password_into_with_memory(password, salt, &mut hash, room)
                .map_err(|_| PasswordError::Failed)?;
            let [salt, hash] = [STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)];
            Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
        }
        HashAlgorithm::Bcrypt => {
            let parts =
                bcrypt::hash_with_salt(password, BCRYPT_COST, *salt).map_err(|_| PasswordError::Failed)?;
            Ok(parts.to_string())
        }
    }
}

/// The work of a wrong password where there is no digest at all.
pub(super) fn waste(costliest_bcrypt: Option<u32>, password: &[u8], room: &mut Vec<Block>) {
    waste_argon2id(password, room);
    waste_bcrypt(0, costliest_bcrypt, password);
}

fn waste_argon2id(password: &[u8], room: &mut Vec<Block>) {
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    // Only the time matters; what fails here fails for everybody.
    let done = hasher().hash_password_into_with_memory(password, b"no such account.", &mut hash, room);
    black_box(done.is_ok());
}

/// The work that a digest of cost `done` leaves of one of the greatest cost. Each step of the cost doubles the work,
/// so after one of cost `c` come those of `c`, `c + 1` … below the greatest: together exactly the same.
fn waste_bcrypt(done: u32, costliest: Option<u32>, password: &[u8]) {
    let Some(costliest) = costliest.map(|cost| cost.min(MOST_BCRYPT_COST)) else { return };
    let costs = match done.cmp(&0) {
        Ordering::Equal => costliest..costliest + 1,
        _ => done..costliest,
    };
    for cost in costs {
        black_box(bcrypt::hash_with_salt(password, cost, *b"no such account.").is_ok());
    }
}

fn parameters() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("these parameters are in range")
}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters())
}
