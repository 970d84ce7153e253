//! Which models a caller may use, in OpenAI's shape.

use axum::{
    Json,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use gateway::{Payer, Target};
use http::request::Parts;
use kernel::{Endpoint, Kind, ModelId, Refusal, UpstreamModel};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Named, payer, respond};
use crate::{app::App, dialect::Dialect, table::Group};

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi)
        .inference(routes!(list_models))
        .inference(routes!(retrieve_model))
        .alias("GET", "/models", get(list_models))
        .alias("GET", "/models/{*model}", get(retrieve_model))
        .alias("GET", "/openai/models", get(list_models))
        .inference(routes!(retrieve_model_or_list))
        .alias("GET", "/openai/v1/models", get(list_models))
        .alias("GET", "/openai/v1/models/{*model}", get(retrieve_model))
}

/// A list of models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiModels {
    /// Always `list`.
    object: &'static str,
    data: Vec<OpenAiModel>,
}

/// A model as OpenAI's SDKs know it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiModel {
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

impl From<UpstreamModel> for OpenAiModel {
    fn from(model: UpstreamModel) -> Self {
        let UpstreamModel { id, created, owned_by, .. } = model;
        Self { id, object: "model", created, owned_by }
    }
}

impl FromIterator<OpenAiModel> for OpenAiModels {
    fn from_iter<I: IntoIterator<Item = OpenAiModel>>(models: I) -> Self {
        Self { object: "list", data: models.into_iter().collect() }
    }
}

/// The models that the caller may use.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_openai_models", tag = "inference",
    responses((status = 200, body = OpenAiModels)))]
async fn list_models(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(&app, &parts, list(&app, &parts).await.map(Json)).await
}

/// One of them. 404 for a model that is not there, and for one that the key does not list.
#[utoipa::path(get, path = "/v1/models/{*model}", tag = "inference",
    params(("model" = String, Path, description = "Slashes may stand in it as they are.")),
    responses((status = 200, body = OpenAiModel)))]
async fn retrieve_model(State(app): State<App>, Named(model): Named, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(&app, &parts, retrieve(&app, &parts, &model).await.map(Json)).await
}

/// What stands below `/openai/models`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum OpenAiModelOrModels {
    One(OpenAiModel),
    Many(OpenAiModels),
}

/// One model as below `/v1/models`; or, as at Open WebUI, the models of one connection, named by its place in
/// the list of connections. A model with that number for a name goes first. Models that an earlier connection
/// serves under the same name are that one's.
#[utoipa::path(get, path = "/openai/models/{*model}", tag = "inference",
    params(("model" = String, Path, description = "A model, or the place of a connection, counted from `0`.")),
    responses((status = 200, body = OpenAiModelOrModels)))]
async fn retrieve_model_or_list(State(app): State<App>, Named(model): Named, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let found = match (retrieve(&app, &parts, &model).await, model.parse()) {
        (Err(refusal), Ok(place)) if refusal.kind == Kind::NotFound => {
            list_of(&app, &parts, place).await.map(OpenAiModelOrModels::Many)
        }
        (found, _) => found.map(OpenAiModelOrModels::One),
    };
    respond(&app, &parts, found.map(Json)).await
}

async fn retrieve(app: &App, parts: &Parts, model: &str) -> Result<OpenAiModel, Refusal> {
    let models = list(app, parts).await?.data;
    models.into_iter().find(|it| it.id == model).ok_or_else(|| {
        let words = format!("The model '{model}' does not exist or is not offered here.");
        Refusal { field: Some("model".into()), ..Refusal::new(Kind::NotFound, "model_not_found", words) }
    })
}

async fn list(app: &App, parts: &Parts) -> Result<OpenAiModels, Refusal> {
    let payer = reader(app, parts).await?;
    let catalog = app.services().gateway.settled_catalog().await;
    let models = catalog.offered().filter(|target| may_use(app, &payer, target));
    Ok(models.map(|target| target.as_ref().into()).collect())
}

/// Those of one connection. 404 when there is none at this place.
async fn list_of(app: &App, parts: &Parts, place: usize) -> Result<OpenAiModels, Refusal> {
    let payer = reader(app, parts).await?;
    let found = app.services().gateway.models_at(place).await?;
    let models = found.ok_or_else(|| Refusal::not_found("connection"))?;
    let models = models.iter().filter(|target| may_use(app, &payer, target));
    Ok(models.map(|target| target.as_ref().into()).collect())
}

/// Who asks, if they may ask for models at all.
async fn reader(app: &App, parts: &Parts) -> Result<Payer, Refusal> {
    let payer = payer(app, parts).await?;
    match &payer {
        Payer::Caller(caller) => drop(caller.may_use_model()?),
        Payer::Key(held) => held.key.may_call(Endpoint::Models)?,
    }
    Ok(payer)
}

fn may_use(app: &App, payer: &Payer, target: &Target) -> bool {
    let is_listed = match payer {
        Payer::Caller(caller) => {
            caller.person().is_none_or(|person| person.credential_reaches(&target.public_id))
        }
        Payer::Key(held) => {
            ModelId::parse(&target.public_id).is_some_and(|id| held.key.may_use_model(&id).is_ok())
        }
    };
    is_listed && app.services().gateway.may_reach(payer, &target.public_id)
}
