//! The workspace API: Open WebUI's routes where it has one, ours in the same style where it has none.

mod account_admin;
mod api_keys;
mod auths;
mod chats;
mod config;
mod cookie;
mod grants;
mod groups;
mod models;
mod permissions;
mod preferences;
pub(crate) mod switches;
mod turns;
mod user_security;
mod users;

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .with(config::routes())
        .with(auths::routes())
        .with(account_admin::routes())
        .with(api_keys::routes())
        .with(users::routes())
        .with(user_security::routes())
        .with(groups::routes())
        .with(permissions::routes())
        .with(preferences::routes())
        .with(models::routes())
        .with(grants::routes())
        .with(chats::routes())
        .with(turns::routes())
}
