//! Chats: their own rows, lists and search. Whether the caller may see a chat is the caller's to check
//! with the owner in [`ChatHead`]; what changes one takes the permit.

mod change;
mod messages;

use kernel::{
    ChatHead, ChatId, ChatRow, Message, Permit, Timestamp, UseWorkspace, UserId,
    audit::{Entry, Event},
};

pub use self::{
    change::{ChatUpdate, Updated, delete, delete_all, set_title_if, toggle_archived, toggle_pinned, update},
    messages::{
        BegunTurn, Unfinished, begin_turn, delete_message_with_descendants, insert_message, interrupt,
        message, messages_of, patch_message, unfinished_messages,
    },
};
use crate::{
    Page, StoreError, audit,
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
    permit: &Permit<UseWorkspace>,
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
    let entry = Entry::done(Event::ChatMade, permit.by()).on(&head.id).with("messages", messages.len());
    audit::append(&mut tx, &entry).await?;
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

/// Whose chats.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// This person's.
    Person(&'a UserId),
    /// Everybody's that were begun by then.
    EverybodyUntil(Timestamp),
}

/// Chats in the order of their ids: the next ones after `last`.
pub async fn rows_after(
    db: &Db,
    of: Of<'_>,
    last: Option<&ChatId>,
    count: u32,
) -> Result<Vec<ChatRow>, StoreError> {
    let (whose, bound) = match of {
        Of::Person(owner) => ("account_id = $3", owner.into()),
        Of::EverybodyUntil(moment) => ("created_at <= $3", moment.into()),
    };
    let params = vec![last.map_or("", ChatId::as_str).into(), count.into(), bound];
    let sql = format!("SELECT {ROW} FROM chat WHERE id > $1 AND {whose} ORDER BY id LIMIT $2");
    db.query(sql, params).await?.into_iter().map(chat).collect()
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
