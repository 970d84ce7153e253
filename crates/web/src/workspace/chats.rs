//! Chats: Open WebUI's routes and shapes. Everything is the signed-in person's own; what is somebody
//! else's is answered like what does not exist.

mod admin;
mod import;
pub(super) mod message;
mod shape;
mod share;

use axum::{Extension, Json, extract::State};
use kernel::{Caller, ChatId, MessageId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use workspace::{ListFilter, Workspace, WorkspaceError};

use self::shape::{Chat, ChatChange, ChatHit, ChatTitle};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{Asked, At, Body},
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Member, routes!(list_chats, delete_all_chats))
        .route(Access::Member, routes!(list_chats_too))
        .route(Access::Member, routes!(search_chats))
        .route(Access::Member, routes!(list_pinned_chats))
        .route(Access::Member, routes!(list_archived_chats))
        .route(Access::Member, routes!(create_chat))
        .route(Access::Member.own(), routes!(get_chat, update_chat, delete_chat))
        .route(Access::Member.own(), routes!(toggle_pin))
        .route(Access::Member.own(), routes!(is_pinned))
        .route(Access::Member.own(), routes!(toggle_archive))
        .route(Access::Member.own(), routes!(clone_chat))
        .route(Access::Member.own(), routes!(update_message, delete_message))
        .with(import::routes())
        .with(share::routes())
        .with(admin::routes())
}

/// Which chats.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChatQuery {
    /// From 1; sixty a page. All of them without a page.
    page: Option<u32>,
    /// Pinned ones too; the default.
    include_pinned: Option<bool>,
}

/// What to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChatSearch {
    /// Any part of a title or of a message, in any case.
    #[serde(default)]
    #[param(required = false)]
    text: String,
    /// From 1; sixty a page.
    page: Option<u32>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChatPage {
    /// From 1; sixty a page. All of them without a page.
    page: Option<u32>,
}

/// Other words for a message.
#[derive(Deserialize, ToSchema)]
struct MessageChange {
    content: String,
}

type Titles = Answer<Json<Vec<ChatTitle>>>;

async fn titles(workspace: &Workspace, caller: &Caller, filter: ListFilter, page: Option<u32>) -> Titles {
    let heads = workspace.desk(caller)?.list(filter, page).await?;
    Ok(Json(heads.into_iter().map(ChatTitle::from).collect()))
}

/// My chats, the one changed last first; archived ones are left out.
#[utoipa::path(get, path = "/api/v1/chats/", tag = "chats", params(ChatQuery), responses((status = 200, body = [ChatTitle])))]
async fn list_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ChatQuery>,
) -> Titles {
    let is_pinned = if asked.include_pinned.unwrap_or(true) { None } else { Some(false) };
    titles(&workspace, &caller, ListFilter { is_archived: Some(false), is_pinned }, asked.page).await
}

/// The same under Open WebUI's other path.
#[utoipa::path(get, path = "/api/v1/chats/list", tag = "chats", params(ChatQuery), responses((status = 200, body = [ChatTitle])))]
async fn list_chats_too(
    workspace: State<Workspace>,
    caller: Extension<Caller>,
    asked: Asked<ChatQuery>,
) -> Titles {
    list_chats(workspace, caller, asked).await
}

/// My chats that have the text in the title or in a message.
#[utoipa::path(get, path = "/api/v1/chats/search", tag = "chats", params(ChatSearch), responses((status = 200, body = [ChatHit])))]
async fn search_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ChatSearch>,
) -> Answer<Json<Vec<ChatHit>>> {
    let found = workspace.desk(&caller)?.search(&asked.text, asked.page.unwrap_or(1)).await?;
    Ok(Json(found.into_iter().map(ChatHit::from).collect()))
}

/// My pinned chats.
#[utoipa::path(get, path = "/api/v1/chats/pinned", tag = "chats", responses((status = 200, body = [ChatTitle])))]
async fn list_pinned_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
) -> Titles {
    let filter = ListFilter { is_archived: Some(false), is_pinned: Some(true) };
    titles(&workspace, &caller, filter, None).await
}

/// My archived chats.
#[utoipa::path(get, path = "/api/v1/chats/archived", tag = "chats", params(ChatPage), responses((status = 200, body = [ChatTitle])))]
async fn list_archived_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<ChatPage>,
) -> Titles {
    let filter = ListFilter { is_archived: Some(true), is_pinned: None };
    titles(&workspace, &caller, filter, asked.page).await
}

/// Begin a chat.
#[utoipa::path(post, path = "/api/v1/chats/new", tag = "chats", request_body = ChatChange, responses((status = 200, body = Chat)))]
async fn create_chat(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    Body(change): Body<ChatChange>,
) -> Answer<Json<Chat>> {
    let chat = workspace.desk(&caller)?.create(&change.read()?).await?;
    Ok(Json(chat.into()))
}

/// A chat with its tree of messages. Administrators read other people's chats, where `ENABLE_ADMIN_CHAT_ACCESS`
/// is on; each reading leaves a record that the person sees.
#[utoipa::path(get, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn get_chat(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<Chat>> {
    match app.services().workspace.desk(&caller)?.open(&id).await {
        Err(WorkspaceError::Missing(what)) => {
            let theirs = admin::open_for_admin(&app, &caller, &id).await;
            Ok(Json(theirs.unwrap_or(Err(WorkspaceError::Missing(what)))?.into()))
        }
        mine => Ok(Json(mine?.into())),
    }
}

/// Merge changes into a chat. Only what differs is written; messages that are not given stay.
#[utoipa::path(post, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), request_body = ChatChange,
    responses((status = 200, body = Chat)))]
async fn update_chat(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
    Body(change): Body<ChatChange>,
) -> Answer<Json<Chat>> {
    let chat = workspace.desk(&caller)?.update(&id, &change.read()?).await?;
    Ok(Json(chat.into()))
}

/// Delete a chat, and stop what is being written in it.
#[utoipa::path(delete, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = bool, content_type = "application/json")))]
async fn delete_chat(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<bool>> {
    workspace.desk(&caller)?.delete(&id).await?;
    Ok(Json(true))
}

/// Delete all of my chats.
#[utoipa::path(delete, path = "/api/v1/chats/", tag = "chats", responses((status = 200, body = bool, content_type = "application/json")))]
async fn delete_all_chats(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<bool>> {
    workspace.desk(&caller)?.delete_all().await?;
    Ok(Json(true))
}

/// Pin or unpin a chat.
#[utoipa::path(post, path = "/api/v1/chats/{id}/pin", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn toggle_pin(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<Chat>> {
    Ok(Json(workspace.desk(&caller)?.toggle_pinned(&id).await?.into()))
}

/// Whether a chat is pinned.
#[utoipa::path(get, path = "/api/v1/chats/{id}/pinned", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = bool, content_type = "application/json")))]
async fn is_pinned(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<bool>> {
    Ok(Json(workspace.desk(&caller)?.is_pinned(&id).await?))
}

/// Archive a chat, or bring it back.
#[utoipa::path(post, path = "/api/v1/chats/{id}/archive", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn toggle_archive(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<Chat>> {
    Ok(Json(workspace.desk(&caller)?.toggle_archived(&id).await?.into()))
}

/// Copy a chat.
#[utoipa::path(post, path = "/api/v1/chats/{id}/clone", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn clone_chat(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At(id): At<ChatId>,
) -> Answer<Json<Chat>> {
    Ok(Json(workspace.desk(&caller)?.copy(&id).await?.into()))
}

/// Change the text of a message.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages/{message_id}", tag = "chats",
    params(("id" = String, Path), ("message_id" = String, Path)), request_body = MessageChange,
    responses((status = 200, body = Chat), (status = 409, description = "`still_being_written`")))]
async fn update_message(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At((id, message)): At<(ChatId, MessageId)>,
    Body(change): Body<MessageChange>,
) -> Answer<Json<Chat>> {
    let chat = workspace.desk(&caller)?.edit_message(&id, &message, change.content).await?;
    Ok(Json(chat.into()))
}

/// Delete a message and everything that was said after it.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/messages/{message_id}", tag = "chats",
    params(("id" = String, Path), ("message_id" = String, Path)), responses((status = 200, body = Chat)))]
async fn delete_message(
    State(workspace): State<Workspace>,
    Extension(caller): Extension<Caller>,
    At((id, message)): At<(ChatId, MessageId)>,
) -> Answer<Json<Chat>> {
    Ok(Json(workspace.desk(&caller)?.delete_message(&id, &message).await?.into()))
}
