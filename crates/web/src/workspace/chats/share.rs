//! Sharing chats by link, and reading what is shared.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::{HeaderName, HeaderValue};
use kernel::{Caller, ChatId, Permission, Refusal, Role, ShareId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{ChatPage, shape::Chat};
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
        .route(Access::Member, routes!(list_shared))
        .route(Access::Member, routes!(unshare_all))
        .route(Access::Member.own(), routes!(share_chat, unshare_chat))
        .route(Access::Member, routes!(shared_chat))
}

/// A chat that I share.
#[derive(Serialize, ToSchema)]
struct SharedTitle {
    /// Of the chat.
    id: String,
    /// What opens the copy.
    share_id: String,
    title: String,
    /// When the copy was made, Unix seconds.
    updated_at: i64,
    /// When it was shared for the first time.
    created_at: i64,
}

/// A chat as it was when it was shared. It says neither whose it is nor which chat it was.
#[derive(Serialize, ToSchema)]
struct SharedChat {
    /// The link's.
    id: String,
    title: String,
    /// Open WebUI's `chat` object: title, models and history; no system prompt, no parameters, no files.
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    chat: Map<String, Value>,
    updated_at: i64,
    created_at: i64,
    share_id: String,
}

fn is_on(app: &App) -> bool {
    app.services().settings.load().settings.enable_community_sharing.value
}

/// Share a chat as it is now; again, to replace the copy under the same link. Needs `chat.share`.
#[utoipa::path(post, path = "/api/v1/chats/{id}/share", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = Chat), (status = 403, description = "`permission_missing`, `feature_disabled`")))]
async fn share_chat(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<Chat>> {
    switches::require(is_on(&app), "ENABLE_COMMUNITY_SHARING")?;
    let desk = app.services().workspace.desk(&caller)?;
    let snapshot = Chat::from(desk.open(&id).await?).snapshot();
    desk.share(&id, Value::Object(snapshot).to_string()).await?;
    Ok(Json(desk.open(&id).await?.into()))
}

/// Take the link back. It works at once no more; `false` when there was none.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/share", tag = "sharing", params(("id" = String, Path)), responses((status = 200, body = bool, content_type = "application/json")))]
async fn unshare_chat(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<bool>> {
    Ok(Json(app.services().workspace.desk(&caller)?.unshare(&id).await?))
}

/// Take all of my links back.
#[utoipa::path(delete, path = "/api/v1/chats/share/all", tag = "sharing", responses((status = 200, body = bool, content_type = "application/json")))]
async fn unshare_all(State(app): State<App>, Extension(caller): Extension<Caller>) -> Answer<Json<bool>> {
    app.services().workspace.desk(&caller)?.unshare_all().await?;
    Ok(Json(true))
}

/// What I share, the latest first, sixty a page.
#[utoipa::path(get, path = "/api/v1/chats/shared", tag = "sharing", params(ChatPage), responses((status = 200, body = [SharedTitle])))]
async fn list_shared(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ChatPage>,
) -> Answer<Json<Vec<SharedTitle>>> {
    switches::require(is_on(&app), "ENABLE_COMMUNITY_SHARING")?;
    let shares = app.services().workspace.desk(&caller)?.shared(asked.page.unwrap_or(1)).await?;
    let title = |share: store::shares::Share| SharedTitle {
        id: share.chat.to_string(),
        share_id: share.id.to_string(),
        title: share.title,
        updated_at: share.updated_at.seconds(),
        created_at: share.created_at.seconds(),
    };
    Ok(Json(shares.into_iter().map(title).collect()))
}

/// A shared chat, for everybody who is signed in and has the link. 404 also while sharing is switched off, and
/// while its owner may not share or is deactivated.
#[utoipa::path(get, path = "/api/v1/chats/share/{share_id}", tag = "sharing", params(("share_id" = String, Path)), responses((status = 200, body = SharedChat)))]
async fn shared_chat(State(app): State<App>, At(id): At<ShareId>) -> Answer<impl IntoResponse> {
    let share = opened(&app, &id).await?;
    let shared = SharedChat {
        share_id: share.id.to_string(),
        id: share.id.to_string(),
        title: share.title,
        chat: serde_json::from_str(&share.snapshot).unwrap_or_default(),
        updated_at: share.updated_at.seconds(),
        created_at: share.created_at.seconds(),
    };
    let unlisted = [(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"))];
    Ok((unlisted, Json(shared)))
}

/// What a link opens at this moment.
pub(super) async fn opened(app: &App, id: &ShareId) -> Result<store::shares::Share, Refusal> {
    let missing = || Refusal::not_found("chat");
    if !is_on(app) {
        return Err(missing());
    }
    let services = app.services();
    let share = services.workspace.shared(id).await?.ok_or_else(missing)?;
    let owner = services.identity.user(&share.owner).await?.ok_or_else(missing)?;
    let may_share = owner.is_active()
        && owner.role != Role::Pending
        && services.identity.rights_of(&owner.id, owner.role).permissions.has(Permission::ChatShare);
    may_share.then_some(share).ok_or_else(missing)
}

impl Chat {
    /// What readers of a shared copy get to see.
    fn snapshot(self) -> Map<String, Value> {
        let Value::Object(mut chat) = json!(self.chat) else { return Map::new() };
        chat.retain(|name, _| ["title", "models", "history", "timestamp"].contains(&name.as_str()));
        if let Some(Value::Object(messages)) = chat.get_mut("history").and_then(|it| it.get_mut("messages")) {
            const SHOWN: [&str; 12] = [
                "id",
                "parentId",
                "childrenIds",
                "role",
                "content",
                "timestamp",
                "model",
                "modelName",
                "models",
                "done",
                "reasoning",
                "error",
            ];
            for message in messages.values_mut().filter_map(Value::as_object_mut) {
                message.retain(|name, _| SHOWN.contains(&name.as_str()));
            }
        }
        chat
    }
}
