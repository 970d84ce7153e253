//! The chat workspace: chats as trees of messages, and turns, in which the server writes answers whether
//! or not anybody watches.
//!
//! **Invariants:** everything a person does goes through their [`Desk`], which shows and changes their own
//! chats only; somebody else's chat is answered exactly like a missing one. An answer takes the same path
//! of stops as a program's request: there is no second way to a model. An answer is unfinished only while
//! a turn writes it.
//!
//! It refuses to know HTTP and SQL.

mod admin_reading;
mod change;
mod desk;
mod error;
mod import;
mod recover;
mod rights;
mod share;
#[cfg(test)]
mod spec;
mod title;
mod tree;
mod turn;
mod workspace;

pub use admin_reading::Export;
pub use change::{ChatChange, MessageDraft};
pub use desk::{ActiveTurn, Desk, OpenChat};
pub use error::WorkspaceError;
pub use import::ImportedChat;
pub use store::chats::{Found, ListFilter};
pub use title::UNTITLED;
pub use tree::{Tree, TreeError};
pub use turn::{EndReason, Follower, NewTurn, StartedTurn, TurnEvent};
pub use workspace::{Workspace, WorkspaceParts};
