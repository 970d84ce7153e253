//! The models to choose from, in Open WebUI's shape. A program sees those that its key lists.

use axum::{Extension, Json, extract::State};
use gateway::{Gateway, Payer, Target};
use http::HeaderMap;
use kernel::{Caller, Endpoint, ModelId, Pricing, Who};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    caller::Credential,
    dialect::Dialect,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Inference, routes!(list_models))
        .route(Access::Inference, routes!(list_models_v1))
}

/// The models on offer.
#[derive(Serialize, ToSchema)]
struct ModelList {
    /// In the order of the connections.
    data: Vec<Model>,
}

/// A model on offer.
#[derive(Serialize, ToSchema)]
struct Model {
    /// What to ask for.
    id: String,
    /// For people.
    name: String,
    /// Always `model`.
    object: &'static str,
    /// Unix seconds.
    created: i64,
    owned_by: String,
    connection_type: ConnectionType,
    connection: ModelConnection,
    /// How many tokens fit, if anybody knows.
    #[schema(required)]
    context_length: Option<u64>,
    /// What it costs, if anybody knows.
    #[schema(required)]
    pricing: Option<ModelPricing>,
}

/// What stands behind a model.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ConnectionType {
    /// A provider.
    External,
    /// The demo provider inside the binary.
    Demo,
}

/// Who serves a model.
#[derive(Serialize, ToSchema)]
struct ModelConnection {
    id: String,
    name: String,
}

/// USD for a million tokens.
#[derive(Serialize, ToSchema)]
struct ModelPricing {
    prompt: f64,
    completion: f64,
}

impl From<&Pricing> for ModelPricing {
    fn from(pricing: &Pricing) -> Self {
        Self { prompt: pricing.prompt.dollars(), completion: pricing.completion.dollars() }
    }
}

impl From<&Target> for Model {
    fn from(target: &Target) -> Self {
        let provider = &target.provider;
        Self {
            id: target.public_id.clone(),
            name: target.name.clone(),
            object: "model",
            created: target.created,
            owned_by: target.owned_by.clone(),
            connection_type: if provider.is_demo() { ConnectionType::Demo } else { ConnectionType::External },
            connection: ModelConnection { id: provider.id.to_string(), name: provider.name.clone() },
            context_length: target.limits.context_length,
            pricing: target.pricing().map(ModelPricing::from),
        }
    }
}

/// The models that the caller may use.
#[utoipa::path(get, path = "/api/models", tag = "models", responses((status = 200, body = ModelList)))]
async fn list_models(
    State(gateway): State<Gateway>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer<Json<ModelList>> {
    let payer = match (caller.who(), Credential::of(&headers)) {
        (Who::Program(_), Some(credential)) => Payer::Key(gateway.program(credential.text())?),
        _ => Payer::Caller(caller),
    };
    match &payer {
        Payer::Key(held) => held.key.may_call(Endpoint::Models)?,
        Payer::Caller(caller) => drop(caller.may_use_model()?),
    }
    let may_use = |target: &Target| {
        let is_listed = match &payer {
            Payer::Key(held) => {
                ModelId::parse(&target.public_id).is_some_and(|id| held.key.may_use_model(&id).is_ok())
            }
            Payer::Caller(caller) => {
                caller.person().is_none_or(|person| person.credential_reaches(&target.public_id))
            }
        };
        is_listed && gateway.may_reach(&payer, &target.public_id)
    };
    let catalog = gateway.catalog();
    let data = catalog.offered().filter(|it| may_use(it)).map(|target| target.as_ref().into()).collect();
    Ok(Json(ModelList { data }))
}

/// The same under Open WebUI's newer path.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", responses((status = 200, body = ModelList)))]
async fn list_models_v1(
    gateway: State<Gateway>,
    caller: Extension<Caller>,
    headers: HeaderMap,
) -> Answer<Json<ModelList>> {
    list_models(gateway, caller, headers).await
}
