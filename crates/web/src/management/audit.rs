//! The audit log: its records page by page, one of them whole, its proof, and its export. Whoever reads it is in it.

use audit::{Export, Format, Record, Span, Trail};
use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderValue, header};
use kernel::{
    Caller, Kind, Refusal, Timestamp, World,
    audit::{Entry, Event, Outcome, Target, TargetKind},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Db, audit::Filter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::{Asked, At},
    refused::{Answer, Refused},
    table::{Access, Group},
};

/// Records when nobody says how many.
const USUAL: u32 = 50;
/// The most records at once.
const MOST: u32 = 200;

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin, routes!(list_audit))
        .route(Access::Admin, routes!(audit_status))
        .route(Access::Admin, routes!(verify_audit))
        .route(Access::Admin.fresh(), routes!(export_audit))
        .route(Access::Admin, routes!(read_audit))
}

/// Who did it, as of then.
#[derive(Serialize, ToSchema)]
struct AuditActor {
    /// `person`, `program`, `master`, `operator` or `anonymous`.
    kind: String,
    #[schema(required)]
    id: Option<String>,
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    role: Option<String>,
    /// Which session or key; never the secret.
    #[schema(required)]
    credential: Option<String>,
}

/// What it was done to.
#[derive(Serialize, ToSchema)]
struct AuditTarget {
    kind: String,
    id: String,
}

/// One record.
#[derive(Serialize, ToSchema)]
struct AuditRecord {
    /// Its place in the chain.
    seq: i64,
    id: String,
    /// Unix seconds.
    at: i64,
    event: String,
    outcome: AuditOutcome,
    actor: AuditActor,
    #[schema(required)]
    target: Option<AuditTarget>,
    #[schema(required)]
    address: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    request_id: Option<String>,
    #[schema(required)]
    method: Option<String>,
    #[schema(required)]
    uri: Option<String>,
    #[schema(required)]
    status: Option<u16>,
    /// A few facts, by name.
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

/// How it ended.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum AuditOutcome {
    /// It happened.
    Done,
    /// It was tried and did not work.
    Failed,
    /// It was not allowed.
    Denied,
}

/// A page of records, newest first.
#[derive(Serialize, ToSchema)]
struct AuditList {
    items: Vec<AuditRecord>,
    /// `before` of the next page; `null` on the last one.
    #[schema(required)]
    next: Option<i64>,
}

/// One record with everything that is kept of it.
#[derive(Serialize, ToSchema)]
struct AuditDetail {
    #[serde(flatten)]
    record: AuditRecord,
    /// The level in force then.
    level: String,
    /// The body of the request without its secrets.
    #[schema(required)]
    request_object: Option<String>,
    /// The beginning of the answer without its secrets.
    #[schema(required)]
    response_object: Option<String>,
    /// The record's seal, in hexadecimal digits.
    hash: String,
    /// The seal before it.
    #[schema(required)]
    previous: Option<String>,
}

/// Which records; what is left out does not matter.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// By this person or key, by its id; or `operator`, `master`, `anonymous`.
    actor: Option<String>,
    /// A name such as `session.started`, or its first part with the dot: `session.`.
    event: Option<String>,
    /// About this: an id, or a kind such as `virtual_key`.
    target: Option<String>,
    /// That ended so.
    #[param(inline)]
    outcome: Option<AuditOutcome>,
    /// About this request.
    request: Option<String>,
    /// Written then or later, Unix seconds.
    from: Option<i64>,
    /// Written before, Unix seconds.
    to: Option<i64>,
    /// Older than the record at this place.
    before: Option<i64>,
    /// At most this many, up to 200; 50 when left out.
    limit: Option<u32>,
}

/// A place in the chain.
#[derive(Serialize, ToSchema)]
struct AuditHead {
    seq: i64,
    /// In hexadecimal digits.
    hash: String,
    /// Unix seconds.
    at: i64,
}

/// The last signed place.
#[derive(Serialize, ToSchema)]
struct AuditCheckpoint {
    seq: i64,
    /// Unix seconds.
    at: i64,
}

/// The last verification.
#[derive(Serialize, ToSchema)]
struct AuditVerified {
    /// Unix seconds.
    at: i64,
    ok: bool,
    #[schema(required)]
    problem: Option<String>,
}

/// Where records go.
#[derive(Serialize, ToSchema)]
struct AuditSink {
    /// `database`, `file` or `stdout`.
    kind: &'static str,
    ok: bool,
    #[schema(required)]
    error: Option<String>,
}

/// How the audit log is.
#[derive(Serialize, ToSchema)]
struct AuditStatus {
    /// `NONE`, `METADATA`, `REQUEST` or `REQUEST_RESPONSE`.
    level: &'static str,
    /// How many there are.
    records: i64,
    head: AuditHead,
    #[schema(required)]
    checkpoint: Option<AuditCheckpoint>,
    #[schema(required)]
    verified: Option<AuditVerified>,
    sinks: Vec<AuditSink>,
    /// What was found wrong in passing.
    problems: Vec<String>,
    /// Lines of usage that found no place in the file; the rows are in the database.
    lost_usage_lines: u64,
    /// Checks the signatures of checkpoints: an Ed25519 key in hexadecimal digits.
    public_key: String,
}

/// What a verification found.
#[derive(Serialize, ToSchema)]
struct AuditReport {
    ok: bool,
    /// How many were read.
    records: u64,
    /// Lines of the log file, where there is one.
    lines: u64,
    problems: Vec<String>,
}

fn shown(stored: &store::audit::Record) -> Result<(AuditRecord, Record), Refusal> {
    let record: Record = serde_json::from_str(&stored.body).map_err(|_| {
        tracing::error!(seq = stored.seq, "a record of the audit log cannot be read");
        let words = format!("Record {} is damaged. `wardroom audit verify` tells more.", stored.seq);
        Refusal::new(Kind::Internal, "damaged_record", words)
    })?;
    let text = |it: Option<&Value>| it.and_then(Value::as_str).unwrap_or_default().to_owned();
    let some = |it: &Option<String>| it.clone().filter(|text| !text.is_empty());
    let actor = record.actor.clone();
    let request = &record.request;
    let row = AuditRecord {
        seq: stored.seq,
        id: record.id.clone(),
        at: stored.at.seconds(),
        event: record.event.clone(),
        outcome: match record.outcome.as_str() {
            "done" => AuditOutcome::Done,
            "failed" => AuditOutcome::Failed,
            _ => AuditOutcome::Denied,
        },
        actor: AuditActor {
            kind: actor.kind,
            id: actor.id,
            name: actor.name,
            email: actor.email,
            role: actor.role,
            credential: actor.credential,
        },
        target: record
            .target
            .as_ref()
            .map(|it| AuditTarget { kind: text(it.get("kind")), id: text(it.get("id")) }),
        address: some(&request.address),
        user_agent: some(&request.agent),
        request_id: some(&request.id),
        method: some(&request.method),
        uri: some(&request.uri),
        status: request.status,
        detail: record.detail.as_object().cloned().unwrap_or_default(),
    };
    Ok((row, record))
}

/// Notes that somebody read the log.
async fn read_by(caller: &Caller, db: &Db, what: &str) -> Result<(), Refusal> {
    let entry = Entry::done(Event::DataRead, caller).on(Target::new(TargetKind::Audit, what));
    Ok(store::audit::record(db, &entry).await?)
}

/// Records, newest first. To have read them is recorded too.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery), responses((status = 200, body = AuditList)))]
async fn list_audit(
    caller: Extension<Caller>,
    State(db): State<Db>,
    Asked(query): Asked<AuditQuery>,
) -> Answer<Json<AuditList>> {
    caller.may_read_audit()?;
    let limit = query.limit.unwrap_or(USUAL).clamp(1, MOST);
    // A form sends a field that nobody filled in as an empty one.
    let given = |text: Option<String>| text.filter(|it| !it.is_empty());
    let filter = Filter {
        actor: given(query.actor),
        event: given(query.event),
        target: given(query.target),
        outcome: query.outcome.map(|it| match it {
            AuditOutcome::Done => Outcome::Done,
            AuditOutcome::Failed => Outcome::Failed,
            AuditOutcome::Denied => Outcome::Denied,
        }),
        request: given(query.request),
        from: query.from.map(Timestamp::from_seconds),
        to: query.to.map(Timestamp::from_seconds),
        before: query.before,
    };
    // One more than shown, to know whether there is another page.
    let mut found = store::audit::list(&db, &filter, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.seq);
    let items = found.iter().map(|stored| Ok(shown(stored)?.0)).collect::<Result<_, Refusal>>()?;
    read_by(&caller, &db, "records").await?;
    Ok(Json(AuditList { items, next }))
}

/// One record with everything that is kept of it. To have read it is recorded too.
#[utoipa::path(get, path = "/api/v1/audit/{seq}", tag = "audit", params(("seq" = i64, Path, description = "Its place in the chain.")),
    responses((status = 200, body = AuditDetail)))]
async fn read_audit(
    caller: Extension<Caller>,
    State(db): State<Db>,
    At(seq): At<i64>,
) -> Answer<Json<AuditDetail>> {
    caller.may_read_audit()?;
    let found = store::audit::by_seq(&db, seq).await?;
    let stored = found.ok_or_else(|| Refusal::not_found("record"))?;
    let before = store::audit::by_seq(&db, seq - 1).await?;
    let response = store::audit_response::find(&db, seq).await?;
    let (row, record) = shown(&stored)?;
    read_by(&caller, &db, &seq.to_string()).await?;
    Ok(Json(AuditDetail {
        record: row,
        level: record.level,
        request_object: record.request_object,
        response_object: response.map(|it| it.body),
        hash: audit::hex(&stored.hash),
        previous: before.map(|it| audit::hex(&it.hash)),
    }))
}

/// How much is kept, where it goes and whether that works, and how far the chain reaches.
#[utoipa::path(get, path = "/api/v1/audit/status", tag = "audit", responses((status = 200, body = AuditStatus)))]
async fn audit_status(
    caller: Extension<Caller>,
    State(db): State<Db>,
    State(trail): State<Trail>,
) -> Answer<Json<AuditStatus>> {
    caller.may_read_audit()?;
    let head = store::audit::head(&db).await?;
    let condition = trail.status();
    let sinks = condition.sinks.into_iter();
    Ok(Json(AuditStatus {
        level: trail.keeping().level().as_str(),
        records: head.seq,
        head: AuditHead { seq: head.seq, hash: audit::hex(&head.hash), at: head.at.seconds() },
        checkpoint: condition.checkpoint.map(|(seq, at)| AuditCheckpoint { seq, at: at.seconds() }),
        verified: condition.verified.map(|it| AuditVerified {
            at: it.at.seconds(),
            ok: it.problem.is_none(),
            problem: it.problem,
        }),
        sinks: sinks.map(|it| AuditSink { kind: it.kind, ok: it.error.is_none(), error: it.error }).collect(),
        problems: condition.problems,
        lost_usage_lines: condition.lost_usage_lines,
        public_key: trail.public_key(),
    }))
}

/// Reads the whole log again and says where it is not what was written.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit", responses((status = 200, body = AuditReport)))]
async fn verify_audit(
    caller: Extension<Caller>,
    State(db): State<Db>,
    State(world): State<World>,
    State(trail): State<Trail>,
) -> Answer<Json<AuditReport>> {
    let permit = caller.may_read_audit()?;
    let report = trail.verify(world.now(), &permit).await.map_err(|error| match error {
        audit::ProofError::Store(error) => Refusal::from(error),
        error @ audit::ProofError::File { .. } => {
            tracing::error!(%error, "the audit log could not be verified");
            Refusal::new(Kind::Unavailable, "log_unreadable", "The log file cannot be read at present.")
        }
    })?;
    let entry = Entry::done(Event::AuditChecked, &caller)
        .on(Target::new(TargetKind::Audit, "records"))
        .with("ok", report.is_ok())
        .with("records", report.records)
        .with("lines", report.lines)
        .with("problems", report.problems.len());
    store::audit::record(&db, &entry).await?;
    Ok(Json(AuditReport {
        ok: report.is_ok(),
        records: report.records,
        lines: report.lines,
        problems: report.problems,
    }))
}

/// Which records, and how they are written.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// Written then or later, Unix seconds.
    from: Option<i64>,
    /// Written before, Unix seconds.
    to: Option<i64>,
    /// `jsonl` or `csv`; `jsonl` when left out.
    format: Option<String>,
}

/// The records as a file, oldest first. That it left is recorded before its first byte.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(ExportQuery),
    responses((status = 200, body = String, content_type = "application/jsonl")))]
async fn export_audit(
    caller: Extension<Caller>,
    State(db): State<Db>,
    Asked(query): Asked<ExportQuery>,
) -> Answer<Response> {
    let permit = caller.may_read_audit()?;
    let word = query.format.as_deref().unwrap_or("jsonl");
    let format = Format::parse(word)
        .ok_or_else(|| Refusal::field("format", "invalid_format", "The format must be jsonl or csv."))?;
    let span =
        Span { from: query.from.map(Timestamp::from_seconds), to: query.to.map(Timestamp::from_seconds) };
    let export = Export::begin(&db, format, span, &permit).await?;
    let entry = Entry::done(Event::AuditExported, &caller)
        .on(Target::new(TargetKind::Audit, "records"))
        .with("format", format.as_str())
        .with("from", query.from)
        .with("to", query.to);
    store::audit::record(&db, &entry).await?;
    Ok(download(export, format))
}

fn download(export: Export, format: Format) -> Response {
    let pieces = stream::try_unfold(export, async |mut export| {
        Ok::<_, store::StoreError>(export.next().await?.map(|it| (it, export)))
    });
    let name = format!("attachment; filename=\"audit.{}\"", format.as_str());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

impl From<store::StoreError> for Refused {
    fn from(error: store::StoreError) -> Self {
        Self(error.into())
    }
}
