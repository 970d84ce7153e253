//! What every request to a model used and cost.

use axum::{Extension, Json, extract::State};
use gateway::Gateway;
use identity::Identity;
use kernel::{
    ApiKeyId, Caller, ConnectionId, KeyId, Money, Outcome, UsageId, UsageRecord, UserId, audit::TargetKind,
};
use serde::{Deserialize, Serialize};
use store::usage::UsageFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::Asked,
    refused::Answer,
    table::{Access, Group},
};

/// Rows when nobody says how many.
const USUAL: u32 = 100;
/// The most rows at once.
const MOST: u32 = 500;

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace).route(Access::Admin.personal(TargetKind::Account), routes!(list_usage))
}

/// One request to a model. Money is US dollars.
#[derive(Serialize, ToSchema)]
struct UsageRow {
    #[schema(value_type = String)]
    id: UsageId,
    /// When it came in, Unix seconds.
    at: i64,
    endpoint: &'static str,
    /// By its public id.
    model: String,
    /// The name of the connection that answered; empty when none did.
    provider: String,
    #[schema(value_type = Option<String>, required)]
    connection_id: Option<ConnectionId>,
    #[schema(value_type = Option<String>, required)]
    key_id: Option<KeyId>,
    #[schema(value_type = Option<String>, required)]
    user_id: Option<UserId>,
    /// The API key with which the person asked.
    #[schema(value_type = Option<String>, required)]
    api_key_id: Option<ApiKeyId>,
    /// What its owner calls it now; `null` when it was deleted.
    #[schema(required)]
    api_key_name: Option<String>,
    status: UsageStatus,
    /// As the caller saw it.
    http_status: u16,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Part of the prompt's.
    cached_tokens: u64,
    /// Part of the completion's.
    reasoning_tokens: u64,
    /// The provider left the counting to us.
    estimated: bool,
    /// `null` when the price is not known.
    #[schema(required)]
    cost: Option<f64>,
    milliseconds: u64,
    #[schema(required)]
    first_byte_milliseconds: Option<u64>,
    stream: bool,
    /// The stable code of what went wrong.
    #[schema(required)]
    error: Option<String>,
}

/// How a request ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum UsageStatus {
    /// Answered to the end.
    Ok,
    /// The provider failed.
    Failed,
    /// The client went away.
    Disconnected,
    /// Refused before any provider was called.
    Refused,
}

/// Rows, newest first.
#[derive(Serialize, ToSchema)]
struct UsageList {
    items: Vec<UsageRow>,
}

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsageQuery {
    /// At most this many, up to 500; 100 when left out.
    limit: Option<u32>,
    /// Older than the row with this id: the next page.
    #[param(value_type = Option<String>)]
    before: Option<UsageId>,
    /// Paid by this key.
    #[param(value_type = Option<String>)]
    key_id: Option<KeyId>,
    /// Asked by a person with this API key.
    #[param(value_type = Option<String>)]
    api_key_id: Option<ApiKeyId>,
    /// For this model, by its public id.
    model: Option<String>,
}

fn row(record: UsageRecord, provider: String, api_key_name: Option<String>) -> UsageRow {
    UsageRow {
        id: record.id,
        at: record.at.seconds(),
        endpoint: record.endpoint.as_str(),
        model: record.model,
        provider,
        connection_id: record.connection,
        key_id: record.key,
        user_id: record.user,
        api_key_id: record.api_key,
        api_key_name,
        status: match record.outcome {
            Outcome::Ok => UsageStatus::Ok,
            Outcome::Failed => UsageStatus::Failed,
            Outcome::Disconnected => UsageStatus::Disconnected,
            Outcome::Refused => UsageStatus::Refused,
        },
        http_status: record.status,
        prompt_tokens: record.tokens.prompt,
        completion_tokens: record.tokens.completion,
        cached_tokens: record.tokens.cached,
        reasoning_tokens: record.tokens.reasoning,
        estimated: record.is_estimated,
        cost: record.cost.map(Money::dollars),
        milliseconds: record.milliseconds,
        first_byte_milliseconds: record.first_byte_milliseconds,
        stream: record.is_stream,
        error: record.error,
    }
}

/// The ledger, newest first. Whatever was answered before this request is in it.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageQuery), responses((status = 200, body = UsageList)))]
async fn list_usage(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    State(identity): State<Identity>,
    Asked(query): Asked<UsageQuery>,
) -> Answer<Json<UsageList>> {
    let permit = &caller.may_read_usage()?;
    let UsageQuery { limit, before, key_id, api_key_id, model } = query;
    let filter = UsageFilter { key: key_id, api_key: api_key_id, model, before, ..UsageFilter::default() };
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let page = gateway.usage(&filter, limit, permit).await?;
    let names = identity.api_key_names(page.records.iter().filter_map(|it| it.api_key.as_ref())).await?;
    let items = page.records.iter().map(|record| {
        let name = record.api_key.as_ref().and_then(|id| names.get(id)).cloned();
        row(record.clone(), page.provider_of(record).to_owned(), name)
    });
    Ok(Json(UsageList { items: items.collect() }))
}
