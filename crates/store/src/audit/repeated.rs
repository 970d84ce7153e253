//! Refusals of strangers, bounded: whoever has no account must not be able to fill the disk with records about it.
//!
//! Each source (a network, or a program by its key) has its refusals recorded one by one until it has used up its
//! allowance, which fills up again slowly. What comes beyond is counted, and once a minute one record tells how often it
//! happened, with the last of these requests as the example. Kinds of events are counted apart, so that none can be
//! hidden behind another. Everything is in memory and bounded; nothing waits here.
//!
//! Not counted here: what members do who are signed in, and failed sign-ins, of which the throttle lets only few through.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{
    ApiKeyId, KeyId, Network, PersonCredential, Role, Timestamp, UserId, Who,
    audit::{Entry, Event, Outcome},
};

/// So many at once, and one more each time this passes.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    most: u32,
    each: Duration,
}

impl Allowance {
    /// Of one source. A scan of every route is seen in full; who goes on for a day leaves 43,200 records.
    const SOURCE: Self = Self { most: 300, each: Duration::from_secs(2) };
    /// Of all sources together: five sources at full speed.
    const ALL: Self = Self { most: 3_000, each: Duration::from_millis(400) };
}

/// Sources that are told apart. What comes from more of them shares one allowance.
const MOST_SOURCES: usize = 4_096;
/// Sources that get a record of their own each minute. The others share one.
const MOST_TOLD: usize = 50;
/// How long is counted before it is told.
const COUNTED_FOR: Duration = Duration::from_mins(1);

/// Refusals of strangers in this process.
#[derive(Debug, Default)]
pub(crate) struct Repeated(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    all: Bucket,
    sources: HashMap<(Source, Event), Tally>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Network(Network),
    Program(KeyId),
    ApiKey(ApiKeyId),
    /// Somebody who waits for approval: where sign-up is open, that is anybody.
    Pending(UserId),
    /// More than can be told apart.
    Others,
}

impl Source {
    fn of(entry: &Entry) -> Option<Self> {
        match entry.caller.who() {
            Who::Anonymous => Some(Self::Network(Network::of_subscriber(entry.caller.request().address()?))),
            Who::Program(program) => Some(Self::Program(program.key.clone())),
            Who::Person(person) => match &person.credential {
                PersonCredential::ApiKey(key) => Some(Self::ApiKey(key.id.clone())),
                PersonCredential::Session(_) if person.role == Role::Pending => {
                    Some(Self::Pending(person.user.clone()))
                }
                PersonCredential::Session(_) => None,
            },
            Who::Master | Who::Operator => None,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Network(network) => network.to_string(),
            Self::Program(key) => key.to_string(),
            Self::ApiKey(key) => key.to_string(),
            Self::Pending(user) => user.to_string(),
            Self::Others => "others".to_owned(),
        }
    }
}

/// What is left of an allowance.
#[derive(Debug, Default)]
struct Bucket {
    used: u32,
    /// Until when it was filled up.
    filled: Option<Timestamp>,
}

impl Bucket {
    fn fill(&mut self, allowance: Allowance, now: Timestamp) {
        let filled = *self.filled.get_or_insert(now);
        let passed = now.since(filled).as_millis() / allowance.each.as_millis();
        let again = u32::try_from(passed).unwrap_or(u32::MAX);
        if again >= self.used {
            (self.used, self.filled) = (0, Some(now));
        } else {
            self.used -= again;
            self.filled = Some(filled.plus(allowance.each * again));
        }
    }

    fn has_room(&mut self, allowance: Allowance, now: Timestamp) -> bool {
        self.fill(allowance, now);
        self.used < allowance.most
    }
}

#[derive(Debug, Default)]
struct Tally {
    bucket: Bucket,
    untold: Option<Untold>,
}

/// Refusals that have no record yet.
#[derive(Debug)]
pub(super) struct Untold {
    count: u64,
    sources: u64,
    since: Timestamp,
    /// The last of them.
    last: Entry,
}

impl Untold {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sources += other.sources;
        self.since = self.since.min(other.since);
    }
}

impl Repeated {
    /// Whether this one is only to be counted: it is, from now on.
    pub(super) fn counts(&self, entry: &Entry, now: Timestamp) -> bool {
        if !is_bounded(entry) {
            return false;
        }
        let Some(source) = Source::of(entry) else { return false };
        let mut memory = self.memory();
        let is_crowded = memory.sources.len() >= MOST_SOURCES;
        let mut key = (source, entry.event);
        if is_crowded && !memory.sources.contains_key(&key) {
            key.0 = Source::Others;
        }
        let Memory { all, sources } = &mut *memory;
        let tally = sources.entry(key).or_default();
        if tally.bucket.has_room(Allowance::SOURCE, now) && all.has_room(Allowance::ALL, now) {
            tally.bucket.used += 1;
            all.used += 1;
            return false;
        }
        let one = Untold { count: 1, sources: 1, since: now, last: entry.clone() };
        match &mut tally.untold {
            Some(untold) => {
                untold.count += 1;
                untold.last = one.last;
            }
            none => *none = Some(one),
        }
        true
    }

    /// Takes what was counted for a minute, or all of it.
    pub(super) fn take(&self, which: Which, now: Timestamp) -> Vec<(Entry, Taken)> {
        let mut memory = self.memory();
        let is_due = |untold: &Untold| which == Which::All || now.since(untold.since) >= COUNTED_FOR;
        let mut taken: Vec<((Source, Event), Untold)> = Vec::new();
        for (key, tally) in &mut memory.sources {
            taken.extend(tally.untold.take_if(|untold| is_due(untold)).map(|untold| (key.clone(), untold)));
            tally.bucket.fill(Allowance::SOURCE, now);
        }
        memory.sources.retain(|_, tally| tally.bucket.used > 0 || tally.untold.is_some());
        drop(memory);
        taken.sort_by_key(|(_, untold)| std::cmp::Reverse(untold.count));
        let mut told: Vec<((Source, Event), Untold)> = Vec::new();
        for ((source, event), untold) in taken {
            let mut key = (source, event);
            if told.len() >= MOST_TOLD {
                key.0 = Source::Others;
            }
            match told.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => known.add(&untold),
                None => told.push((key, untold)),
            }
        }
        told.into_iter()
            .map(|((source, event), untold)| (entry(&source, &untold), Taken { source, event, untold }))
            .collect()
    }

    /// Counts on what could not be told.
    pub(super) fn give_back(&self, taken: impl IntoIterator<Item = Taken>) {
        let mut memory = self.memory();
        for Taken { source, event, untold } in taken {
            match &mut memory.sources.entry((source, event)).or_default().untold {
                Some(known) => known.add(&untold),
                none => *none = Some(untold),
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was counted of one source.
#[derive(Debug)]
pub(super) struct Taken {
    source: Source,
    event: Event,
    untold: Untold,
}

/// Which counts are told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are a minute old.
    Due,
    /// All of them: the server ends.
    All,
}

/// Whether strangers can make any number of these. The throttle lets few failed sign-ins through, and each names the
/// account that was tried; what the throttle itself refuses has no end.
fn is_bounded(entry: &Entry) -> bool {
    match entry.event {
        Event::SessionRefused => {
            entry.status == Some(429) || !entry.detail.get("tried").is_some_and(serde_json::Value::is_string)
        }
        _ => entry.outcome != Outcome::Done,
    }
}

fn entry(source: &Source, untold: &Untold) -> Entry {
    let entry = untold
        .last
        .clone()
        .with("repeated", untold.count)
        .with("since", untold.since.seconds())
        .with("source", source.words());
    if untold.sources > 1 { entry.with("sources", untold.sources) } else { entry }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use kernel::{Caller, HttpFacts, RequestFacts};

    use super::*;

    fn stranger(address: &str) -> Caller {
        let facts = RequestFacts::http(&HttpFacts {
            id: "req_1".parse().unwrap(),
            method: "GET",
            scheme: "http",
            host: "localhost",
            path: "/",
            query: None,
            address: address.parse::<IpAddr>().unwrap(),
            peer: address.parse::<IpAddr>().unwrap(),
            agent: "",
            success_status: 200,
        });
        Caller::new(Who::Anonymous, facts.into())
    }

    fn denied(address: &str) -> Entry {
        Entry::denied(Event::AccessDenied, &stranger(address), 401)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn what_exceeds_the_allowance_of_a_network_is_counted_and_told_once_a_minute() {
        let repeated = Repeated::default();
        let counted = (0..1_000).filter(|_| repeated.counts(&denied("192.0.2.1"), at(100))).count();
        assert_eq!(counted, 700);
        assert!(!repeated.counts(&denied("198.51.100.1"), at(100)), "another network has its own");
        assert!(repeated.counts(&denied("192.0.2.200"), at(101)), "the same network has not");
        assert!(!repeated.counts(&denied("192.0.2.1"), at(102)), "it fills up again");

        assert!(repeated.take(Which::Due, at(159)).is_empty());
        let told = repeated.take(Which::Due, at(160));
        assert_eq!(told.len(), 1);
        let detail = &told[0].0.detail;
        assert_eq!((&detail["repeated"], &detail["source"]), (&701.into(), &"192.0.2.0/24".into()));
        assert!(repeated.take(Which::All, at(161)).is_empty(), "told once");
    }

    #[test]
    fn what_could_not_be_told_is_told_later_with_what_came_since() {
        let repeated = Repeated::default();
        for _ in 0..310 {
            repeated.counts(&denied("192.0.2.1"), at(0));
        }
        let taken = repeated.take(Which::All, at(1));
        repeated.give_back(taken.into_iter().map(|(_, taken)| taken));
        assert!(repeated.counts(&denied("192.0.2.1"), at(1)));
        assert_eq!(repeated.take(Which::All, at(1))[0].0.detail["repeated"], 11);
    }

    #[test]
    fn no_number_of_networks_fills_the_memory_or_the_log() {
        let repeated = Repeated::default();
        let mut recorded = 0;
        for n in 0..200_000_u32 {
            let [_, a, b, c] = n.to_be_bytes();
            recorded += u32::from(!repeated.counts(&denied(&format!("10.{a}.{b}.{c}")), at(0)));
            recorded += u32::from(
                !repeated.counts(&denied(&format!("2001:{:x}:{:x}::1", n >> 16, n & 0xffff)), at(0)),
            );
        }
        assert!(recorded <= Allowance::ALL.most, "{recorded}");
        assert!(repeated.memory().sources.len() <= MOST_SOURCES + 1);
        let told = repeated.take(Which::All, at(60));
        assert!(told.len() <= MOST_TOLD + 1, "{}", told.len());
        let sum: u64 = told.iter().map(|(entry, _)| entry.detail["repeated"].as_u64().unwrap()).sum();
        assert_eq!(sum + u64::from(recorded), 400_000, "each is recorded or counted");
        assert!(
            repeated.counts(&denied("10.0.0.1"), at(60)) || repeated.memory().sources.len() < MOST_SOURCES
        );
    }

    #[test]
    fn a_failed_sign_in_that_names_an_account_and_what_people_do_is_never_only_counted() {
        let repeated = Repeated::default();
        let tried = |status| {
            Entry::failed(Event::SessionRefused, &stranger("192.0.2.1"), status)
                .with("tried", "ada@example.com")
        };
        assert!((0..1_000).all(|_| !repeated.counts(&tried(400), at(0))));
        assert_eq!((0..1_000).filter(|_| repeated.counts(&tried(429), at(0))).count(), 700);
        let operator = Entry::denied(Event::AccessDenied, &Caller::operator(), 403);
        assert!((0..1_000).all(|_| !repeated.counts(&operator, at(0))));
    }
}
