//! `wardroom migrate`.

use std::process::ExitCode;

use crate::{base, error::StartError, output, secrets};

/// Brings the schema up to date and says what it did.
pub(crate) async fn run() -> Result<ExitCode, StartError> {
    let (settings, world) = base::settings()?;
    secrets::data_directory(&settings.settings.data_dir.value)?;
    let db = base::open_database(&settings, &world).await?;
    let count = store::migrate(&db, world.now()).await?;
    output::line(&match count {
        0 => "The database is up to date.".to_owned(),
        1 => "Applied 1 migration.".to_owned(),
        count => format!("Applied {count} migrations."),
    });
    db.close().await;
    Ok(ExitCode::SUCCESS)
}
