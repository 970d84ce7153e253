//! The workspace API: Open WebUI's routes where it has one, ours in the same style where it has none.

use crate::{dialect::Dialect, table::Group};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
}
