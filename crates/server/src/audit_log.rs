//! The audit log of this installation: where its files are, and how it is started.

use std::{path::PathBuf, sync::Arc};

use audit::{Keeping, Outlet, Prover, Record, Trail, TrailParts};
use kernel::{
    Caller,
    audit::{Entry, Event, Level, Target, TargetKind},
};
use serde_json::json;
use settings::Settings;
use store::audit::Filter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{base::Base, error::StartError};

/// The file's name in the data directory, when nobody names another.
const FILE: &str = "audit.log";

/// The log file, unless there is none.
fn file(settings: &Settings) -> Option<PathBuf> {
    let path =
        || settings.audit_logs_file_path.value.clone().unwrap_or_else(|| settings.data_dir.value.join(FILE));
    let is_used = settings.enable_audit_logs_file.value && audit::level(settings) > Level::None;
    is_used.then(path)
}

/// What a verification of this installation needs.
pub(crate) fn prover(base: &Base) -> Prover {
    let settings = &base.settings.load().settings;
    Prover {
        db: base.db.clone(),
        sealer: base.ring.clone(),
        notary: Arc::new(base.ring.notary()),
        checkpoint: audit::checkpoint_file(&settings.data_dir.value),
        log: file(settings),
    }
}

/// Opens the log, records that the server started and with which settings of the log, and what is wrong with the log
/// as it was found.
pub(crate) async fn start(
    base: &Base,
    stdout: impl FnOnce() -> Outlet,
    tasks: &TaskTracker,
    shutdown: CancellationToken,
) -> Result<Trail, StartError> {
    let loaded = base.settings.load();
    let settings = &loaded.settings;
    let parts = TrailParts {
        world: base.world.clone(),
        prover: prover(base),
        keeping: Keeping::of(settings),
        rotation: settings.audit_log_file_rotation_size.value.bytes(),
        stdout: settings.enable_audit_stdout.value.then(stdout),
        tasks: tasks.clone(),
        shutdown,
    };
    let (trail, problems) = Trail::start(parts).await?;
    let caller = Caller::operator();
    for problem in problems {
        let entry = Entry::failed(Event::AuditChecked, &caller, 0)
            .on(Target::new(TargetKind::Audit, "start"))
            .with("problem", problem);
        store::audit::record(&base.db, &Entry { status: None, ..entry }).await?;
    }
    started(base, settings, &caller).await?;
    Ok(trail)
}

/// Records the start with the settings of the log. A level that was lowered, and paths that are newly left out, are
/// recorded even where nothing is to be recorded from now on.
async fn started(base: &Base, settings: &Settings, caller: &Caller) -> Result<(), StartError> {
    let level = audit::level(settings);
    let filter = Filter { event: Some(Event::ServerStarted.as_str().to_owned()), ..Filter::default() };
    let last = store::audit::list(&base.db, &filter, 1).await?.into_iter().next();
    let before = last.and_then(|it| serde_json::from_str::<Record>(&it.body).ok()).map(|it| it.detail);
    let now = json!({
        "level": level.as_str(),
        "excluded_paths": settings.audit_excluded_paths.value.to_string(),
        "included_paths": settings.audit_included_paths.value.to_string(),
        "file": settings.enable_audit_logs_file.value,
    });
    let differs = |name: &&String| before.as_ref().is_some_and(|it| it.get(*name) != now.get(*name));
    let changed: Vec<&String> =
        now.as_object().into_iter().flat_map(serde_json::Map::keys).filter(differs).collect();
    if level == Level::None && changed.is_empty() {
        return Ok(());
    }
    let mut entry = Entry::done(Event::ServerStarted, caller).with("version", env!("CARGO_PKG_VERSION"));
    for name in ["level", "excluded_paths", "included_paths", "file"] {
        entry = entry.with(name, now[name].clone());
    }
    if !changed.is_empty() {
        entry = entry.changed(changed.into_iter().map(String::as_str));
        entry = entry.with("level_before", before.as_ref().and_then(|it| it.get("level")).cloned());
    }
    let recorder = base.db.recorder();
    recorder.set_level(level.max(Level::Metadata));
    let outcome = store::audit::record(&base.db, &entry).await;
    recorder.set_level(level);
    Ok(outcome?)
}

/// Records that the server stopped in order.
pub(crate) async fn stop(base: &Base) {
    let entry = Entry::done(Event::ServerStopped, &Caller::operator());
    if let Err(error) = store::audit::record(&base.db, &entry).await {
        tracing::warn!(%error, "that the server stopped could not be recorded");
    }
}
