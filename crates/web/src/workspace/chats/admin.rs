//! Other people's chats, for administrators: read only, noted for the owner, and only where the operator
//! allows it. And exports: one's own, and everybody's.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderName, HeaderValue, header};
use kernel::{Caller, ChatId, UserId, audit::TargetKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use workspace::{Export, OpenChat, Workspace};

use super::{
    ChatPage,
    shape::{Chat, ChatTitle},
};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{Asked, At},
    refused::Answer,
    table::{Access, Group},
    workspace::switches,
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.personal(TargetKind::Account), routes!(list_chats_of_user))
        .route(Access::Admin.fresh(), routes!(export_all_chats))
        .route(Access::Member, routes!(export_my_chats))
        .route(Access::Member.own(), routes!(chat_access_log))
}

/// Who read a chat.
#[derive(Serialize, ToSchema)]
struct AccessLog {
    /// The latest first, at most 200.
    items: Vec<ChatReading>,
}

/// One reading by an administrator.
#[derive(Serialize, ToSchema)]
struct ChatReading {
    /// Unix seconds.
    at: i64,
    admin: Reader,
}

/// An administrator who read a chat.
#[derive(Serialize, ToSchema)]
struct Reader {
    id: String,
    /// As it was then.
    name: String,
}

/// Somebody else's chat, for an administrator, where that is allowed; the refusal of a missing one otherwise.
pub(super) async fn open_for_admin(
    app: &App,
    caller: &Caller,
    id: &ChatId,
) -> Option<Result<OpenChat, workspace::WorkspaceError>> {
    let is_on = app.services().settings.load().settings.enable_admin_chat_access.value;
    if !is_on || caller.may_read_others_chat().is_err() {
        return None;
    }
    Some(app.services().workspace.read_as_admin(caller, id).await)
}

/// The titles of a person's chats, sixty a page. Reading one leaves a record that the person sees.
#[utoipa::path(get, path = "/api/v1/chats/list/user/{user_id}", tag = "chats", params(("user_id" = String, Path), ChatPage),
    responses((status = 200, body = [ChatTitle]), (status = 403, description = "`feature_disabled`: ENABLE_ADMIN_CHAT_ACCESS is off")))]
async fn list_chats_of_user(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(user): At<UserId>,
    Asked(asked): Asked<ChatPage>,
) -> Answer<Json<Vec<ChatTitle>>> {
    let services = app.services();
    let is_on = services.settings.load().settings.enable_admin_chat_access.value;
    switches::require(is_on, "ENABLE_ADMIN_CHAT_ACCESS")?;
    let heads = services.workspace.chats_of(&caller, &user, asked.page).await?;
    Ok(Json(heads.into_iter().map(ChatTitle::from).collect()))
}

/// Which administrators read one of my chats.
#[utoipa::path(get, path = "/api/v1/chats/{id}/access-log", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = AccessLog)))]
async fn chat_access_log(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<AccessLog>> {
    let readings = workspace.desk(&caller)?.readings(&id).await?;
    let item = |reading: store::shares::Reading| ChatReading {
        at: reading.at.seconds(),
        admin: Reader { id: reading.reader.to_string(), name: reading.reader_name },
    };
    Ok(Json(AccessLog { items: readings.into_iter().map(item).collect() }))
}

/// All of my chats, one JSON object a line. Needs `chat.export`.
#[utoipa::path(get, path = "/api/v1/chats/all", tag = "chats", responses((status = 200, body = Chat, content_type = "application/x-ndjson")))]
async fn export_my_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
) -> Answer<Response> {
    let mine = workspace.desk(&caller)?.may_export()?.clone();
    Ok(download("chats.ndjson", lines(workspace, Export::Of(mine))))
}

/// Everybody's chats, one JSON object a line, as many as there are when it begins. The export is noted in each chat,
/// for its owner to see. It is a way to read people's chats, so it is closed with `ENABLE_ADMIN_CHAT_ACCESS` too.
#[utoipa::path(get, path = "/api/v1/chats/all/db", tag = "chats", responses(
    (status = 200, body = Chat, content_type = "application/x-ndjson"),
    (status = 403, description = "`feature_disabled`: ENABLE_ADMIN_EXPORT or ENABLE_ADMIN_CHAT_ACCESS is off"),
))]
async fn export_all_chats(State(app): State<App>, Extension(caller): Extension<Caller>) -> Answer<Response> {
    let services = app.services();
    let loaded = services.settings.load();
    switches::require(loaded.settings.enable_admin_export.value, "ENABLE_ADMIN_EXPORT")?;
    switches::require(loaded.settings.enable_admin_chat_access.value, "ENABLE_ADMIN_CHAT_ACCESS")?;
    let noted = services.workspace.begin_export(&caller).await?;
    Ok(download("all-chats.ndjson", lines(services.workspace.clone(), Export::Everybodys { noted })))
}

/// The chats as lines, a batch at a time. A database that fails in the middle cuts the download off, so that
/// nobody takes half of it for the whole.
fn lines(workspace: Workspace, what: Export) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let begin = (workspace, what, None::<ChatId>);
    stream::try_unfold(begin, |(workspace, what, last)| async move {
        let batch = workspace.export_next(&what, last.as_ref()).await;
        let batch = batch.map_err(|error| {
            tracing::error!(%error, "an export of chats broke off");
            std::io::Error::other("the export broke off")
        })?;
        let Some(last) = batch.last().map(|chat| chat.row.head.id.clone()) else { return Ok(None) };
        let mut text = String::new();
        for chat in batch {
            text.push_str(&serde_json::to_string(&Chat::from(chat)).map_err(std::io::Error::other)?);
            text.push('\n');
        }
        Ok(Some((Bytes::from(text), (workspace, what, Some(last)))))
    })
}

fn download(
    name: &'static str,
    lines: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
) -> Response {
    let attachment = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        .expect("the names above are visible ASCII");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (header::CONTENT_DISPOSITION, attachment),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(lines)).into_response()
}
