//! `wardroom serve`.

use std::process::ExitCode;

use gateway::Demo;

use crate::{base::Base, error::StartError, process, telemetry};

/// What to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Add a built-in provider with a few models that answer without the internet, to look around.
    #[arg(long)]
    demo: bool,
}

/// Threads for the ledger, the refreshing of model lists and the like.
const BACKGROUND_THREADS: usize = 2;

/// Serves until stopped.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, StartError> {
    let (loaded, _) = crate::base::settings()?;
    let log = telemetry::start(loaded.settings.log_format.value, loaded.settings.global_log_level.value);
    process::prepare();
    // For what happens behind the requests; those have runtimes of their own, see `lanes`.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime =
        runtime.worker_threads(BACKGROUND_THREADS).enable_all().build().map_err(StartError::Runtime)?;
    let demo = if arguments.demo { Demo::On } else { Demo::Off };
    runtime.block_on(async {
        match Base::open().await? {
            Ok(base) => crate::serve::run(base, demo, || log.outlet()).await,
            Err(sealed) => crate::serve::run_sealed(sealed).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
