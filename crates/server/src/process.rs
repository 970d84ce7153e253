//! What the process asks of the operating system for itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Raises the number of open files to what the system allows, because every stream takes two and the usual
/// 1024 end at five hundred; and forbids memory dumps and debuggers, because provider keys are in memory.
///
/// Where the system says no the server runs all the same, and says so in the log.
pub(crate) fn prepare() {
    let files = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    let no_dumps = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let no_debuggers = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    for (what, result) in [
        ("the number of open files could not be raised", raised),
        ("memory dumps could not be forbidden", no_dumps),
        ("debuggers could not be kept out", no_debuggers),
    ] {
        if let Err(error) = result {
            tracing::warn!(%error, "{what}");
        }
    }
}
