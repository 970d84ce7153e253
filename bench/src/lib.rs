//! What the three benchmark programs share: arguments, the latency histogram, the reader of HTTP answers and the
//! provider's pre-rendered bytes.
//!
//! Knows the wire only. It refuses to know Wardroom: whatever stands behind the address is measured the same way.

pub mod answers;
pub mod arguments;
pub mod events;
pub mod histogram;
pub mod response;
pub mod tally;
