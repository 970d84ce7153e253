//! Chats: their own rows, lists and search. Whether the caller may see a chat is the caller's to check
//! with the owner in [`ChatHead`]; what changes one takes the permit.

mod messages;

use kernel::{
    ChatHead, ChatId, ChatRow, Message, MessageId, Permit, Timestamp, UseWorkspace, UserId, WriteChat,
};

pub use self::messages::{
    Unfinished, delete_message_with_descendants, insert_message, insert_messages, interrupt, message,
    messages_of, patch_message, unfinished_messages, upsert_messages,
};
use crate::{
    Page, StoreError,
    db::Db,
    row::{Fields, Row, to_json},
    users::count_of,
    value::values,
};

const HEAD: &str = "id, account_id, title, is_pinned, is_archived, created_at, updated_at";
const ROW: &str = "id, account_id, title, is_pinned, is_archived, created_at, updated_at, current_id, models, \
     extra, meta";

/// Stores a new chat with its messages, all or nothing. `Conflict` of `chat.id` when it exists.
pub async fn create(
    db: &Db,
    chat: &ChatRow,
    messages: &[Message],
    _: &Permit<UseWorkspace>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let head = &chat.head;
    let params = values![
        &head.id,
        &head.owner,
        &head.title,
        head.is_pinned,
        head.is_archived,
        head.created_at,
        head.updated_at,
        chat.current.as_ref(),
        to_json(&chat.models),
        &chat.extra,
        &chat.meta,
    ];
    let sql = format!("INSERT INTO chat ({ROW}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    tx.execute(sql, params).await?;
    for message in messages {
        messages::insert_row(&mut tx, &head.id, message, head.updated_at).await?;
    }
    tx.commit().await
}

/// What lists show of one chat, and whose it is.
pub async fn head_by_id(db: &Db, id: &ChatId) -> Result<Option<ChatHead>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM chat WHERE id = $1");
    db.query_one(sql, values![id]).await?.map(|row| head(&mut row.fields("chat"))).transpose()
}

/// A chat without its messages.
pub async fn row_by_id(db: &Db, id: &ChatId) -> Result<Option<ChatRow>, StoreError> {
    let sql = format!("SELECT {ROW} FROM chat WHERE id = $1");
    db.query_one(sql, values![id]).await?.map(chat).transpose()
}

/// Which chats to list; `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListFilter {
    /// Only archived ones, or only those that are not.
    pub is_archived: Option<bool>,
    /// Only pinned ones, or only those that are not.
    pub is_pinned: Option<bool>,
}

/// Chats of a person, the one changed last first; all of them without a page.
pub async fn list(
    db: &Db,
    owner: &UserId,
    filter: ListFilter,
    page: Option<Page>,
) -> Result<Vec<ChatHead>, StoreError> {
    let mut sql = format!("SELECT {HEAD} FROM chat WHERE account_id = $1");
    for (column, wanted) in [("is_archived", filter.is_archived), ("is_pinned", filter.is_pinned)] {
        if let Some(wanted) = wanted {
            sql = format!("{sql} AND {column} = {}", i64::from(wanted));
        }
    }
    sql.push_str(" ORDER BY updated_at DESC, id DESC");
    let mut params = values![owner];
    if let Some(page) = page {
        sql.push_str(" LIMIT $2 OFFSET $3");
        params.extend([page.limit(), page.offset()]);
    }
    db.query(sql, params).await?.into_iter().map(|row| head(&mut row.fields("chat"))).collect()
}

/// A chat that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which.
    pub head: ChatHead,
    /// The words around the place in the first message that has the text; none when only the title has it.
    pub snippet: Option<String>,
}

/// Chats of a person, archived ones left out, that have the text in the title or in a message, in any case.
pub async fn search(db: &Db, owner: &UserId, text: &str, page: Page) -> Result<Vec<Found>, StoreError> {
    let sql = format!(
        "SELECT {HEAD}, (SELECT m.content FROM chat_message m
                 WHERE m.chat_id = chat.id AND STRPOS(LOWER(m.content), $2) > 0
                 ORDER BY m.created_at, m.id LIMIT 1)
         FROM chat WHERE account_id = $1 AND is_archived = 0 AND (STRPOS(LOWER(title), $2) > 0
             OR EXISTS (SELECT 1 FROM chat_message m
                 WHERE m.chat_id = chat.id AND STRPOS(LOWER(m.content), $2) > 0))
         ORDER BY updated_at DESC, id DESC LIMIT $3 OFFSET $4"
    );
    let params = vec![owner.into(), text.to_lowercase().into(), page.limit(), page.offset()];
    let found = |row: Row| {
        let mut fields = row.fields("chat");
        let head = head(&mut fields)?;
        let content: Option<String> = fields.read()?;
        Ok(Found { head, snippet: content.map(|content| snippet(&content, text)) })
    };
    db.query(sql, params).await?.into_iter().map(found).collect()
}

/// Up to 40 characters before the text and 120 from it on, in one line.
fn snippet(content: &str, text: &str) -> String {
    let lowered = content.to_lowercase();
    let at = lowered.find(&text.to_lowercase()).unwrap_or(0);
    let start = lowered[..at].chars().count().saturating_sub(40);
    let cut: String = content.chars().skip(start).take(160).collect();
    let cut = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    let has_more = content.chars().nth(start + 160).is_some();
    format!("{}{cut}{}", if start > 0 { "…" } else { "" }, if has_more { "…" } else { "" })
}

/// Shows another branch: the one that ends in this message. `false` when there is no such message. The
/// chat keeps its place in lists, for nothing was said.
pub async fn set_current(
    db: &Db,
    chat: &ChatId,
    message: &MessageId,
    _: &Permit<WriteChat>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chat SET current_id = $2
         WHERE id = $1 AND EXISTS (SELECT 1 FROM chat_message WHERE chat_id = $1 AND id = $2)";
    Ok(db.execute(sql, values![chat, message]).await? == 1)
}

/// Gives the chat a title; `false` when the chat is gone.
pub async fn set_title(
    db: &Db,
    chat: &ChatId,
    title: &str,
    _: &Permit<WriteChat>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chat SET title = $2 WHERE id = $1";
    Ok(db.execute(sql, values![chat, title]).await? == 1)
}

/// Gives the chat a title if it still has the old one: what a person wrote meanwhile stays.
pub async fn set_title_if(
    db: &Db,
    chat: &ChatId,
    old: &str,
    new: &str,
    _: &Permit<WriteChat>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chat SET title = $3 WHERE id = $1 AND title = $2";
    Ok(db.execute(sql, values![chat, old, new]).await? == 1)
}

/// Pins or unpins; `None` when the chat is gone.
pub async fn toggle_pinned(
    db: &Db,
    chat: &ChatId,
    _: &Permit<WriteChat>,
) -> Result<Option<ChatHead>, StoreError> {
    changed_head(db, "is_pinned = 1 - is_pinned", chat).await
}

/// Archives or brings back; an archived chat is not pinned. `None` when the chat is gone.
pub async fn toggle_archived(
    db: &Db,
    chat: &ChatId,
    _: &Permit<WriteChat>,
) -> Result<Option<ChatHead>, StoreError> {
    changed_head(db, "is_archived = 1 - is_archived, is_pinned = 0", chat).await
}

async fn changed_head(db: &Db, change: &'static str, chat: &ChatId) -> Result<Option<ChatHead>, StoreError> {
    let sql = format!("UPDATE chat SET {change} WHERE id = $1 RETURNING {HEAD}");
    let row = db.change(sql, values![chat]).await?.into_iter().next();
    row.map(|row| head(&mut row.fields("chat"))).transpose()
}

/// A change to a chat's own row: `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct RowChange {
    /// New title.
    pub title: Option<String>,
    /// New models for the next message.
    pub models: Option<Vec<String>>,
    /// New further fields, a JSON object that replaces the old one.
    pub extra: Option<String>,
    /// New `meta`, a JSON object that replaces the old one.
    pub meta: Option<String>,
}

/// Changes a chat's own row and returns it; `None` when the chat is gone.
pub async fn set_row(
    db: &Db,
    chat_id: &ChatId,
    change: RowChange,
    now: Timestamp,
    _: &Permit<WriteChat>,
) -> Result<Option<ChatRow>, StoreError> {
    let fields = [
        ("title", change.title),
        ("models", change.models.as_ref().map(to_json)),
        ("extra", change.extra),
        ("meta", change.meta),
    ];
    let (mut sets, mut params) = ("updated_at = $2".to_owned(), values![chat_id, now]);
    for (column, value) in fields {
        if let Some(value) = value {
            params.push(value.into());
            sets = format!("{sets}, {column} = ${}", params.len());
        }
    }
    let sql = format!("UPDATE chat SET {sets} WHERE id = $1 RETURNING {ROW}");
    db.change(sql, params).await?.into_iter().next().map(chat).transpose()
}

/// Deletes a chat with its messages; `false` when it was gone.
pub async fn delete(db: &Db, chat: &ChatId, _: &Permit<WriteChat>) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM chat WHERE id = $1", values![chat]).await? == 1)
}

/// Deletes all chats of a person, who must be the one the permit was given to; says how many.
pub async fn delete_all(db: &Db, owner: &UserId, _: &Permit<UseWorkspace>) -> Result<u64, StoreError> {
    db.execute("DELETE FROM chat WHERE account_id = $1", values![owner]).await
}

/// How many chats a person has, archived ones included.
pub async fn count(db: &Db, owner: &UserId) -> Result<u64, StoreError> {
    count_of(db.query_one("SELECT COUNT(*) FROM chat WHERE account_id = $1", values![owner]).await?)
}

/// Reads [`HEAD`].
fn head(fields: &mut Fields) -> Result<ChatHead, StoreError> {
    Ok(ChatHead {
        id: fields.read()?,
        owner: fields.read()?,
        title: fields.read()?,
        is_pinned: fields.read()?,
        is_archived: fields.read()?,
        created_at: fields.read()?,
        updated_at: fields.read()?,
    })
}

/// Reads [`ROW`].
fn chat(row: Row) -> Result<ChatRow, StoreError> {
    let mut fields = row.fields("chat");
    Ok(ChatRow {
        head: head(&mut fields)?,
        current: fields.read()?,
        models: fields.json()?,
        extra: fields.read()?,
        meta: fields.read()?,
    })
}
