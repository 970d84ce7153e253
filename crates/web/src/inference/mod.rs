//! The surface for programs: OpenAI's routes, and the other spellings that clients use for them.
//!
//! These handlers guard themselves instead of going through the table's layer: they are the hot path, and
//! the gateway's own stops decide who may do what.

mod models;
mod pass_through;

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Path, Request, State},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use gateway::{Call, Payer};
use http::{HeaderValue, Method, request::Parts};
use kernel::{Caller, Endpoint, Kind, Refusal, Who};
use utoipa_axum::routes;

pub(crate) use models::OpenAiModels;

use crate::{
    app::App,
    caller::{self, Credential},
    dialect::Dialect,
    door::{Arrival, LogsItself},
    extract, record,
    refused::no_such_path,
    table::Group,
};

pub(crate) fn routes() -> Group {
    let group = Group::new(Dialect::OpenAi)
        .inference(routes!(chat_completions))
        .inference(routes!(completions))
        .inference(routes!(embeddings))
        .inference(routes!(responses))
        .with(models::routes())
        .with(pass_through::routes());
    let aliases = [
        ("/chat/completions", Endpoint::ChatCompletions),
        ("/api/chat/completions", Endpoint::ChatCompletions),
        ("/api/v1/chat/completions", Endpoint::ChatCompletions),
        ("/openai/chat/completions", Endpoint::ChatCompletions),
        ("/openai/v1/chat/completions", Endpoint::ChatCompletions),
        ("/completions", Endpoint::Completions),
        ("/embeddings", Endpoint::Embeddings),
        ("/api/embeddings", Endpoint::Embeddings),
        ("/api/v1/embeddings", Endpoint::Embeddings),
        ("/responses", Endpoint::Responses),
        ("/openai/responses", Endpoint::Responses),
        ("/openai/v1/completions", Endpoint::Completions),
        ("/openai/v1/embeddings", Endpoint::Embeddings),
        ("/openai/v1/responses", Endpoint::Responses),
    ];
    let group = aliases.into_iter().fold(group, |group, (path, endpoint)| {
        let handler =
            post(move |State(app): State<App>, request: Request| serve(app, request, endpoint, None));
        group.alias("POST", path, handler)
    });
    ["/openai/deployments", "/engines", "/v1/engines"].into_iter().fold(group, |group, head| {
        let paths = BELOW_A_MODEL.map(|(tail, _)| format!("{head}/{{model}}{tail}"));
        group.below("POST", head, &paths, any(model_in_path))
    })
}

/// Azure's and the oldest clients' way: the model stands in the path, before one of these.
const BELOW_A_MODEL: [(&str, Endpoint); 4] = [
    ("/chat/completions", Endpoint::ChatCompletions),
    ("/completions", Endpoint::Completions),
    ("/embeddings", Endpoint::Embeddings),
    ("/responses", Endpoint::Responses),
];

/// What stands in the path in the place of a model's name. What is no text names nothing.
struct Named(String);

impl FromRequestParts<App> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let found = Path::<String>::from_request_parts(parts, app).await;
        found.map(|Path(name)| Self(name)).map_err(|_| Dialect::OpenAi.render(&no_such_path()))
    }
}

/// Serves `<model>/chat/completions` and the like. The model's name may have slashes, which some clients
/// escape and others leave as they are.
async fn model_in_path(State(app): State<App>, Named(rest): Named, request: Request) -> Response {
    match model_and_endpoint(&rest) {
        Some((model, endpoint)) if request.method() == Method::POST => {
            serve(app, request, endpoint, Some(model.to_owned())).await
        }
        Some(_) => Dialect::OpenAi.wrong_method(),
        None => Dialect::OpenAi.render(&no_such_path()),
    }
}

fn model_and_endpoint(rest: &str) -> Option<(&str, Endpoint)> {
    let found = BELOW_A_MODEL.iter().find_map(|(tail, endpoint)| Some((rest.strip_suffix(tail)?, *endpoint)));
    found.filter(|(model, _)| !model.is_empty())
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
        Err(refusal) => Dialect::OpenAi.render(&refused(&app, &parts, None, refusal).await),
        Ok(call) => {
            let payer = call.payer.clone();
            let mut response = match app.services().gateway.serve(call).await {
                Ok(answer) => answer.map(Body::new),
                Err(refusal) => Dialect::OpenAi.render(&refused(&app, &parts, Some(payer), refusal).await),
            };
            response.extensions_mut().insert(LogsItself);
            response
        }
    };
    name_call(&parts, &mut response);
    response
}

/// Records a refusal of the policy before it is answered. The refusal, or that the record could not be written.
async fn refused(app: &App, parts: &Parts, payer: Option<Payer>, refusal: Refusal) -> Refusal {
    if !record::is_denial(&refusal) {
        return refusal;
    }
    let by = match (payer, caller::facts(app, parts, 200)) {
        (_, Err(refusal)) => return refusal,
        (Some(Payer::Caller(caller)), _) => caller,
        (Some(Payer::Key(held)), Ok(facts)) => Caller::new(held.who(), facts),
        (None, Ok(facts)) => caller::unproved(app, parts, facts, &refusal).await,
    };
    let route = parts.extensions.get::<MatchedPath>().map_or(parts.uri.path(), MatchedPath::as_str);
    let entry = record::denial(&by, refusal.kind.status(), route, Some(&refusal.code));
    if let Err(error) = store::audit::record(&app.services().db, &entry).await {
        return error.into();
    }
    app.services().trail.caught_up().await;
    refusal
}

/// LiteLLM's name for the id in `x-request-id`.
fn name_call(parts: &Parts, response: &mut Response) {
    if let Some(arrival) = parts.extensions.get::<Arrival>()
        && let Ok(id) = HeaderValue::from_str(arrival.id.as_str())
    {
        response.headers_mut().insert("x-litellm-call-id", id);
    }
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
    let facts = caller::facts(app, parts, 200)?;
    match caller::identify(app, parts, &facts).await {
        Ok(caller) if *caller.who() == Who::Anonymous => {
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
            if refusal.kind == Kind::Unauthenticated
                && refusal.code != "expired_key"
                && matches!(credential, Some(Credential::Header(_))) =>
        {
            let words =
                "This API key is not known here. Check that it was copied whole, or ask for a new one.";
            Err(Refusal::new(Kind::Unauthenticated, "invalid_api_key", words))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Answers that the model routes give.
async fn respond<T: IntoResponse>(app: &App, parts: &Parts, answer: Result<T, Refusal>) -> Response {
    let mut response = match answer {
        Ok(answer) => answer.into_response(),
        Err(refusal) => Dialect::OpenAi.render(&refused(app, parts, None, refusal).await),
    };
    name_call(parts, &mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_tail_is_the_endpoint_and_the_rest_is_the_model() {
        let is =
            |rest, model, endpoint| assert_eq!(model_and_endpoint(rest), Some((model, endpoint)), "{rest}");
        is("small/chat/completions", "small", Endpoint::ChatCompletions);
        is("org/with/slashes/chat/completions", "org/with/slashes", Endpoint::ChatCompletions);
        is("org/small/completions", "org/small", Endpoint::Completions);
        is("responses/responses", "responses", Endpoint::Responses);
        for nothing in ["", "small", "small/", "/completions", "small/audio", "chat/completions/x"] {
            assert_eq!(model_and_endpoint(nothing), None, "{nothing}");
        }
    }
}
