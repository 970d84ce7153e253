//! Administration: connections, the model catalogue, virtual keys, usage and settings, Open WebUI's routes
//! for connections, and LiteLLM's management API for keys.

mod audit;
mod catalog;
mod connections;
mod keys;
mod litellm;
mod openai_config;
pub(crate) mod settings;
mod usage;

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .with(connections::routes())
        .with(openai_config::routes())
        .with(catalog::routes())
        .with(keys::routes())
        .with(usage::routes())
        .with(settings::routes())
        .with(audit::routes())
        .with(litellm::routes())
}
