//! `wardroom`: one binary with a chat workspace and an LLM gateway inside.

mod audit_log;
mod base;
mod command;
mod error;
mod lanes;
mod output;
mod process;
mod secrets;
mod serve;
mod sweep;
mod telemetry;
mod watch;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A chat workspace and LLM gateway in one binary.
///
/// Settings come from the environment and from a `.env` file in the working directory;
/// `wardroom settings` lists them all.
#[derive(Debug, Parser)]
#[command(name = "wardroom", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the web UI and the API until stopped.
    #[command(
        after_help = "Examples:\n  wardroom serve\n  wardroom serve --demo\n  HOST=0.0.0.0 PORT=80 OPENAI_API_KEY=sk-... wardroom serve"
    )]
    Serve(command::serve::Arguments),
    /// Bring the database to this program's version and stop. `serve` does it by itself.
    #[command(
        after_help = "Example:\n  DATABASE_URL=postgresql://wardroom@localhost/wardroom wardroom migrate"
    )]
    Migrate,
    /// Say what is configured, what is missing and what is unsafe. Ends with 1 when something must be fixed.
    #[command(
        after_help = "Examples:\n  wardroom doctor\n  wardroom doctor --json | jq '.[] | select(.level == \"problem\")'"
    )]
    Doctor(command::doctor::Arguments),
    /// List every setting with the value in force and where it comes from, or store one.
    #[command(
        after_help = "Examples:\n  wardroom settings\n  wardroom settings --json\n  wardroom settings set ENABLE_SIGNUP false\n  wardroom settings unset ENABLE_SIGNUP"
    )]
    Settings(command::settings::Arguments),
    /// Create, list and revoke virtual keys.
    #[command(
        after_help = "Examples:\n  wardroom keys create --name ci --model 'gpt-4o*' --budget 5 --expires 30d\n  wardroom keys list --json\n  wardroom keys revoke key_01J9ZK3V5W8Q2R4T6Y8A0C1D2E"
    )]
    Keys(command::keys::Arguments),
    /// Create administrators and reset passwords.
    #[command(
        after_help = "Examples:\n  wardroom users create-admin --email ada@example.com --name Ada\n  pass show wardroom | wardroom users reset-password --email ada@example.com --password-stdin\n  wardroom users list"
    )]
    Users(command::users::Arguments),
    /// Verify, export and describe the audit log.
    #[command(
        after_help = "Examples:\n  wardroom audit verify\n  wardroom audit verify --expect 120:9f86d081...\n  wardroom audit export --format csv --out audit.csv\n  wardroom audit status --json"
    )]
    Audit(command::audit::Arguments),
    /// Print the version.
    Version(command::version::Arguments),
    /// Print the OpenAPI description of the HTTP API, or write it to a file.
    #[command(hide = true)]
    Openapi,
    /// Print the table of routes and who may use them, as the documentation shows it.
    #[command(hide = true)]
    Routes,
}

fn main() -> ExitCode {
    match command::run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
