//! `wardroom settings`.

use std::process::ExitCode;

use clap::Subcommand;
use kernel::{Caller, Refusal, Secret};
use serde_json::{Value, json};
use settings::Row;

use crate::{base::Base, error::StartError, output};

/// What to do with settings.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Store a value in the database. A running server takes it over within a second.
    Set {
        /// The setting, e.g. `ENABLE_SIGNUP`.
        name: String,
        /// The value, as in the environment.
        value: String,
    },
    /// Forget a stored value.
    Unset {
        /// The setting.
        name: String,
    },
}

/// Lists all settings, or stores or forgets one.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let base = Base::open_unsealed().await?;
    match &arguments.change {
        None => list(&base, arguments.json),
        Some(Change::Set { name, value }) => change(&base, name, &json!(value)).await?,
        Some(Change::Unset { name }) => change(&base, name, &Value::Null).await?,
    }
    base.db.close().await;
    Ok(ExitCode::SUCCESS)
}

fn list(base: &Base, as_json: bool) {
    let fingerprint = |secret: &Secret<String>| {
        json!(format!("fingerprint {}", base.ring.fingerprint(secret.expose()).fingerprint))
    };
    let loaded = base.settings.load();
    let rows = loaded.settings.rows(&fingerprint);
    if as_json {
        let row = |row: &Row| {
            json!({ "name": row.name, "value": row.value, "source": row.source.as_str(), "locked": row.is_locked,
                "default": row.default, "secret": row.is_secret, "needs_restart": row.needs_restart, "kind": row.kind, "doc": row.doc })
        };
        return output::json(&rows.iter().map(row).collect::<Vec<_>>());
    }
    let shown = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.name.to_owned(), shown(&row.value), row.source.as_str().to_owned()])
        .collect();
    output::table(&["SETTING", "VALUE", "SOURCE"], &cells);
    for notice in &loaded.notices {
        output::note(&format!("note: {notice}"));
    }
}

async fn change(base: &Base, name: &str, value: &Value) -> Result<(), StartError> {
    let stored = base
        .settings
        .load()
        .settings
        .storable(name, value)
        .map_err(|problem| StartError::Settings(vec![problem]))?;
    let command = if stored.is_some() { "settings set" } else { "settings unset" };
    let permit = &Caller::command_line(command).may_manage_settings().map_err(Refusal::from)?;
    store::settings::apply(&base.db, &[(name, stored.as_deref())], base.world.now(), permit).await?;
    output::line(&if stored.is_some() {
        format!("{name} is stored.")
    } else {
        format!("{name} is no longer stored.")
    });
    Ok(())
}
