//! `wardroom version`.

use std::process::ExitCode;

use serde_json::json;

use crate::output;

/// How to print it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints name and version.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    if arguments.json {
        output::json(&json!({ "name": "wardroom", "version": version }));
    } else {
        output::line(&format!("wardroom {version}"));
    }
    ExitCode::SUCCESS
}
