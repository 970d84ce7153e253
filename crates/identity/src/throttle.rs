//! A bound on guessing passwords: so many failures per address and client network, then a pause.
//!
//! Failures count per *pair*, so a stranger elsewhere cannot lock anybody out of the own account. An attempt
//! counts from before the password is looked at, so parallel guesses cannot slip past the bound.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Email, Timestamp};

/// Open WebUI's numbers: fifteen within three minutes.
const MOST: usize = 15;
const WINDOW: Duration = Duration::from_mins(3);
/// Pairs that are remembered. An attempt costs its sender 19 MiB of our hashing queue, so an honest server
/// never comes near; beyond it the pair with the oldest attempt is forgotten.
const ROOM: usize = 20_000;

/// Remembers recent attempts that did not succeed.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Pair, VecDeque<Timestamp>>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pair {
    /// `None` for whatever is no address; nobody can be locked out by sharing it.
    email: Option<Email>,
    network: Network,
}

/// What one subscriber usually holds: an IPv4 /24 or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u16; 4]),
}

impl Network {
    const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// An attempt that was let through. It counts as failed unless it is [forgiven](Throttle::forgive).
#[derive(Debug)]
pub(crate) struct Attempt(Pair);

impl Throttle {
    /// Counts an attempt, or says how long to wait before the next one.
    pub(crate) fn admit(
        &self,
        email: Option<Email>,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Duration> {
        let pair = Pair { email, network: Network::of(client) };
        let mut pairs = self.pairs();
        if pairs.len() >= ROOM && !pairs.contains_key(&pair) {
            make_room(&mut pairs, now);
        }
        let attempts = pairs.entry(pair.clone()).or_default();
        while attempts.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            attempts.pop_front();
        }
        match attempts.front() {
            Some(oldest) if attempts.len() >= MOST => Err(WINDOW.saturating_sub(now.since(*oldest))),
            _ => {
                attempts.push_back(now);
                Ok(Attempt(pair))
            }
        }
    }

    /// The attempt was the owner's: what was counted against this pair is forgotten.
    pub(crate) fn forgive(&self, Attempt(pair): Attempt) {
        self.pairs().remove(&pair);
    }

    fn pairs(&self) -> MutexGuard<'_, HashMap<Pair, VecDeque<Timestamp>>> {
        // Nothing in here can panic half-way through a change, so a poisoned map is still a true one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(pairs: &mut HashMap<Pair, VecDeque<Timestamp>>, now: Timestamp) {
    pairs.retain(|_, attempts| attempts.back().is_some_and(|at| now.since(*at) < WINDOW));
    if pairs.len() < ROOM {
        return;
    }
    let oldest = pairs.iter().min_by_key(|(_, attempts)| attempts.back().copied());
    if let Some(pair) = oldest.map(|(pair, _)| pair.clone()) {
        pairs.remove(&pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn ada() -> Option<Email> {
        Email::parse("ada@example.com").ok()
    }

    fn tries(throttle: &Throttle, client: &str, now: i64) -> Result<Attempt, Duration> {
        throttle.admit(ada(), client.parse().unwrap(), at(now))
    }

    #[test]
    fn the_sixteenth_attempt_within_three_minutes_waits_for_the_first_to_be_forgotten() {
        let throttle = Throttle::default();
        for second in 0..15 {
            assert!(tries(&throttle, "192.0.2.1", second).is_ok());
        }
        assert_eq!(tries(&throttle, "192.0.2.1", 15).unwrap_err(), Duration::from_secs(165));
        assert_eq!(tries(&throttle, "192.0.2.1", 179).unwrap_err(), Duration::from_secs(1));
        assert!(tries(&throttle, "192.0.2.1", 180).is_ok());
        assert!(tries(&throttle, "192.0.2.1", 180).is_err());
    }

    #[test]
    fn neighbours_share_a_network_and_the_owner_elsewhere_is_not_locked_out() {
        let throttle = Throttle::default();
        for last in 0..15 {
            assert!(tries(&throttle, &format!("192.0.2.{last}"), 0).is_ok());
            assert!(tries(&throttle, &format!("2001:db8:0:1:{last:x}::1"), 0).is_ok());
        }
        for attacker in ["192.0.2.99", "::ffff:192.0.2.7", "2001:db8:0:1::"] {
            assert!(tries(&throttle, attacker, 0).is_err(), "{attacker}");
        }
        for owner in ["192.0.3.1", "2001:db8:0:2::1"] {
            assert!(tries(&throttle, owner, 0).is_ok(), "{owner}");
        }
        assert!(
            throttle.admit(Email::parse("bob@example.com").ok(), "192.0.2.1".parse().unwrap(), at(0)).is_ok()
        );
    }

    #[test]
    fn a_password_that_was_right_clears_the_count() {
        let throttle = Throttle::default();
        for _ in 0..14 {
            assert!(tries(&throttle, "192.0.2.1", 0).is_ok());
        }
        throttle.forgive(tries(&throttle, "192.0.2.1", 0).unwrap());
        assert!(tries(&throttle, "192.0.2.1", 0).is_ok());
    }

    #[test]
    fn parallel_guesses_get_no_more_than_the_bound() {
        let throttle = Throttle::default();
        let admitted = std::thread::scope(|scope| {
            let guesses: Vec<_> =
                (0..100).map(|_| scope.spawn(|| tries(&throttle, "192.0.2.1", 0).is_ok())).collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).filter(|is_admitted| *is_admitted).count()
        });
        assert_eq!(admitted, MOST);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_pair_gives_way() {
        let throttle = Throttle::default();
        let client = "192.0.2.1".parse().unwrap();
        let stranger = |n: usize| Email::parse(&format!("p{n}@example.com")).ok();
        for _ in 0..MOST {
            throttle.admit(ada(), client, at(1)).unwrap();
        }
        throttle.admit(stranger(0), client, at(0)).unwrap();
        for n in 1..=ROOM {
            throttle.admit(stranger(n), client, at(2)).unwrap();
        }
        assert_eq!(throttle.pairs().len(), ROOM);
        assert!(!throttle.pairs().contains_key(&Pair { email: stranger(0), network: Network::of(client) }));
    }
}
