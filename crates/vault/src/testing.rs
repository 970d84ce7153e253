//! Rings and worlds for the tests of this crate.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Clock, Random, Timestamp, World};

use crate::{KeyRing, Previous, RootKeys, Roots};

struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }
}

/// Gives different bytes each time and the same ones in each run.
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // The multiplier of Knuth's MMIX generator: consecutive counts share no pattern.
            let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A world whose dice start at `seed`.
pub(crate) fn world(seed: u64) -> World {
    World::new(At(1_795_216_374), Counting(AtomicU64::new(seed)))
}

/// A ring of these roots, with the same anchor each time.
pub(crate) fn ring(webui: &str, config: Option<&str>) -> KeyRing {
    let (webui, config) = (webui.into(), config.map(Into::into));
    let previous = Previous::default();
    let roots = Roots { webui_secret_key: &webui, config_encryption_key: config.as_ref(), previous };
    RootKeys::new(&roots).first(&world(0))
}

/// The ring of other data under the same root.
pub(crate) fn ring_of_other_data(webui: &str) -> KeyRing {
    let webui = webui.into();
    let previous = Previous::default();
    let roots = Roots { webui_secret_key: &webui, config_encryption_key: None, previous };
    RootKeys::new(&roots).first(&world(1))
}
