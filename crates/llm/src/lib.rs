//! Wire formats of model providers, as far as Wardroom acts on them.
//!
//! **Invariant:** bytes pass through. A request is read by a borrowed envelope and changed by splicing; a
//! stream is watched in passing. No tree of a body is built to read three fields of it.
//!
//! It knows JSON, events, tokens and prices. It refuses to know sockets, clocks, tasks and databases.

mod answer;
mod delta;
mod envelope;
mod error;
mod estimate;
mod lexical;
mod meter;
mod models;
mod prices;
mod redact;
mod rewrite;
mod sse;
mod text;
mod usage;

pub use answer::{Answer, AnswerError};
pub use delta::{Delta, DeltaError, FinishReason, ToolCallPiece};
pub use envelope::{Envelope, EnvelopeError};
pub use error::{ProviderError, scrub};
pub use estimate::{Estimate, ModelLimits, tokens_in};
pub use meter::{Forward, Meter, Metered, UsageChunk};
pub use models::{ModelListError, parse_models};
pub use prices::{PriceEntry, Prices};
pub use redact::Redaction;
pub use rewrite::Rewrite;
pub use sse::{Event, EventTooLarge, Splitter};
pub use usage::Usage;
