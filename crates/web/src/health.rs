//! Whether the process runs, and whether it can serve.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};
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

/// The process runs.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, description = "`{\"status\": true}`")))]
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": true }))
}

/// LiteLLM's name for the same question.
#[utoipa::path(get, path = "/health/liveness", tag = "operations", responses((status = 200, description = "`\"I'm alive!\"`")))]
pub(crate) async fn liveness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// Database, migrations and keys are in order.
#[utoipa::path(get, path = "/ready", tag = "operations", responses(
    (status = 200, description = "`{\"status\": true}`"),
    (status = 503, description = "`{\"status\": false, \"reason\"}`: the reason begins with `database`, `migrations` or `keys`"),
))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    match obstacle(&app).await {
        None => (StatusCode::OK, Json(json!({ "status": true }))),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": false, "reason": reason }))),
    }
}

/// LiteLLM's name for the same question, without the details that it gave to strangers.
#[utoipa::path(get, path = "/health/readiness", tag = "operations", responses(
    (status = 200, description = "`{\"status\": \"healthy\", \"db\": \"connected\"}`"), (status = 503, description = "not ready"),
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
