//! Chats from elsewhere: an export, and a link that was shared.

use axum::{Extension, Json, extract::State};
use kernel::{Caller, Refusal, ShareId, Timestamp};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    shape::{Chat, ChatChange},
    share,
};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{At, Body},
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member, routes!(import_chats))
        .route(Access::Member, routes!(clone_shared_chat))
}

/// Chats of an export.
#[derive(Deserialize, ToSchema)]
struct ChatImport {
    /// At most 1000.
    chats: Vec<ImportedChat>,
}

/// A chat of an export. Ids, owner and links of it are not taken over.
#[derive(Deserialize, ToSchema)]
struct ImportedChat {
    #[serde(flatten)]
    chat: ChatChange,
    #[serde(default)]
    #[schema(required = false)]
    pinned: Option<bool>,
    #[serde(default)]
    #[schema(required = false)]
    archived: Option<bool>,
    /// Unix seconds; the present when it is left out or yet to come.
    #[serde(default)]
    #[schema(required = false)]
    created_at: Option<i64>,
    /// Unix seconds.
    #[serde(default)]
    #[schema(required = false)]
    updated_at: Option<i64>,
}

impl ImportedChat {
    fn read(self) -> Result<workspace::ImportedChat, Refusal> {
        let moment = |seconds: Option<i64>| {
            seconds.filter(|seconds| (0..=LATEST).contains(seconds)).map(Timestamp::from_seconds)
        };
        Ok(workspace::ImportedChat {
            chat: self.chat.read()?,
            is_pinned: self.pinned.unwrap_or(false),
            is_archived: self.archived.unwrap_or(false),
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

/// Beyond it a moment does not fit our clock: the year 9999.
const LATEST: i64 = 253_402_300_799;

/// Import chats as mine, all or none. Needs `chat.import`, and for what is in them the permissions that writing it would
/// need.
#[utoipa::path(post, path = "/api/v1/chats/import", tag = "chats", request_body = ChatImport,
    responses((status = 200, body = [Chat]), (status = 403, description = "`permission_missing`, `chats_not_kept`")))]
async fn import_chats(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(import): Body<ChatImport>,
) -> Answer<Json<Vec<Chat>>> {
    let desk = app.services().workspace.desk(&caller)?;
    let chats = import.chats.into_iter().map(ImportedChat::read).collect::<Result<Vec<_>, _>>()?;
    let made = desk.import(&chats).await?;
    Ok(Json(made.into_iter().map(Chat::from).collect()))
}

/// Copy a chat that was shared with me, by its link, into one of mine. 404 when the link opens nothing.
#[utoipa::path(post, path = "/api/v1/chats/{id}/clone/shared", tag = "sharing", params(("id" = String, Path, description = "The link's `share_id`.")),
    responses((status = 200, body = Chat), (status = 403, description = "`permission_missing`, `chats_not_kept`")))]
async fn clone_shared_chat(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ShareId>,
) -> Answer<Json<Chat>> {
    let desk = app.services().workspace.desk(&caller)?;
    let share = share::opened(&app, &id).await?;
    let snapshot: serde_json::Value =
        serde_json::from_str(&share.snapshot).map_err(|_| Refusal::internal())?;
    let shared: ChatChange =
        serde_json::from_value(json!({ "chat": snapshot })).map_err(|_| Refusal::internal())?;
    Ok(Json(desk.adopt(shared.read()?).await?.into()))
}
