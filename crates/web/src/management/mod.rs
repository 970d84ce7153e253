//! Administration: connections, the model catalogue, virtual keys, usage and settings, and LiteLLM's
//! management API for keys.

mod catalog;
mod connections;
mod keys;
mod litellm;
mod settings;
mod usage;

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .with(connections::routes())
        .with(catalog::routes())
        .with(keys::routes())
        .with(usage::routes())
        .with(settings::routes())
        .with(litellm::routes())
}
