//! The workspace API: Open WebUI's routes where it has one, ours in the same style where it has none.

mod auths;
mod config;
mod cookie;
mod users;

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace).with(config::routes()).with(auths::routes()).with(users::routes())
}
