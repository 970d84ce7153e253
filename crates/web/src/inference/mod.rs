//! The surface for programs: OpenAI's routes, and the other spellings that clients use for them.
//!
//! These handlers guard themselves instead of going through the table's layer: they are the hot path, and
//! the gateway's own stops decide who may do what.

mod models;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use gateway::{Call, Payer};
use http::{HeaderValue, request::Parts};
use kernel::{Caller, Endpoint, Kind, Refusal};
use utoipa_axum::routes;

use crate::{
    app::App,
    caller::{self, Credential},
    dialect::Dialect,
    door::{Arrival, LogsItself},
    extract,
    table::Group,
};

pub(crate) fn routes() -> Group {
    let group = Group::new(Dialect::OpenAi)
        .inference(routes!(chat_completions))
        .inference(routes!(completions))
        .inference(routes!(embeddings))
        .inference(routes!(responses))
        .with(models::routes());
    let aliases = [
        ("/chat/completions", Endpoint::ChatCompletions),
        ("/api/chat/completions", Endpoint::ChatCompletions),
        ("/api/v1/chat/completions", Endpoint::ChatCompletions),
        ("/openai/chat/completions", Endpoint::ChatCompletions),
        ("/completions", Endpoint::Completions),
        ("/embeddings", Endpoint::Embeddings),
        ("/api/embeddings", Endpoint::Embeddings),
        ("/api/v1/embeddings", Endpoint::Embeddings),
        ("/responses", Endpoint::Responses),
        ("/openai/responses", Endpoint::Responses),
    ];
    let group = aliases.into_iter().fold(group, |group, (path, endpoint)| {
        let handler =
            post(move |State(app): State<App>, request: Request| serve(app, request, endpoint, None));
        group.alias("POST", path, handler)
    });
    // Azure's and the oldest clients' way: the model stands in the path.
    let tails = [
        ("chat/completions", Endpoint::ChatCompletions),
        ("completions", Endpoint::Completions),
        ("embeddings", Endpoint::Embeddings),
        ("responses", Endpoint::Responses),
    ];
    ["/openai/deployments/{model}", "/engines/{model}", "/v1/engines/{model}"].into_iter().fold(
        group,
        |group, head| {
            tails.into_iter().fold(group, |group, (tail, endpoint)| {
                let handler =
                    post(move |State(app): State<App>, Path(model): Path<String>, request: Request| {
                        serve(app, request, endpoint, Some(model))
                    });
                group.alias("POST", &format!("{head}/{tail}"), handler)
            })
        },
    )
}

/// A chat completion, streamed or not. Fields that Wardroom does not know are passed on.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "inference", request_body = serde_json::Value,
    responses((status = 200, description = "OpenAI's `chat.completion`, or a stream of `chat.completion.chunk`", body = serde_json::Value)))]
async fn chat_completions(State(app): State<App>, request: Request) -> Response {
    serve(app, request, Endpoint::ChatCompletions, None).await
}

/// A text completion, streamed or not.
#[utoipa::path(post, path = "/v1/completions", tag = "inference", request_body = serde_json::Value,
    responses((status = 200, description = "OpenAI's `text_completion`", body = serde_json::Value)))]
async fn completions(State(app): State<App>, request: Request) -> Response {
    serve(app, request, Endpoint::Completions, None).await
}

/// Vectors for texts.
#[utoipa::path(post, path = "/v1/embeddings", tag = "inference", request_body = serde_json::Value,
    responses((status = 200, description = "OpenAI's list of `embedding`", body = serde_json::Value)))]
async fn embeddings(State(app): State<App>, request: Request) -> Response {
    serve(app, request, Endpoint::Embeddings, None).await
}

/// A response of the Responses API, streamed or not, from providers that have it.
#[utoipa::path(post, path = "/v1/responses", tag = "inference", request_body = serde_json::Value,
    responses((status = 200, description = "OpenAI's `response`", body = serde_json::Value)))]
async fn responses(State(app): State<App>, request: Request) -> Response {
    serve(app, request, Endpoint::Responses, None).await
}

async fn serve(app: App, request: Request, endpoint: Endpoint, model_in_path: Option<String>) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match admit(&app, &parts, body, endpoint, model_in_path).await {
        Err(refusal) => Dialect::OpenAi.render(&refusal),
        Ok(call) => {
            let answered = app.services().gateway.serve(call).await;
            let mut response = match answered {
                Ok(answer) => answer.map(Body::new),
                Err(refusal) => Dialect::OpenAi.render(&refusal),
            };
            response.extensions_mut().insert(LogsItself);
            response
        }
    };
    if let Some(arrival) = parts.extensions.get::<Arrival>()
        && let Ok(id) = HeaderValue::from_str(arrival.id.as_str())
    {
        response.headers_mut().insert("x-litellm-call-id", id);
    }
    response
}

/// Who calls, and the whole body: what the gateway needs to begin.
async fn admit(
    app: &App,
    parts: &Parts,
    body: Body,
    endpoint: Endpoint,
    model_in_path: Option<String>,
) -> Result<Call, Refusal> {
    let payer = payer(app, parts).await?;
    let services = app.services();
    let body = extract::read(body, extract::Patience::of(app)).await?;
    let arrival = parts.extensions.get::<Arrival>().ok_or_else(Refusal::internal)?;
    Ok(Call {
        id: arrival.id.clone(),
        at: services.world.now(),
        started: arrival.started,
        endpoint,
        payer,
        body,
        model_in_path,
        on_close: None,
    })
}

/// Who pays: the holder of a virtual key, of the master key, or a signed-in person.
async fn payer(app: &App, parts: &Parts) -> Result<Payer, Refusal> {
    let credential = Credential::of(&parts.headers);
    if let Some(Credential::Header(token)) = credential
        && let Some(held) = app.services().gateway.known_key(token)
    {
        return held.map(Payer::Key);
    }
    match caller::identify(app, parts).await {
        Ok(Caller::Anonymous) => {
            let words =
                "You did not provide an API key. Send it in the header Authorization: Bearer YOUR_KEY.";
            Err(Refusal::new(Kind::Unauthenticated, "invalid_api_key", words))
        }
        Ok(caller) => {
            // Also asked by the gateway, model by model; here it spares reading the body of somebody who waits
            // for approval, and answers everything they send alike.
            caller.may_use_model()?;
            Ok(Payer::Caller(caller))
        }
        // Whatever it was meant to be, for an SDK it is a key that is not known.
        Err(refusal)
            if refusal.kind == Kind::Unauthenticated && matches!(credential, Some(Credential::Header(_))) =>
        {
            let words =
                "This API key is not known here. Check that it was copied whole, or ask for a new one.";
            Err(Refusal::new(Kind::Unauthenticated, "invalid_api_key", words))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Answers that the model routes give.
fn respond<T: IntoResponse>(answer: Result<T, Refusal>) -> Response {
    match answer {
        Ok(answer) => answer.into_response(),
        Err(refusal) => Dialect::OpenAi.render(&refusal),
    }
}
