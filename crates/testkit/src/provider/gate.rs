//! Holds an answer back until the test lets it go on.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A gate before each piece of an answer. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that lets nothing through.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets this many pieces through.
    pub fn lets(&self, pieces: usize) {
        self.0.add_permits(pieces);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn pass(&self) {
        // An error means that it is open for ever.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
