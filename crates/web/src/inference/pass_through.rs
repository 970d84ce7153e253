//! Everything below `/openai/` that has no route of its own: closed, unless the operator passes it on to providers.

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use gateway::Passage;
use http::{header, request::Parts};
use kernel::{Caller, Refusal};
use utoipa_axum::routes;

use crate::{
    app::App,
    dialect::Dialect,
    extract,
    refused::Answer,
    table::{Access, Group},
    workspace::switches,
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::OpenAi)
        .route(Access::Member, routes!(pass_get, pass_post, pass_put, pass_patch, pass_delete))
}

macro_rules! passing {
    ($($method:ident $name:ident),* $(,)?) => {$(
        /// Passed on to a provider with its key, where `ENABLE_OPENAI_API_PASSTHROUGH` is on; 403 `feature_disabled`
        /// where it is off.
        #[utoipa::path($method, path = "/openai/{*path}", tag = "inference", params(("path" = String, Path)),
            responses((status = 200, description = "The provider's answer", body = Vec<u8>, content_type = "application/octet-stream")))]
        async fn $name(State(app): State<App>, request: Request) -> Answer<Response> {
            pass(&app, request).await
        }
    )*};
}

passing! {
    get pass_get,
    post pass_post,
    put pass_put,
    patch pass_patch,
    delete pass_delete,
}

async fn pass(app: &App, request: Request) -> Answer<Response> {
    let services = app.services();
    let is_on = services.settings.load().settings.enable_openai_api_passthrough.value;
    switches::require(is_on, "ENABLE_OPENAI_API_PASSTHROUGH")?;
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(Refusal::internal)?;
    let body = extract::read(body, extract::Patience::of(app)).await?;
    let passage = Passage {
        path: below(&parts).to_owned(),
        query: parts.uri.query().map(str::to_owned),
        content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
        method: parts.method,
        body,
    };
    Ok(services.gateway.pass_through(&caller, passage).await?.map(Body::from))
}

/// The path below a provider's base URL, which ends in `/v1` already.
fn below(parts: &Parts) -> &str {
    let path = parts.uri.path();
    let path = path.strip_prefix("/openai").unwrap_or(path);
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}
