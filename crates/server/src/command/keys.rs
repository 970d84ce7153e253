//! `wardroom keys`. It works on the database itself, also while a server runs: that notices a change within a
//! second.

use std::process::ExitCode;

use clap::Subcommand;
use gateway::{
    AdminError,
    keys::{self, NewKey, state_word},
};
use kernel::{Caller, KeyId, ManageKeys, Money, Permit, Refusal, Timestamp, VirtualKey};
use serde_json::{Value, json};
use store::{Page, keys::KeyFilter};

use crate::{base::Base, error::StartError, output};

/// What to do with virtual keys.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print its secret, once.
    Create(Create),
    /// List all keys. Secrets are not kept and cannot be shown.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a key for ever. A running server refuses it within a second.
    Revoke {
        /// The key's id, as `wardroom keys list` shows it.
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What to call it.
    #[arg(long)]
    name: String,
    /// A model it may use, `*` for any run of characters; repeat for more, leave out for all.
    #[arg(long = "model")]
    models: Vec<String>,
    /// An endpoint it may call (chat.completions, completions, embeddings, responses, models); repeat for more.
    #[arg(long = "endpoint")]
    endpoints: Vec<String>,
    /// The most it may ever spend, in US dollars.
    #[arg(long)]
    budget: Option<f64>,
    /// How long it works, e.g. `30d`, `12h`.
    #[arg(long)]
    expires: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Creates, lists or revokes.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let base = Base::open_unsealed().await?;
    let command = match &arguments.action {
        Action::Create(_) => "keys create",
        Action::List { .. } => "keys list",
        Action::Revoke { .. } => "keys revoke",
    };
    let permit = &Caller::command_line(command).may_manage_keys().map_err(Refusal::from)?;
    match arguments.action {
        Action::Create(wanted) => create(&base, wanted, permit).await?,
        Action::List { json } => list(&base, json, permit).await?,
        Action::Revoke { id } => revoke(&base, &id, permit).await?,
    }
    base.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(base: &Base, wanted: Create, permit: &Permit<ManageKeys>) -> Result<(), StartError> {
    if wanted.name.trim().is_empty() {
        return Err(StartError::Usage("--name must say who or what uses the key".to_owned()));
    }
    let budget = wanted.budget.map(Money::from_dollars).transpose();
    let new = NewKey {
        models: wanted.models,
        endpoints: wanted.endpoints,
        max_budget: budget.map_err(|why| StartError::Usage(format!("--budget is wrong: {why}")))?,
        expires_at: wanted.expires.as_deref().map(|text| end(base, text)).transpose()?,
        ..NewKey::named(wanted.name)
    };
    let minted = keys::mint(&base.db, &base.ring, &base.world, new, permit).await?;
    if wanted.json {
        let mut shown = shown(&minted.key, base.world.now());
        shown["key"] = json!(minted.secret.expose());
        output::json(&shown);
    } else {
        output::line(minted.secret.expose());
        output::note(&format!("This is {}. It is shown this once; keep it now.", minted.key.id));
    }
    Ok(())
}

fn end(base: &Base, text: &str) -> Result<Timestamp, StartError> {
    let words = || {
        StartError::Usage(format!("--expires {text:?} is no time from now on; write it like 12h, 30d or 2w"))
    };
    match settings::duration(text) {
        Some(length) if !length.is_zero() => Ok(base.world.now().plus(length)),
        _ => Err(words()),
    }
}

async fn list(base: &Base, as_json: bool, permit: &Permit<ManageKeys>) -> Result<(), StartError> {
    let mut all = Vec::new();
    for number in 1.. {
        let page = Page::new(number, 1000);
        let (found, total) = keys::list(&base.db, &KeyFilter::default(), page, permit).await?;
        let is_last = found.is_empty() || (all.len() + found.len()) as u64 >= total;
        all.extend(found);
        if is_last {
            break;
        }
    }
    let now = base.world.now();
    if as_json {
        output::json(&all.iter().map(|key| shown(key, now)).collect::<Vec<_>>());
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all.iter().map(|key| cells(key, now)).collect();
    output::table(&["ID", "NAME", "KEY", "STATE", "SPENT", "BUDGET", "EXPIRES", "MODELS"], &rows);
    Ok(())
}

fn cells(key: &VirtualKey, now: Timestamp) -> Vec<String> {
    let models: Vec<&str> = key.models.iter().map(|pattern| pattern.0.as_str()).collect();
    vec![
        key.id.to_string(),
        key.name.clone(),
        format!("{}…{}", key.prefix, key.last_four),
        state_word(key.state(now)).to_owned(),
        key.spend.to_string(),
        key.max_budget.map_or_else(|| "no limit".to_owned(), |budget| budget.to_string()),
        key.expires_at.map_or_else(|| "never".to_owned(), Timestamp::rfc3339),
        if models.is_empty() { "all".to_owned() } else { models.join(", ") },
    ]
}

/// A key for a script. Times are Unix seconds, money is US dollars.
fn shown(key: &VirtualKey, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "last_four": key.last_four,
        "owner_id": key.owner,
        "models": key.models,
        "endpoints": key.endpoints,
        "expires_at": key.expires_at.map(Timestamp::seconds),
        "max_budget": key.max_budget.map(Money::dollars),
        "spend": key.spend.dollars(),
        "state": state_word(key.state(now)),
        "created_at": key.created_at.seconds(),
        "created_by": key.created_by,
        "last_used_at": key.last_used_at.map(Timestamp::seconds),
    })
}

async fn revoke(base: &Base, id: &str, permit: &Permit<ManageKeys>) -> Result<(), StartError> {
    let Ok(id) = id.parse::<KeyId>() else {
        return Err(StartError::Usage("that is no id of a key; `wardroom keys list` shows them".to_owned()));
    };
    let revoked: Result<(), AdminError> = keys::revoke(&base.db, &id, base.world.now(), permit).await;
    revoked?;
    output::line(&format!("The key {id} is revoked."));
    Ok(())
}
