//! The real clock and the operating system's randomness: the one place that asks for either.

use std::time::{SystemTime, UNIX_EPOCH};

use kernel::{Clock, Random, Timestamp, World};

/// The world as it is.
pub(crate) fn real() -> World {
    World::new(SystemClock, SystemRandom)
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness that everything else is handed")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes)
            .expect("a system without randomness cannot make a single key; stopping is the only safe answer");
    }
}
