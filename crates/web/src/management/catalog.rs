//! The model catalogue: what each connection offers, and what administrators decide about single models.

use axum::{Extension, Json, extract::State};
use gateway::{CatalogEntry, Gateway, ModelChange, PriceSource};
use kernel::{Caller, ConnectionId, Money, Pricing, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    dialect::Dialect,
    extract::Body,
    patch::Patch,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace).route(Access::Admin, routes!(list_catalog, update_catalog))
}

/// One model of one connection.
#[derive(Serialize, ToSchema)]
struct CatalogModel {
    #[schema(value_type = String)]
    connection_id: ConnectionId,
    connection_name: String,
    /// The provider's name for it.
    upstream_id: String,
    /// The public id: what callers ask for.
    id: String,
    name: String,
    /// Not offered to callers.
    hidden: bool,
    /// An administrator changed its public id or name.
    renamed: bool,
    #[schema(required)]
    context_length: Option<u64>,
    #[schema(required)]
    pricing: Option<CatalogPricing>,
    /// The connection is in use and its provider lists the model.
    available: bool,
}

/// US dollars for a million tokens, and who says so.
#[derive(Serialize, ToSchema)]
struct CatalogPricing {
    prompt: f64,
    completion: f64,
    /// Of prompt tokens that the provider read from its cache; the prompt's price when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cached_prompt: Option<f64>,
    source: CatalogPriceSource,
}

/// Who says what a model costs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CatalogPriceSource {
    /// `MODEL_PRICES`, or the table that ships with the program.
    Table,
    /// An administrator.
    Override,
    /// The provider's own list.
    Provider,
}

/// All models of all connections.
#[derive(Serialize, ToSchema)]
struct CatalogList {
    items: Vec<CatalogModel>,
}

/// What to change about one model; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CatalogChange {
    #[schema(value_type = String)]
    connection_id: ConnectionId,
    upstream_id: String,
    #[schema(nullable = false)]
    hidden: Option<bool>,
    /// `null` resets it to the provider's own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    id: Patch<String>,
    /// `null` resets it to the provider's own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    /// `null` gives the price back to the table or the provider.
    #[serde(default)]
    #[schema(value_type = Option<NewPricing>)]
    pricing: Patch<NewPricing>,
}

/// US dollars for a million tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPricing {
    prompt: f64,
    completion: f64,
    /// Of prompt tokens that the provider read from its cache; the prompt's price when left out.
    cached_prompt: Option<f64>,
}

impl From<CatalogEntry> for CatalogModel {
    fn from(entry: CatalogEntry) -> Self {
        Self {
            connection_id: entry.connection,
            connection_name: entry.connection_name,
            upstream_id: entry.upstream_id,
            id: entry.public_id,
            name: entry.name,
            hidden: entry.is_hidden,
            renamed: entry.is_renamed,
            context_length: entry.context_length,
            pricing: entry.price.map(|(pricing, source)| CatalogPricing {
                prompt: pricing.prompt.dollars(),
                completion: pricing.completion.dollars(),
                cached_prompt: pricing.cached_prompt.map(Money::dollars),
                source: match source {
                    PriceSource::Override => CatalogPriceSource::Override,
                    PriceSource::Provider => CatalogPriceSource::Provider,
                    PriceSource::Table => CatalogPriceSource::Table,
                },
            }),
            available: entry.is_available,
        }
    }
}

fn pricing(new: &NewPricing) -> Result<Pricing, Refusal> {
    let money = |field: &'static str, dollars: f64| {
        Money::from_dollars(dollars).map_err(|why| {
            Refusal::field(format!("pricing.{field}"), "invalid_price", format!("The price is wrong: {why}."))
        })
    };
    Ok(Pricing {
        prompt: money("prompt", new.prompt)?,
        completion: money("completion", new.completion)?,
        cached_prompt: new.cached_prompt.map(|dollars| money("cached_prompt", dollars)).transpose()?,
    })
}

/// Every model of every connection, hidden ones included.
#[utoipa::path(get, path = "/api/v1/catalog/models", tag = "models", responses((status = 200, body = CatalogList)))]
async fn list_catalog(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
) -> Answer<Json<CatalogList>> {
    let entries = gateway.list_models(&caller.may_manage_connections()?).await?;
    Ok(Json(CatalogList { items: entries.into_iter().map(CatalogModel::from).collect() }))
}

/// Hides, renames or prices a model.
#[utoipa::path(patch, path = "/api/v1/catalog/models", tag = "models", request_body = CatalogChange,
    responses((status = 200, body = CatalogModel)))]
async fn update_catalog(
    caller: Extension<Caller>,
    State(gateway): State<Gateway>,
    Body(asked): Body<CatalogChange>,
) -> Answer<Json<CatalogModel>> {
    let permit = &caller.may_manage_connections()?;
    let change = ModelChange {
        is_hidden: asked.hidden,
        public_id: asked.id.change(),
        name: asked.name.change(),
        pricing: asked.pricing.read(|new| pricing(&new))?.change(),
    };
    let entry = gateway.change_model(&asked.connection_id, &asked.upstream_id, change, permit).await?;
    Ok(Json(entry.into()))
}
