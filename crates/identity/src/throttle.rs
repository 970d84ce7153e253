//! A bound on guessing, and on making accounts: so many attempts within a few minutes, then a pause.
//!
//! What must hold together: nobody guesses quickly, and nobody is locked out of the own account by a guesser.
//!
//! * A stranger has fifteen attempts for an account from one address ([`Budget::PAIR`]) and thirty from one network
//!   ([`Budget::NEIGHBOURS`]), all strangers together a hundred ([`Budget::ACCOUNT`]), and one network a hundred for all
//!   accounts ([`Budget::NETWORK`]).
//! * A device that signed in to the account before proves it with a mark that only we can make, and has fifteen
//!   attempts of its own ([`Budget::DEVICE`]). What strangers do, wherever they are, does not count against it.
//! * A network from which the account was made or signed in to lately does not share the hundred of all strangers.
//! * A recovery code has eighty random bits, so ten tries ([`Budget::RECOVERY`]) are a bound on work, apart from the
//!   tries that a guesser of six digits uses up.
//!
//! An attempt counts from before the password is looked at, so parallel guesses cannot slip past the bound. All of
//! it goes by the address as typed: whether there is such an account changes nothing. Counts are in memory, so
//! several processes on one database allow as many times as much.

use std::{
    cmp::Ordering,
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Email, Network, Timestamp, UserId};
use vault::DeviceMark;

/// So many attempts within so long.
#[derive(Debug, Clone, Copy)]
struct Budget {
    most: usize,
    window: Duration,
}

impl Budget {
    /// Open WebUI's numbers.
    const PAIR: Self = Self { most: 15, window: Duration::from_mins(3) };
    const DEVICE: Self = Self::PAIR;
    /// Twice as many, so that one guesser leaves something to the owner next door.
    const NEIGHBOURS: Self = Self { most: 30, window: Duration::from_mins(3) };
    /// Two thousand an hour, which is no way to find a password that withstood the check for weak ones.
    const ACCOUNT: Self = Self { most: 100, window: Duration::from_mins(3) };
    const NETWORK: Self = Self { most: 100, window: Duration::from_mins(3) };
    const RECOVERY: Self = Self { most: 10, window: Duration::from_mins(15) };
    /// A class of pupils behind one address signs up in one lesson.
    const SIGN_UP: Self = Self { most: 100, window: Duration::from_mins(10) };
}

/// Counters that are remembered. An attempt costs its sender a place in our hashing queue, so an honest server never
/// comes near; beyond it those with the oldest attempts are forgotten.
const ROOM: usize = 20_000;
/// How long a network stays known to an account after a sign-in.
const KNOWN_FOR: Duration = Duration::from_hours(24 * 30);

/// Remembers recent attempts that did not succeed.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    counts: HashMap<Counter, VecDeque<Timestamp>>,
    /// From where accounts were signed in to, and when last.
    known: HashMap<(Email, Network), Timestamp>,
}

/// What attempts are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counter {
    /// `None` for whatever is no address; nobody can be locked out by sharing it.
    Pair(Option<Email>, Host),
    Neighbours(Email, Network),
    Device(Email, DeviceMark),
    Account(Email),
    Network(Network),
    SignUp(Network),
    Recovery(UserId),
}

impl Counter {
    const fn budget(&self) -> Budget {
        match self {
            Self::Pair(..) => Budget::PAIR,
            Self::Neighbours(..) => Budget::NEIGHBOURS,
            Self::Device(..) => Budget::DEVICE,
            Self::Account(_) => Budget::ACCOUNT,
            Self::Network(_) => Budget::NETWORK,
            Self::SignUp(_) => Budget::SIGN_UP,
            Self::Recovery(_) => Budget::RECOVERY,
        }
    }
}

/// One machine or one household: an IPv4 address or an IPv6 /64, within which everybody picks addresses at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Host {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Host {
    const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// Who tries to sign in, as far as can be told before the password is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    email: Option<Email>,
    host: Host,
    network: Network,
    device: Option<DeviceMark>,
}

impl Try {
    /// `device` is the mark of a device that signed in to this very account before.
    pub(crate) fn new(email: Option<Email>, client: IpAddr, device: Option<DeviceMark>) -> Self {
        Self { email, host: Host::of(client), network: Network::of_subscriber(client), device }
    }
}

/// An attempt that was let through. It counts as failed unless it is [forgiven](Throttle::forgive).
#[derive(Debug)]
pub(crate) struct Attempt {
    counted: Vec<Counter>,
    at: Timestamp,
}

impl Throttle {
    /// Counts an attempt to sign in, or says how long to wait before the next one.
    pub(crate) fn admit(&self, who: &Try, now: Timestamp) -> Result<Attempt, Duration> {
        let mut memory = self.memory();
        let counted = memory.counters(who, now);
        memory.count(&counted, now)?;
        Ok(Attempt { counted, at: now })
    }

    /// How long to wait, if an attempt would not be let through now. It counts nothing: ask it before queueing for
    /// what [`Throttle::admit`] is asked for.
    pub(crate) fn pause(&self, who: &Try, now: Timestamp) -> Result<(), Duration> {
        let mut memory = self.memory();
        let counters = memory.counters(who, now);
        counters.iter().try_for_each(|counter| memory.wait(counter, now).map_or(Ok(()), Err))
    }

    /// Counts somebody who asks for an account.
    pub(crate) fn admit_sign_up(&self, client: IpAddr, now: Timestamp) -> Result<(), Duration> {
        self.memory().count(&[Counter::SignUp(Network::of_subscriber(client))], now)
    }

    /// Counts a try to use a recovery code, before it is looked at.
    pub(crate) fn admit_recovery(&self, account: &UserId, now: Timestamp) -> Result<(), Duration> {
        self.memory().count(&[Counter::Recovery(account.clone())], now)
    }

    /// A recovery code was right: its owner is there.
    pub(crate) fn forgive_recovery(&self, account: &UserId) {
        self.memory().counts.remove(&Counter::Recovery(account.clone()));
    }

    /// The account was made from there, or its owner got in: the network is known to it from now on.
    pub(crate) fn remember(&self, email: &Email, client: IpAddr, now: Timestamp) {
        self.memory().remember(email.clone(), Network::of_subscriber(client), now);
    }

    /// The attempt was the owner's: what was counted against this address or device is forgotten.
    pub(crate) fn forgive(&self, attempt: Attempt) {
        let Attempt { counted, at } = attempt;
        let mut memory = self.memory();
        for counter in counted {
            match counter {
                Counter::Pair(..) | Counter::Device(..) => drop(memory.counts.remove(&counter)),
                // Others count here, too.
                _ => memory.uncount(&counter, at),
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing in here can panic half-way through a change, so a poisoned map is still a true one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn counters(&self, who: &Try, now: Timestamp) -> Vec<Counter> {
        let Try { email, host, network, device } = who;
        let (host, network) = (*host, *network);
        let Some(email) = email.clone() else {
            return vec![Counter::Pair(None, host), Counter::Network(network)];
        };
        if let Some(device) = device {
            return vec![Counter::Device(email, *device)];
        }
        let known = self.known.get(&(email.clone(), network));
        let is_known = known.is_some_and(|at| now.since(*at) < KNOWN_FOR);
        let mut counters = vec![
            Counter::Pair(Some(email.clone()), host),
            Counter::Neighbours(email.clone(), network),
            Counter::Network(network),
        ];
        if !is_known {
            counters.push(Counter::Account(email));
        }
        counters
    }

    /// Counts in all of them or, if one is used up, in none.
    fn count(&mut self, counters: &[Counter], now: Timestamp) -> Result<(), Duration> {
        let waits: Vec<_> = counters.iter().filter_map(|counter| self.wait(counter, now)).collect();
        if let Some(longest) = waits.into_iter().max() {
            return Err(longest);
        }
        for counter in counters {
            if self.counts.len() >= ROOM && !self.counts.contains_key(counter) {
                make_room(&mut self.counts, now);
            }
            self.counts.entry(counter.clone()).or_default().push_back(now);
        }
        Ok(())
    }

    /// How long until there is something left of the counter's budget; `None` when there is.
    fn wait(&mut self, counter: &Counter, now: Timestamp) -> Option<Duration> {
        let Budget { most, window } = counter.budget();
        let attempts = self.counts.get_mut(counter)?;
        while attempts.front().is_some_and(|at| now.since(*at) >= window) {
            attempts.pop_front();
        }
        let oldest = attempts.front()?;
        (attempts.len() >= most).then(|| window.saturating_sub(now.since(*oldest)))
    }

    fn uncount(&mut self, counter: &Counter, at: Timestamp) {
        let Some(attempts) = self.counts.get_mut(counter) else { return };
        if let Some(position) = attempts.iter().rposition(|counted| *counted == at) {
            attempts.remove(position);
        }
    }

    fn remember(&mut self, email: Email, network: Network, now: Timestamp) {
        let pair = (email, network);
        if self.known.len() >= ROOM && !self.known.contains_key(&pair) {
            let oldest = self.known.iter().min_by_key(|(_, at)| **at).map(|(pair, _)| pair.clone());
            oldest.map(|pair| self.known.remove(&pair));
        }
        self.known.insert(pair, now);
    }
}

/// Forgets what does not count any more and, when that is not enough, the counters with the oldest attempts: a few at
/// a time, so that looking for them is rare.
fn make_room(counts: &mut HashMap<Counter, VecDeque<Timestamp>>, now: Timestamp) {
    counts.retain(|counter, attempts| {
        attempts.back().is_some_and(|at| now.since(*at) < counter.budget().window)
    });
    if counts.len() < ROOM {
        return;
    }
    let mut latest: Vec<_> = counts.values().filter_map(|attempts| attempts.back().copied()).collect();
    let (older, oldest, _) = latest.select_nth_unstable(ROOM / 100);
    let oldest = *oldest;
    // Of those that are exactly as old, as many as are missing.
    let mut missing = ROOM / 100 - older.iter().filter(|at| **at < oldest).count();
    counts.retain(|_, attempts| match attempts.back().map(|at| at.cmp(&oldest)) {
        Some(Ordering::Equal) if missing > 0 => {
            missing -= 1;
            false
        }
        Some(Ordering::Greater | Ordering::Equal) => true,
        Some(Ordering::Less) | None => false,
    });
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

    fn from(email: Option<Email>, client: &str) -> Try {
        Try::new(email, client.parse().unwrap(), None)
    }

    fn tries(throttle: &Throttle, client: &str, now: i64) -> Result<Attempt, Duration> {
        throttle.admit(&from(ada(), client), at(now))
    }

    #[test]
    fn the_sixteenth_attempt_within_three_minutes_waits_for_the_first_to_be_forgotten() {
        let throttle = Throttle::default();
        for second in 0..15 {
            assert!(tries(&throttle, "192.0.2.1", second).is_ok());
        }
        assert_eq!(tries(&throttle, "192.0.2.1", 15).unwrap_err(), Duration::from_secs(165));
        assert_eq!(tries(&throttle, "192.0.2.1", 179).unwrap_err(), Duration::from_secs(1));
        assert_eq!(throttle.pause(&from(ada(), "192.0.2.1"), at(179)), Err(Duration::from_secs(1)));
        assert!(tries(&throttle, "192.0.2.1", 180).is_ok());
        assert!(tries(&throttle, "192.0.2.1", 180).is_err());
    }

    #[test]
    fn one_household_has_fifteen_attempts_and_neither_a_neighbour_nor_the_owner_elsewhere_is_locked_out() {
        let throttle = Throttle::default();
        for last in 0..15 {
            assert!(tries(&throttle, "192.0.2.7", 0).is_ok());
            assert!(tries(&throttle, &format!("2001:db8:0:1:{last:x}::1"), 0).is_ok());
        }
        for attacker in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:0:1::"] {
            assert!(tries(&throttle, attacker, 0).is_err(), "{attacker}");
        }
        for owner in ["192.0.2.8", "192.0.3.1", "2001:db8:0:2::1"] {
            assert!(tries(&throttle, owner, 0).is_ok(), "{owner}");
        }
        let bob = from(Email::parse("bob@example.com").ok(), "192.0.2.1");
        assert!(throttle.admit(&bob, at(0)).is_ok());
    }

    /// Uses up what all strangers together have for Ada's account.
    fn a_hundred_strangers(throttle: &Throttle) {
        for n in 0..100 {
            assert!(tries(throttle, &format!("203.0.{n}.1"), 0).is_ok(), "{n}");
        }
        assert!(tries(throttle, "203.0.200.1", 0).is_err());
    }

    #[test]
    fn strangers_everywhere_slow_each_other_and_not_a_known_device_nor_a_known_network() {
        let throttle = Throttle::default();
        throttle.remember(&ada().unwrap(), "192.0.2.1".parse().unwrap(), at(-1000));
        a_hundred_strangers(&throttle);
        assert!(tries(&throttle, "192.0.2.77", 0).is_ok(), "she signed in from here before");

        let mark = DeviceMark::from([7; 16]);
        let device = Try::new(ada(), "203.0.200.1".parse().unwrap(), Some(mark));
        for _ in 0..15 {
            assert!(throttle.admit(&device, at(0)).is_ok());
        }
        assert!(throttle.admit(&device, at(0)).is_err(), "whoever stole the device guesses no faster");
        assert!(tries(&throttle, "203.0.200.1", 180).is_ok(), "strangers may try again later");
    }

    #[test]
    fn one_network_may_not_try_every_account_and_those_that_succeed_do_not_count() {
        let throttle = Throttle::default();
        let pupil = |n: usize| from(Email::parse(&format!("p{n}@example.com")).ok(), "192.0.2.1");
        for n in 0..1000 {
            throttle.forgive(throttle.admit(&pupil(n), at(0)).unwrap());
        }
        for n in 0..100 {
            assert!(throttle.admit(&pupil(2000 + n), at(0)).is_ok());
        }
        assert_eq!(throttle.admit(&pupil(3000), at(60)).unwrap_err(), Duration::from_mins(2));
    }

    #[test]
    fn where_an_account_was_made_its_owner_is_no_stranger() {
        let throttle = Throttle::default();
        throttle.remember(&ada().unwrap(), "198.51.100.7".parse().unwrap(), at(-1000));
        a_hundred_strangers(&throttle);
        assert!(tries(&throttle, "198.51.100.7", 0).is_ok());
        assert!(tries(&throttle, "198.51.101.7", 0).is_err());
    }

    #[test]
    fn ten_recovery_codes_may_be_tried_and_a_right_one_clears_the_count() {
        let (throttle, account) = (Throttle::default(), "ada".parse().unwrap());
        for _ in 0..10 {
            assert!(throttle.admit_recovery(&account, at(0)).is_ok());
        }
        assert_eq!(throttle.admit_recovery(&account, at(60)).unwrap_err(), Duration::from_mins(14));
        assert!(throttle.admit_recovery(&"bob".parse().unwrap(), at(60)).is_ok());
        throttle.forgive_recovery(&account);
        assert!(throttle.admit_recovery(&account, at(60)).is_ok());
    }

    #[test]
    fn who_has_many_addresses_in_one_network_has_thirty_attempts() {
        let throttle = Throttle::default();
        let admitted = (0..250).filter(|n| tries(&throttle, &format!("192.0.2.{n}"), 0).is_ok()).count();
        assert_eq!(admitted, 30);
    }

    #[test]
    fn one_network_has_a_hundred_attempts_however_many_addresses_it_uses() {
        let throttle = Throttle::default();
        for n in 0..100 {
            let somebody =
                from(Email::parse(&format!("p{}@example.com", n % 9)).ok(), &format!("192.0.2.{n}"));
            assert!(throttle.admit(&somebody, at(0)).is_ok(), "{n}");
        }
        assert!(tries(&throttle, "192.0.2.200", 0).is_err());
    }

    #[test]
    fn a_refused_attempt_counts_nowhere() {
        let throttle = Throttle::default();
        for _ in 0..200 {
            drop(tries(&throttle, "192.0.2.1", 0));
        }
        // Fifteen of the hundred are used up, whatever else was refused.
        for n in 0..85 {
            assert!(tries(&throttle, &format!("203.0.{n}.1"), 0).is_ok(), "{n}");
        }
        assert!(tries(&throttle, "203.0.200.1", 0).is_err());
    }

    #[test]
    fn sign_ups_are_counted_by_network_alone() {
        let throttle = Throttle::default();
        let (here, there) = ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
        for _ in 0..100 {
            assert!(throttle.admit_sign_up(here, at(0)).is_ok());
        }
        assert_eq!(throttle.admit_sign_up(here, at(0)).unwrap_err(), Duration::from_mins(10));
        assert!(throttle.admit_sign_up(there, at(0)).is_ok());
        assert!(tries(&throttle, "192.0.2.1", 0).is_ok());
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
                (0..500).map(|_| scope.spawn(|| tries(&throttle, "192.0.2.1", 0).is_ok())).collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).filter(|is_admitted| *is_admitted).count()
        });
        assert_eq!(admitted, Budget::PAIR.most);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_counter_gives_way() {
        let throttle = Throttle::default();
        let stranger = |n: usize| {
            let client = IpAddr::from([10, u8::try_from(n >> 8).unwrap(), u8::try_from(n & 255).unwrap(), 1]);
            Try::new(Email::parse(&format!("p{n}@example.com")).ok(), client, None)
        };
        for _ in 0..Budget::PAIR.most {
            throttle.admit(&from(ada(), "192.0.2.1"), at(1)).unwrap();
        }
        let first = throttle.admit(&stranger(0), at(0)).unwrap();
        for n in 1..=ROOM {
            throttle.admit(&stranger(n), at(2)).unwrap();
        }
        let memory = throttle.memory();
        assert!(memory.counts.len() <= ROOM);
        assert!(first.counted.iter().all(|counter| !memory.counts.contains_key(counter)));
    }
}
