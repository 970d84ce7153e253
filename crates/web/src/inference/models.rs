//! Which models a caller may use, in OpenAI's shape.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::Response,
    routing::get,
};
use gateway::{Payer, Target};
use http::request::Parts;
use kernel::{Endpoint, Kind, ModelId, Refusal};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{payer, respond};
use crate::{app::App, dialect::Dialect, table::Group};

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi)
        .inference(routes!(list_models))
        .inference(routes!(retrieve_model))
        .alias("GET", "/models", get(list_models))
        .alias("GET", "/models/{*model}", get(retrieve_model))
        .alias("GET", "/openai/models", get(list_models))
        .alias("GET", "/openai/models/{*model}", get(retrieve_model))
        .alias("GET", "/openai/v1/models", get(list_models))
        .alias("GET", "/openai/v1/models/{*model}", get(retrieve_model))
}

/// A list of models.
#[derive(Debug, Serialize, ToSchema)]
struct OpenAiModels {
    /// Always `list`.
    object: &'static str,
    data: Vec<OpenAiModel>,
}

/// A model as OpenAI's SDKs know it.
#[derive(Debug, Serialize, ToSchema)]
struct OpenAiModel {
    id: String,
    /// Always `model`.
    object: &'static str,
    /// Unix seconds.
    created: i64,
    owned_by: String,
}

impl From<&Target> for OpenAiModel {
    fn from(target: &Target) -> Self {
        Self {
            id: target.public_id.clone(),
            object: "model",
            created: target.created,
            owned_by: target.owned_by.clone(),
        }
    }
}

/// The models that the caller may use.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_openai_models", tag = "inference",
    responses((status = 200, body = OpenAiModels)))]
async fn list_models(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(&parts, list(&app, &parts).await.map(Json))
}

/// One of them. 404 for a model that is not there, and for one that the key does not list.
#[utoipa::path(get, path = "/v1/models/{*model}", tag = "inference",
    params(("model" = String, Path, description = "Slashes may stand in it as they are.")),
    responses((status = 200, body = OpenAiModel)))]
async fn retrieve_model(State(app): State<App>, Path(model): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let found = list(&app, &parts).await.and_then(|models| {
        models.data.into_iter().find(|it| it.id == model).ok_or_else(|| {
            let words = format!("The model '{model}' does not exist or is not offered here.");
            Refusal { field: Some("model".into()), ..Refusal::new(Kind::NotFound, "model_not_found", words) }
        })
    });
    respond(&parts, found.map(Json))
}

async fn list(app: &App, parts: &Parts) -> Result<OpenAiModels, Refusal> {
    let payer = payer(app, parts).await?;
    match &payer {
        Payer::Caller(caller) => drop(caller.may_use_model()?),
        Payer::Key(held) => held.key.may_call(Endpoint::Models)?,
    }
    let may_use = |target: &Target| match &payer {
        Payer::Caller(_) => true,
        Payer::Key(held) => {
            ModelId::parse(&target.public_id).is_some_and(|id| held.key.may_use_model(&id).is_ok())
        }
    };
    let catalog = app.services().gateway.settled_catalog().await;
    let data =
        catalog.offered().filter(|target| may_use(target)).map(|target| target.as_ref().into()).collect();
    Ok(OpenAiModels { object: "list", data })
}
