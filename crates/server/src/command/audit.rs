//! `wardroom audit`: proves, exports and describes the audit log. It works on database and files themselves, also
//! while a server runs.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::ExitCode,
};

use audit::{
    Export, Format, Prover, Span,
    verify::{Expected, Report},
};
use clap::Subcommand;
use kernel::{
    Caller, Permit, ReadAudit, Refusal, Timestamp,
    audit::{Entry, Event, Target, TargetKind},
};
use serde_json::json;

use crate::{audit_log, base::Base, error::StartError, output};

/// What to do with the audit log.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read records and log file again and say where they are not what was written. Ends with 1 when they are not.
    Verify(Verify),
    /// Write the records to a file or to standard output.
    Export(ExportArguments),
    /// Say how much is kept and how far the chain reaches.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// Verify this one log file by itself, e.g. one from an archive.
    #[arg(long, value_name = "PATH", conflicts_with = "expect")]
    file: Option<PathBuf>,
    /// A place in the chain that was written down elsewhere, as `wardroom audit status` shows it.
    #[arg(long, value_name = "SEQ:HASH")]
    expect: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ExportArguments {
    /// Written then or later, in Unix seconds.
    #[arg(long)]
    from: Option<i64>,
    /// Written before, in Unix seconds.
    #[arg(long)]
    to: Option<i64>,
    /// `jsonl` or `csv`.
    #[arg(long, default_value = "jsonl")]
    format: String,
    /// A file that does not exist yet; standard output when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Verifies, exports or describes.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let base = Base::open_unsealed().await?;
    let words = match &arguments.action {
        Action::Verify(_) => "audit verify",
        Action::Export(_) => "audit export",
        Action::Status { .. } => "audit status",
    };
    let caller = Caller::command_line(words);
    let permit = caller.may_read_audit().map_err(Refusal::from)?;
    let prover = audit_log::prover(&base);
    let code = match arguments.action {
        Action::Verify(wanted) => verify(&base, &prover, &wanted, &caller, &permit).await?,
        Action::Export(wanted) => export(&base, &wanted, &caller, &permit).await?,
        Action::Status { json } => status(&base, &prover, json).await?,
    };
    base.db.close().await;
    Ok(code)
}

async fn verify(
    base: &Base,
    prover: &Prover,
    wanted: &Verify,
    caller: &Caller,
    permit: &Permit<ReadAudit>,
) -> Result<ExitCode, StartError> {
    let failed = |error: audit::ProofError| StartError::Usage(error.to_string());
    if let Some(path) = &wanted.file {
        let report = prover.single_file(path, permit).await.map_err(failed)?;
        return Ok(tell(&report, wanted.json));
    }
    let expected: Option<Expected> = wanted
        .expect
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|words| StartError::Usage(format!("--expect is wrong: {words}")))?;
    let (report, _) = prover.verify(expected, permit).await.map_err(failed)?;
    let entry = Entry::done(Event::AuditChecked, caller)
        .on(Target::new(TargetKind::Audit, "records"))
        .with("ok", report.is_ok())
        .with("records", report.records)
        .with("lines", report.lines)
        .with("problems", report.problems.len());
    if let Err(error) = store::audit::record(&base.db, &entry).await {
        output::note(&format!("note: that the log was verified could not be recorded: {error}"));
    }
    Ok(tell(&report, wanted.json))
}

fn tell(report: &Report, as_json: bool) -> ExitCode {
    if as_json {
        output::json(&json!({ "ok": report.is_ok(), "records": report.records, "lines": report.lines,
            "problems": report.problems, "notes": report.notes }));
    } else {
        report.problems.iter().for_each(|problem| output::line(problem));
        report.notes.iter().for_each(|note| output::note(&format!("note: {note}")));
        let read = format!("{} records and {} lines were read", report.records, report.lines);
        output::line(&match report.problems.len() {
            0 => format!("The audit log is as it was written: {read}."),
            1 => format!("1 problem was found: {read}."),
            count => format!("{count} problems were found: {read}."),
        });
    }
    if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn export(
    base: &Base,
    wanted: &ExportArguments,
    caller: &Caller,
    permit: &Permit<ReadAudit>,
) -> Result<ExitCode, StartError> {
    let format = Format::parse(&wanted.format)
        .ok_or_else(|| StartError::Usage("--format must be jsonl or csv".to_owned()))?;
    let span =
        Span { from: wanted.from.map(Timestamp::from_seconds), to: wanted.to.map(Timestamp::from_seconds) };
    let failed = |error: io::Error| StartError::Usage(format!("the export cannot be written: {error}"));
    let mut file = match &wanted.out {
        Some(path) => {
            Some(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?)
        }
        None => None,
    };
    let mut export = Export::begin(&base.db, format, span, permit).await?;
    let entry = Entry::done(Event::AuditExported, caller)
        .on(Target::new(TargetKind::Audit, "records"))
        .with("format", format.as_str())
        .with("from", wanted.from)
        .with("to", wanted.to);
    store::audit::record(&base.db, &entry).await?;
    while let Some(piece) = export.next().await? {
        match &mut file {
            Some(file) => file.write_all(piece.as_bytes()).map_err(failed)?,
            None => output::text(&piece),
        }
    }
    if let Some(file) = file {
        file.sync_all().map_err(failed)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(base: &Base, prover: &Prover, as_json: bool) -> Result<ExitCode, StartError> {
    let head = store::audit::head(&base.db).await?;
    let signed = store::audit::last_checkpoint(&base.db).await?;
    let settings = &base.settings.load().settings;
    let level = settings.audit_log_level.value.as_str();
    let log = prover.log.as_ref().map(|path| path.display().to_string());
    if as_json {
        output::json(&json!({ "level": level, "records": head.seq, "log": log,
            "head": { "seq": head.seq, "hash": audit::hex(&head.hash), "at": head.at.seconds() },
            "checkpoint": signed.map(|it| json!({ "seq": it.seq, "at": it.at.seconds() })),
            "public_key": audit::hex(&prover.notary.public_key()) }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("Level: {level}"));
    output::line(&format!("Log file: {}", log.as_deref().unwrap_or("none")));
    output::line(&format!("Records: {}", head.seq));
    output::line(&format!("End of the chain: {}:{}", head.seq, audit::hex(&head.hash)));
    output::line(&match signed {
        Some(it) => format!("Last stored checkpoint: record {}, {}", it.seq, it.at.rfc3339()),
        None => "Last stored checkpoint: none yet".to_owned(),
    });
    output::line(&format!("Public key of checkpoints: {}", audit::hex(&prover.notary.public_key())));
    Ok(ExitCode::SUCCESS)
}
