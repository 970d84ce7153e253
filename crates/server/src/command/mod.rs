//! The commands, one file each.

pub(crate) mod audit;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod users;
pub(crate) mod version;

use std::{future::Future, process::ExitCode};

use crate::{Command, error::StartError, output};

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Result<ExitCode, StartError> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Migrate => block_on(migrate::run()),
        Command::Doctor(arguments) => block_on(doctor::run(arguments)),
        Command::Settings(arguments) => block_on(settings::run(arguments)),
        Command::Keys(arguments) => block_on(keys::run(arguments)),
        Command::Users(arguments) => block_on(users::run(arguments)),
        Command::Audit(arguments) => block_on(audit::run(arguments)),
        Command::Version(arguments) => Ok(version::run(&arguments)),
        Command::Openapi => {
            output::json(&web::openapi());
            Ok(ExitCode::SUCCESS)
        }
        Command::Routes => {
            output::line(&web::route_page());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Commands besides `serve` do one thing after the other; one thread is enough.
fn block_on(command: impl Future<Output = Result<ExitCode, StartError>>) -> Result<ExitCode, StartError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?
        .block_on(command)
}
