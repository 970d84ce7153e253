//! What a person changes about a chat, each time in one transaction with one record. Titles that the program
//! finds by itself belong to the question that was asked, and leave none.

use kernel::{
    ChatHead, ChatId, Message, MessageId, Permit, Timestamp, UseWorkspace, UserId, WriteChat,
    audit::{Entry, Event},
};

use super::{HEAD, head, messages};
use crate::{
    StoreError, audit,
    db::{Db, Tx},
    row::to_json,
    value::{Value, values},
};

/// What becomes different; what is empty or `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChatUpdate {
    /// Messages to add or replace; the others stay.
    pub messages: Vec<Message>,
    /// Shows the branch that ends in this message. The chat keeps its place in lists, for nothing was said.
    pub current: Option<MessageId>,
    /// New title. The chat keeps its place in lists.
    pub title: Option<String>,
    /// New models for the next message.
    pub models: Option<Vec<String>>,
    /// New further fields, a JSON object that replaces the old one.
    pub extra: Option<String>,
    /// New `meta`, a JSON object that replaces the old one.
    pub meta: Option<String>,
}

/// How an update ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// Everything is as asked.
    Done,
    /// The chat is gone.
    NoChat,
    /// The chat has no such message to show; nothing happened.
    NoMessage,
}

impl ChatUpdate {
    fn changed(&self) -> Vec<&'static str> {
        let fields = [
            ("messages", !self.messages.is_empty()),
            ("current", self.current.is_some()),
            ("title", self.title.is_some()),
            ("models", self.models.is_some()),
            ("extra", self.extra.is_some()),
            ("meta", self.meta.is_some()),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }

    /// The assignments to the chat's own row, and their values from `$2` on.
    fn assignments(&self, now: Timestamp) -> (String, Vec<Value>) {
        let is_news = self.changed().iter().any(|name| !matches!(*name, "current" | "title"));
        let fields: [(&str, Option<Value>); 6] = [
            ("updated_at", is_news.then_some(now).map(Value::from)),
            ("current_id", self.current.as_ref().map(Value::from)),
            ("title", self.title.as_ref().map(Value::from)),
            ("models", self.models.as_ref().map(|models| to_json(models).into())),
            ("extra", self.extra.as_ref().map(Value::from)),
            ("meta", self.meta.as_ref().map(Value::from)),
        ];
        let (mut sets, mut params) = (Vec::new(), Vec::new());
        for (column, value) in fields {
            if let Some(value) = value {
                params.push(value);
                sets.push(format!("{column} = ${}", params.len() + 1));
            }
        }
        (sets.join(", "), params)
    }
}

/// Changes a chat, all or nothing.
pub async fn update(
    db: &Db,
    chat: &ChatId,
    update: &ChatUpdate,
    now: Timestamp,
    permit: &Permit<WriteChat>,
) -> Result<Updated, StoreError> {
    let (sets, rest) = update.assignments(now);
    if sets.is_empty() {
        return Ok(Updated::Done);
    }
    let mut tx = db.begin().await?;
    // The chat's row first, as everywhere, so that two writers cannot wait for each other.
    let sql = format!("UPDATE chat SET {sets} WHERE id = $1");
    let mut params = values![chat];
    params.extend(rest);
    if tx.execute(sql, params).await? == 0 {
        return Ok(Updated::NoChat);
    }
    messages::upsert_rows(&mut tx, chat, &update.messages, now).await?;
    if let Some(current) = &update.current {
        let sql = "SELECT id FROM chat_message WHERE chat_id = $1 AND id = $2";
        if tx.query_one(sql, values![chat, current]).await?.is_none() {
            return Ok(Updated::NoMessage);
        }
    }
    let entry = Entry::done(Event::ChatChanged, permit.by()).on(chat).changed(update.changed());
    let entry = match update.messages.len() {
        0 => entry,
        count => entry.with("messages", count),
    };
    record(tx, &entry).await?;
    Ok(Updated::Done)
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
    permit: &Permit<WriteChat>,
) -> Result<Option<ChatHead>, StoreError> {
    changed_head(db, "is_pinned = 1 - is_pinned", chat, permit).await
}

/// Archives or brings back; an archived chat is not pinned. `None` when the chat is gone.
pub async fn toggle_archived(
    db: &Db,
    chat: &ChatId,
    permit: &Permit<WriteChat>,
) -> Result<Option<ChatHead>, StoreError> {
    changed_head(db, "is_archived = 1 - is_archived, is_pinned = 0", chat, permit).await
}

async fn changed_head(
    db: &Db,
    change: &'static str,
    chat: &ChatId,
    permit: &Permit<WriteChat>,
) -> Result<Option<ChatHead>, StoreError> {
    let mut tx = db.begin().await?;
    let sql = format!("UPDATE chat SET {change} WHERE id = $1 RETURNING {HEAD}");
    let Some(row) = tx.query_one(sql, values![chat]).await? else { return Ok(None) };
    let head = head(&mut row.fields("chat"))?;
    let entry = Entry::done(Event::ChatChanged, permit.by())
        .on(chat)
        .with("pinned", head.is_pinned)
        .with("archived", head.is_archived);
    record(tx, &entry).await?;
    Ok(Some(head))
}

/// Deletes a chat with its messages; `false` when it was gone.
pub async fn delete(db: &Db, chat: &ChatId, permit: &Permit<WriteChat>) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    if tx.execute("DELETE FROM chat WHERE id = $1", values![chat]).await? == 0 {
        return Ok(false);
    }
    record(tx, &Entry::done(Event::ChatDeleted, permit.by()).on(chat)).await?;
    Ok(true)
}

/// Deletes all chats of a person, who must be the one the permit was given to; says how many.
pub async fn delete_all(db: &Db, owner: &UserId, permit: &Permit<UseWorkspace>) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gone = tx.execute("DELETE FROM chat WHERE account_id = $1", values![owner]).await?;
    if gone > 0 {
        let entry = Entry::done(Event::ChatDeletedAll, permit.by()).on(owner).with("chats", gone);
        record(tx, &entry).await?;
    }
    Ok(gone)
}

async fn record(mut tx: Tx, entry: &Entry) -> Result<(), StoreError> {
    audit::append(&mut tx, entry).await?;
    tx.commit().await
}
