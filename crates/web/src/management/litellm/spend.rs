//! `/spend/logs`: the ledger in LiteLLM's shape.

use std::time::Duration;

use axum::{Extension, Json, extract::State};
use gateway::Gateway;
use identity::Identity;
use kernel::{
    ApiKeyId, Caller, Endpoint, KeyId, ManageKeys, Money, Outcome, Permit, Refusal, RequestId, Timestamp,
    UsageId, UsageRecord, UserId, audit::TargetKind,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::usage::UsageFilter;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::moment;
use crate::{
    dialect::Dialect,
    extract::Asked,
    refused::Answer,
    table::{Access, Group},
};

/// The most rows at once.
const MOST: u32 = 1000;

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi).route(Access::Management.personal(TargetKind::Account), routes!(spend_logs))
}

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SpendQuery {
    /// Paid by the key with this secret or token.
    api_key: Option<String>,
    /// Asked by this account, or with a key of it.
    user_id: Option<String>,
    /// Of the request with this id, as in `x-litellm-call-id`.
    request_id: Option<String>,
    /// From this moment on: `2026-11-21` or `2026-11-21 01:18:56`, UTC.
    start_date: Option<String>,
    /// Up to this moment.
    end_date: Option<String>,
    /// Sums by day are not supported yet: with dates, send `false`.
    summarize: Option<bool>,
    /// At most this many, up to 1000, which is also usual.
    limit: Option<u32>,
    /// Older than the row with this `metadata.usage_id`: the next page.
    #[param(value_type = Option<String>)]
    before: Option<UsageId>,
}

impl SpendQuery {
    async fn filter(&self, gateway: &Gateway, permit: &Permit<ManageKeys>) -> Result<UsageFilter, Refusal> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let key = match given(&self.api_key) {
            Some(named) => Some(gateway.key_by_secret_or_id(&named, permit).await?.key.id),
            None => None,
        };
        let unknown = |field| {
            move |_| Refusal::field(field, "invalid_id", format!("The parameter {field} is no id of ours."))
        };
        Ok(UsageFilter {
            key,
            user: given(&self.user_id)
                .map(|id| id.parse::<UserId>())
                .transpose()
                .map_err(unknown("user_id"))?,
            request: given(&self.request_id)
                .map(|id| id.parse::<RequestId>())
                .transpose()
                .map_err(unknown("request_id"))?,
            since: given(&self.start_date).map(|text| moment::read("start_date", &text)).transpose()?,
            until: given(&self.end_date).map(|text| moment::read("end_date", &text)).transpose()?,
            before: self.before.clone(),
            api_key: None,
            model: None,
        })
    }
}

/// The ledger, newest first, in LiteLLM's shape. Prompts and answers are not in it.
#[utoipa::path(get, path = "/spend/logs", operation_id = "litellm_spend_logs", tag = "litellm", params(SpendQuery),
    responses((status = 200, description = "A list of LiteLLM's spend logs", body = serde_json::Value)))]
async fn spend_logs(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    State(identity): State<Identity>,
    Asked(query): Asked<SpendQuery>,
) -> Answer<Json<Vec<Value>>> {
    let permit = &caller.may_read_usage()?;
    let has_dates = query.start_date.is_some() && query.end_date.is_some();
    if query.summarize == Some(true) || (has_dates && query.summarize.is_none()) {
        let words = "Sums by day are not supported yet. Send summarize=false for the single requests.";
        return Err(Refusal::field("summarize", "unsupported_field", words).into());
    }
    let filter = query.filter(&gateway, &caller.may_manage_keys()?).await?;
    let page = gateway.usage(&filter, query.limit.unwrap_or(MOST).clamp(1, MOST), permit).await?;
    let names = identity.api_key_names(page.records.iter().filter_map(|it| it.api_key.as_ref())).await?;
    let logs = page.records.iter().map(|record| {
        let name = record.api_key.as_ref().and_then(|id| names.get(id));
        log(record, page.provider_of(record), name.map(String::as_str))
    });
    Ok(Json(logs.collect()))
}

/// `api_key_name` is what a person calls the API key they asked with.
fn log(record: &UsageRecord, provider: &str, api_key_name: Option<&str>) -> Value {
    let of_person = record.api_key.as_ref().map(ApiKeyId::as_str);
    let key = record.key.as_ref().map(KeyId::as_str).or(of_person);
    let milliseconds = |count| record.at.plus(Duration::from_millis(count)).rfc3339();
    let is_success = record.outcome == Outcome::Ok;
    json!({
        "request_id": record.request.as_str(),
        "call_type": call_type(record.endpoint),
        "api_key": key.unwrap_or_default(),
        "spend": record.cost.map_or(0.0, Money::dollars),
        "total_tokens": record.tokens.prompt.saturating_add(record.tokens.completion),
        "prompt_tokens": record.tokens.prompt,
        "completion_tokens": record.tokens.completion,
        "startTime": Timestamp::rfc3339(record.at),
        "endTime": milliseconds(record.milliseconds),
        "request_duration_ms": record.milliseconds,
        "completionStartTime": record.first_byte_milliseconds.map(milliseconds),
        "model": record.model,
        "model_id": record.connection.as_ref().map_or("", |id| id.as_str()),
        "model_group": record.model,
        "custom_llm_provider": provider,
        "api_base": "",
        "user": record.user.as_ref().map_or("", |user| user.as_str()),
        "metadata": {
            "usage_id": record.id.as_str(),
            "status": if is_success { "success" } else { "failure" },
            "outcome": record.outcome.as_str(),
            "user_api_key": key,
            "user_api_key_alias": api_key_name,
            "http_status": record.status,
            "cached_tokens": record.tokens.cached,
            "reasoning_tokens": record.tokens.reasoning,
            "is_estimated": record.is_estimated,
            "has_known_price": record.cost.is_some(),
            "error": record.error,
        },
        "cache_hit": "False",
        "request_tags": [],
        "end_user": "",
        "status": if is_success { "success" } else { "failure" },
    })
}

const fn call_type(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "acompletion",
        Endpoint::Completions => "atext_completion",
        Endpoint::Embeddings => "aembedding",
        Endpoint::Responses => "aresponses",
        Endpoint::Models => "alist_models",
    }
}
