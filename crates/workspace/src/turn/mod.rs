//! Turns: one answer being written on the server, independent of the page that asked.
//!
//! [`start`] adds the messages and begins; [`run`] takes the turn to its end in one tracked task, with
//! [`answer`] asking the gateway and [`save`] keeping what is there; [`log`] numbers what happens so that
//! anybody can watch from any point on.

mod answer;
mod event;
mod live;
mod log;
mod name;
mod prompt;
mod registry;
mod run;
mod save;
mod start;

pub(crate) use self::{live::Turn, registry::Turns, run::interrupted, save::SIGN_OF_LIFE, start::start};
pub use event::{EndReason, TurnEvent};
pub use live::Follower;
pub use start::{NewTurn, StartedTurn};
