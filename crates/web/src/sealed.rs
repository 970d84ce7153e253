//! What is served when the keys are not those of the data: that the process runs, and why it does not serve.
//! Nothing is read from the database and nothing is written to it.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use kernel::{Kind, Refusal};
use serde_json::json;

use crate::{dialect::Dialect, health};

/// The router of a sealed server. `reason` is for the operator and names no secret.
pub fn sealed_router(reason: &str) -> Router {
    let ready = json!({ "status": false, "reason": format!("keys: {reason}") });
    let not_ready = move || {
        let ready = ready.clone();
        async move { (StatusCode::SERVICE_UNAVAILABLE, Json(ready)) }
    };
    Router::new()
        .route("/health", get(health::health))
        .route("/health/liveness", get(health::liveness))
        .route("/ready", get(not_ready.clone()))
        .route("/health/readiness", get(not_ready))
        .fallback(sealed)
}

async fn sealed() -> Response {
    let words = "This server holds other keys than its data was sealed with, so it serves nothing. Its operator finds the reason under /ready.";
    Dialect::Workspace.render(&Refusal::new(Kind::Unavailable, "sealed", words)).into_response()
}
