//! LiteLLM's management API for keys, for programs and scripts that were written against it.
//!
//! Shapes and field names are LiteLLM's (1.106). Where it means something else by a word:
//!
//! - `token` and `token_id` are the id of our key. It says nothing about the secret and may be logged. Wherever
//!   LiteLLM takes a key it takes the secret or the token, and so do we.
//! - A field that would carry a limit which is not kept here is refused by name, so that nobody believes in
//!   it. Fields that are empty (`null`, `{}`, `[]`, `""`, `false`) promise nothing and are passed over.
//! - `delete` revokes: the key is gone from these routes, and its row stays for the ledger.

mod duration;
mod fields;
mod keys;
mod listing;
mod moment;
mod row;
mod scope;
mod spend;

use crate::{dialect::Dialect, table::Group};

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi).with(keys::routes()).with(listing::routes()).with(spend::routes())
}
