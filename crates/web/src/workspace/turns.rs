//! Turns: one answer being written on the server, started, watched and stopped from any page.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use kernel::{Caller, ChatId, MessageId, Refusal, TurnId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use workspace::{Follower, Workspace};

use super::chats::message::{Message, Provenance};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{Asked, At, Body},
    presence,
    refused::Answer,
    table::{Access, Group},
};

/// How often a stream without news sends a comment, so that nothing on the way takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member.own(), routes!(start_turn))
        .route(Access::Member.own(), routes!(stop_turn))
        .route(Access::Member.own(), routes!(turn_events))
}

/// What to ask: something new (`content`, below `parent_id`), or an old question again
/// (`user_message_id`), for another answer beside those it has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTurn {
    /// The model's id.
    model: String,
    /// The message below which the question hangs; null at the root. To edit a question, ask below its
    /// own parent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent_id: Option<MessageId>,
    /// The question.
    #[schema(nullable = false)]
    content: Option<String>,
    /// The question to ask again.
    #[schema(value_type = Option<String>, nullable = false)]
    user_message_id: Option<MessageId>,
}

impl NewTurn {
    fn read(self) -> Result<workspace::NewTurn, Refusal> {
        let Self { model, parent_id: parent, content, user_message_id } = self;
        match (content, user_message_id) {
            (Some(content), None) => Ok(workspace::NewTurn::Ask { model, parent, content }),
            (None, Some(question)) => Ok(workspace::NewTurn::Again { model, question }),
            _ => {
                let words = "Send either content (something new) or user_message_id (an old question again).";
                Err(Refusal::field("content", "invalid_value", words))
            }
        }
    }
}

/// A turn that began.
#[derive(Serialize, ToSchema)]
struct StartedTurn {
    turn_id: String,
    /// The new question, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_message: Option<Message>,
    /// The answer, still empty.
    message: Message,
}

/// That it was done.
#[derive(Serialize, ToSchema)]
struct TurnStopped {
    /// Always true.
    status: bool,
}

/// From where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// The number of the last event that was seen; 0 or left out for all. `Last-Event-ID` says the same; the larger counts.
    after: Option<u64>,
}

/// One event of a turn. `end` is the last.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TurnEvent {
    /// The next thoughts.
    Reasoning { text: String },
    /// The next text.
    Delta { text: String },
    /// A piece of a tool call; the first piece has the id and the name.
    ToolCall { index: usize, id: String, name: String, arguments: String },
    /// The chat got a title.
    Title { title: String },
    /// Something went wrong.
    Error { message: String, code: String },
    /// It is over.
    End {
        reason: EndReason,
        #[schema(required)]
        usage: Option<Provenance>,
    },
}

/// Why a turn ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EndReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    /// Somebody pressed stop.
    Stopped,
    /// The server went down.
    Interrupted,
    Error,
}

impl From<workspace::TurnEvent> for TurnEvent {
    fn from(event: workspace::TurnEvent) -> Self {
        match event {
            workspace::TurnEvent::Reasoning(text) => Self::Reasoning { text },
            workspace::TurnEvent::Delta(text) => Self::Delta { text },
            workspace::TurnEvent::ToolCall { index, id, name, arguments } => {
                Self::ToolCall { index, id, name, arguments }
            }
            workspace::TurnEvent::Title(title) => Self::Title { title },
            workspace::TurnEvent::Error(error) => Self::Error { message: error.content, code: error.code },
            workspace::TurnEvent::End { reason, provenance } => {
                Self::End { reason: reason.into(), usage: provenance.as_ref().map(Provenance::from) }
            }
        }
    }
}

impl From<workspace::EndReason> for EndReason {
    fn from(reason: workspace::EndReason) -> Self {
        match reason {
            workspace::EndReason::Stop => Self::Stop,
            workspace::EndReason::Length => Self::Length,
            workspace::EndReason::ToolCalls => Self::ToolCalls,
            workspace::EndReason::ContentFilter => Self::ContentFilter,
            workspace::EndReason::Stopped => Self::Stopped,
            workspace::EndReason::Interrupted => Self::Interrupted,
            workspace::EndReason::Error => Self::Error,
        }
    }
}

/// Ask, or ask again. The answer is written to its end whether or not anybody watches.
#[utoipa::path(post, path = "/api/v1/chats/{id}/turns", tag = "turns", params(("id" = String, Path)), request_body = NewTurn,
    responses(
        (status = 201, body = StartedTurn),
        (status = 409, description = "`still_being_written`: the message asked below is not done"),
        (status = 429, description = "`too_many_turns`"),
    ))]
async fn start_turn(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(chat): At<ChatId>,
    Body(new): Body<NewTurn>,
) -> Answer<(StatusCode, Json<StartedTurn>)> {
    let started = workspace.desk(&caller)?.start_turn(&chat, new.read()?).await?;
    let started = StartedTurn {
        turn_id: started.id.to_string(),
        user_message: started.question.as_ref().map(Message::alone),
        message: Message::alone(&started.answer),
    };
    Ok((StatusCode::CREATED, Json(started)))
}

/// Stop an answer. What was written stays.
#[utoipa::path(post, path = "/api/v1/chats/{id}/turns/{turn_id}/stop", tag = "turns",
    params(("id" = String, Path), ("turn_id" = String, Path)), responses((status = 200, body = TurnStopped)))]
async fn stop_turn(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At((chat, turn)): At<(ChatId, TurnId)>,
) -> Answer<Json<TurnStopped>> {
    workspace.desk(&caller)?.stop_turn(&chat, &turn).await?;
    Ok(Json(TurnStopped { status: true }))
}

/// Watch an answer: what happened after event `after`, then what happens, until the end. Each event has a
/// number, its `id`; text that is replayed comes in longer pieces. 404 when the turn is over and forgotten:
/// the chat has the answer then.
#[utoipa::path(get, path = "/api/v1/chats/{id}/turns/{turn_id}/events", tag = "turns",
    params(("id" = String, Path), ("turn_id" = String, Path), EventQuery),
    responses((status = 200, content_type = "text/event-stream", body = TurnEvent)))]
async fn turn_events(
    State(workspace): State<Workspace>,
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At((chat, turn)): At<(ChatId, TurnId)>,
    Asked(asked): Asked<EventQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    // A browser's EventSource comes back with the address it began with; the header knows better then.
    let last: Option<u64> = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let seen = asked.after.max(last).unwrap_or(0);
    let follower = workspace.desk(&caller)?.follow_turn(&chat, &turn, seen).await?;
    let watched = events(follower).take_until(presence::over(app, caller));
    let events = Sse::new(watched).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would otherwise collect the stream before it passes it on.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, events).into_response())
}

fn events(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, |mut follower| async {
        let (number, event) = follower.next().await?;
        let data =
            serde_json::to_string(&TurnEvent::from(event)).expect("strings and numbers are always JSON");
        Some((Ok(Event::default().id(number.to_string()).data(data)), follower))
    })
}
