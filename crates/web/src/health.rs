//! Whether the process runs, and whether it can serve.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::App,
    dialect::Dialect,
    table::{Access, Group},
};

pub(crate) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Public, routes!(health))
        .route(Access::Public, routes!(liveness))
        .route(Access::Public, routes!(ready))
        .route(Access::Public, routes!(readiness))
}

/// Whether the server can serve.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: bool,
    /// Why not; begins with `database`, `migrations` or `keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// The process runs.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, body = Readiness)))]
pub(crate) async fn health() -> Json<Readiness> {
    Json(Readiness { status: true, reason: None })
}

/// LiteLLM's name for the same question.
#[utoipa::path(get, path = "/health/liveness", tag = "operations", responses((status = 200, description = "`\"I'm alive!\"`", body = String, content_type = "application/json")))]
pub(crate) async fn liveness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// Database, migrations and keys are in order.
#[utoipa::path(get, path = "/ready", tag = "operations", responses(
    (status = 200, body = Readiness), (status = 503, description = "Not now", body = Readiness),
))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let reason = obstacle(&app).await;
    let status = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { status: reason.is_none(), reason }))
}

/// LiteLLM's name for the same question, without the details that it gave to strangers.
#[utoipa::path(get, path = "/health/readiness", tag = "operations", responses(
    (status = 200, description = "`{\"status\": \"healthy\", \"db\": \"connected\"}`", body = Value),
    (status = 503, description = "Not ready", body = Value),
))]
async fn readiness(State(app): State<App>) -> (StatusCode, Json<Value>) {
    match obstacle(&app).await {
        None => (StatusCode::OK, Json(json!({ "status": "healthy", "db": "connected" }))),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unhealthy", "db": "unknown" }))),
    }
}

async fn obstacle(app: &App) -> Option<String> {
    let services = app.services();
    if let Err(error) = services.db.ping().await {
        return Some(format!("database: {error}"));
    }
    match store::pending(&services.db).await {
        Ok(names) if names.is_empty() => None,
        Ok(names) => {
            Some(format!("migrations: {} still to be applied; run `wardroom migrate`", names.join(", ")))
        }
        Err(error) => Some(format!("migrations: {error}")),
    }
}
