//! The settings in force while the server runs: read without a lock, replaced as a whole when an
//! administrator stores a value or another process did.

use std::{collections::BTreeMap, fmt, io, path::Path, sync::Arc};

use arc_swap::{ArcSwap, Guard};

use crate::{Loaded, Problem, Sources, read};

/// Reads a file that a setting names.
pub type Open = Box<dyn Fn(&Path) -> io::Result<String> + Send + Sync>;

/// The settings in force. Cheap to clone; clones see each other's changes.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    open: Open,
    current: ArcSwap<Loaded>,
}

impl Live {
    /// Reads the settings for the first time.
    pub fn new(
        environment: BTreeMap<String, String>,
        file: BTreeMap<String, String>,
        stored: &BTreeMap<String, String>,
        open: Open,
    ) -> Result<Self, Vec<Problem>> {
        let loaded = read(&Sources { environment: &environment, file: &file, stored, open: &*open })?;
        Ok(Self(Arc::new(Inner { environment, file, open, current: ArcSwap::from_pointee(loaded) })))
    }

    /// The settings in force at this moment.
    pub fn load(&self) -> Guard<Arc<Loaded>> {
        self.0.current.load()
    }

    /// The same, to keep across a wait.
    pub fn load_full(&self) -> Arc<Loaded> {
        self.0.current.load_full()
    }

    /// Takes over what is stored now. When that does not fit the rest, nothing changes.
    pub fn replace_stored(&self, stored: &BTreeMap<String, String>) -> Result<(), Vec<Problem>> {
        let Inner { environment, file, open, current } = &*self.0;
        let loaded = read(&Sources { environment, file, stored, open: &**open })?;
        current.store(Arc::new(loaded));
        Ok(())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}
