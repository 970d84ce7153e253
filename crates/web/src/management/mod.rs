//! Administration: connections, the model catalogue, virtual keys, usage and settings, and LiteLLM's
//! management API for keys.

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
}
