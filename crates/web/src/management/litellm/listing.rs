//! `/key/info` and `/key/list`.

use axum::{Extension, Json, extract::State};
use gateway::Gateway;
use kernel::{Caller, Denied, KeyId, Kind, Program, Refusal, UserId, Who, audit::TargetKind};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Page, keys::KeyFilter};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{keys::live_key, row};
use crate::{
    dialect::Dialect,
    extract::Asked,
    refused::Answer,
    table::{Access, Group},
};

/// Keys on a page when nobody says how many.
const USUAL: u32 = 10;
/// The most keys on a page.
const MOST: u32 = 100;

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi)
        .route(Access::KeyHolder.personal(TargetKind::VirtualKey), routes!(info))
        .route(Access::Management.personal(TargetKind::VirtualKey), routes!(list))
}

/// Which key.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InfoQuery {
    /// Its secret or its token; left out, the key that the request was made with.
    key: Option<String>,
}

/// One key. A program may ask about its own.
#[utoipa::path(get, path = "/key/info", operation_id = "litellm_key_info", tag = "litellm", params(InfoQuery),
    responses((status = 200, description = "`{\"key\", \"info\"}`: as it was named, and LiteLLM's row", body = serde_json::Value)))]
async fn info(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Asked(query): Asked<InfoQuery>,
) -> Answer<Json<Value>> {
    let (named, view) = match (caller.who(), query.key) {
        (Who::Program(program), named) => {
            let view = own(&gateway, program, named.as_deref()).await?;
            (named.unwrap_or_else(|| program.key.to_string()), view)
        }
        (_, Some(named)) => {
            let view = live_key(&gateway, &named, &caller.may_manage_keys()?).await?;
            (named, view)
        }
        (_, None) => {
            let words = "Name the key: ?key= its secret or its token.";
            return Err(Refusal::field("key", "missing_field", words).into());
        }
    };
    Ok(Json(json!({ "key": named, "info": row::row(&view) })))
}

/// The key of the program that asks; it may name itself and nobody else.
async fn own(gateway: &Gateway, program: &Program, named: Option<&str>) -> Result<gateway::KeyView, Refusal> {
    // Without a master key this API is for administrators' sessions alone.
    if !gateway.has_master_key() {
        return Err(Denied::NotPermitted.into());
    }
    let is_own = named.is_none_or(|named| {
        named == program.key.as_str()
            || matches!(gateway.known_key(named), Some(Ok(held)) if held.key.id == program.key)
    });
    if !is_own {
        let words = "A virtual key may ask about itself only.";
        return Err(Refusal::new(Kind::Forbidden, "key_access_denied", words));
    }
    gateway.own_key(program).await?.ok_or_else(|| Refusal::not_found("key"))
}

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// From 1.
    page: Option<u32>,
    /// Up to 100; 10 when left out.
    size: Option<u32>,
    /// Keys of this account.
    user_id: Option<String>,
    /// The key with this alias.
    key_alias: Option<String>,
    /// The key with this token.
    key_hash: Option<String>,
    /// Rows instead of tokens.
    return_full_object: Option<bool>,
    /// Not supported yet.
    team_id: Option<String>,
    /// Not supported yet.
    organization_id: Option<String>,
    /// `created_at`, the only order there is.
    sort_by: Option<String>,
    /// `desc`, the only direction there is.
    sort_order: Option<String>,
}

impl ListQuery {
    /// Refuses what would be answered wrongly.
    fn check(&self) -> Result<(), Refusal> {
        let unsupported = [
            ("team_id", self.team_id.as_deref().is_some_and(|id| !id.is_empty())),
            ("organization_id", self.organization_id.as_deref().is_some_and(|id| !id.is_empty())),
            ("sort_by", self.sort_by.as_deref().is_some_and(|by| !matches!(by, "" | "created_at"))),
            ("sort_order", self.sort_order.as_deref().is_some_and(|order| !matches!(order, "" | "desc"))),
        ];
        match unsupported.into_iter().find(|(_, is_there)| *is_there) {
            None => Ok(()),
            Some((name, _)) => {
                let words = format!("The parameter {name} is not supported yet. Leave it out.");
                Err(Refusal::field(name, "unsupported_field", words))
            }
        }
    }

    fn owner(&self) -> Result<Option<UserId>, Refusal> {
        let Some(id) = self.user_id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
        let words = "Keys can be listed by the id of an account here.";
        id.parse().map(Some).map_err(|_| Refusal::field("user_id", "unknown_owner", words))
    }
}

/// Keys that were not deleted, newest first.
#[utoipa::path(get, path = "/key/list", operation_id = "litellm_key_list", tag = "litellm", params(ListQuery),
    responses((status = 200, description = "`{\"keys\", \"total_count\", \"current_page\", \"total_pages\"}`", body = serde_json::Value)))]
async fn list(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Asked(query): Asked<ListQuery>,
) -> Answer<Json<Value>> {
    let permit = &caller.may_manage_keys()?;
    query.check()?;
    let (number, size) = (query.page.unwrap_or(1).max(1), query.size.unwrap_or(USUAL).clamp(1, MOST));
    let token = query.key_hash.as_deref().filter(|token| !token.is_empty());
    let (views, total) = if let Some(token) = token {
        one(&gateway, token, permit).await?
    } else {
        let filter = KeyFilter {
            owner: query.owner()?,
            name: query.key_alias.clone().filter(|alias| !alias.is_empty()),
            only_live: true,
            ..KeyFilter::default()
        };
        gateway.list_keys(&filter, Page::new(number, size), permit).await?
    };
    let is_full = query.return_full_object == Some(true);
    let show =
        |view: &gateway::KeyView| if is_full { Value::Object(row::row(view)) } else { json!(view.key.id) };
    Ok(Json(json!({
        "keys": views.iter().map(show).collect::<Vec<_>>(),
        "total_count": total,
        "current_page": number,
        "total_pages": total.div_ceil(u64::from(size)),
    })))
}

async fn one(
    gateway: &Gateway,
    token: &str,
    permit: &kernel::Permit<kernel::ManageKeys>,
) -> Result<(Vec<gateway::KeyView>, u64), Refusal> {
    let Ok(id) = token.parse::<KeyId>() else { return Ok((Vec::new(), 0)) };
    match live_key(gateway, id.as_str(), permit).await {
        Ok(view) => Ok((vec![view], 1)),
        Err(refusal) if refusal.kind == Kind::NotFound => Ok((Vec::new(), 0)),
        Err(refusal) => Err(refusal),
    }
}
