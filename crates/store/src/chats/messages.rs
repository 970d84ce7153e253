//! The messages of a chat, one row each: saving one costs the same in a long chat as in a short one.

use kernel::{
    ChatId, Message, MessageId, MessagePatch, Permit, Timestamp, TurnError, TurnId, UserId, WriteChat,
    audit::{Entry, Event},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    row::{Fields, Row, to_json},
    value::{Value, values},
};

const COLUMNS: &str = "id, parent_id, role, content, model, is_done, reasoning, tool_calls, error, is_stopped, \
     provenance, extra, created_at";

/// All messages of a chat, oldest first.
pub async fn messages_of(db: &Db, chat: &ChatId) -> Result<Vec<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM chat_message WHERE chat_id = $1 ORDER BY created_at, id");
    db.query(sql, values![chat]).await?.into_iter().map(read).collect()
}

/// One message.
pub async fn message(db: &Db, chat: &ChatId, id: &MessageId) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM chat_message WHERE chat_id = $1 AND id = $2");
    db.query_one(sql, values![chat, id]).await?.map(read).transpose()
}

/// Adds a message that somebody else wrote, say an importer; it is not shown. `Conflict` of `chat_message.id`
/// when the chat has it already; `Orphan` when the chat is gone.
pub async fn insert_message(
    db: &Db,
    chat: &ChatId,
    message: &Message,
    now: Timestamp,
    permit: &Permit<WriteChat>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    touch(&mut tx, chat, now).await?;
    insert_row(&mut tx, chat, message, now).await?;
    let entry =
        Entry::done(Event::ChatChanged, permit.by()).on(chat).changed(["messages"]).with("messages", 1);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}

/// A question and the answer that begins.
#[derive(Debug)]
pub struct BegunTurn<'a> {
    /// Which turn writes the answer.
    pub id: &'a TurnId,
    /// The question, unless it was there already.
    pub question: Option<&'a Message>,
    /// The answer, still empty. The branch that ends in it is shown from now on.
    pub answer: &'a Message,
    /// The chat's models, when they are to change.
    pub models: Option<&'a [String]>,
}

/// Adds a question and its answer, all or nothing. Errors as [`insert_message`].
pub async fn begin_turn(
    db: &Db,
    chat: &ChatId,
    turn: &BegunTurn<'_>,
    now: Timestamp,
    permit: &Permit<WriteChat>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    touch(&mut tx, chat, now).await?;
    for message in turn.question.into_iter().chain([turn.answer]) {
        insert_row(&mut tx, chat, message, now).await?;
    }
    let sql = "UPDATE chat SET current_id = $2, models = COALESCE($3, models) WHERE id = $1";
    tx.execute(sql, values![chat, &turn.answer.id, turn.models.map(to_json)]).await?;
    let entry = Entry::done(Event::TurnStarted, permit.by())
        .on(turn.id)
        .with("chat", chat.as_str())
        .with("message", turn.answer.id.as_str())
        .with("model", turn.answer.model.as_deref());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await
}

/// Adds or replaces the given messages and leaves the others alone.
pub(super) async fn upsert_rows(
    tx: &mut Tx,
    chat: &ChatId,
    messages: &[Message],
    now: Timestamp,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "{} ON CONFLICT (chat_id, id) DO UPDATE SET parent_id = excluded.parent_id, role = excluded.role,
             content = excluded.content, model = excluded.model, is_done = excluded.is_done,
             reasoning = excluded.reasoning, tool_calls = excluded.tool_calls, error = excluded.error,
             is_stopped = excluded.is_stopped, provenance = excluded.provenance, extra = excluded.extra,
             created_at = excluded.created_at, saved_at = excluded.saved_at",
        insert_sql()
    );
    for message in messages {
        tx.execute(sql.clone(), insert_values(chat, message, now)).await?;
    }
    Ok(())
}

/// Saves an answer as it grows; `false` when the message is gone. While it grows this is one statement
/// on one row; the last save also moves the chat to the top of the list.
pub async fn patch_message(
    db: &Db,
    chat: &ChatId,
    id: &MessageId,
    patch: &MessagePatch,
    now: Timestamp,
    _: &Permit<WriteChat>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE chat_message SET content = $3, reasoning = $4, tool_calls = $5, is_done = $6,
             is_stopped = $7, error = $8, provenance = $9, saved_at = $10 WHERE chat_id = $1 AND id = $2";
    let params = values![
        chat,
        id,
        &patch.content,
        patch.reasoning.as_deref(),
        to_json(&patch.tool_calls),
        patch.is_done,
        patch.is_stopped,
        patch.error.as_ref().map(to_json),
        patch.provenance.as_ref().map(to_json),
        now,
    ];
    if !patch.is_done {
        return Ok(db.execute(SQL, params).await? == 1);
    }
    let mut tx = db.begin().await?;
    // The chat's row first, as everywhere, so that two writers cannot wait for each other.
    match touch(&mut tx, chat, now).await {
        Err(StoreError::Orphan) => return Ok(false),
        other => other?,
    }
    let changed = tx.execute(SQL, params).await?;
    tx.commit().await?;
    Ok(changed == 1)
}

/// Deletes a message and everything that was said after it; returns what is gone. When the branch that
/// is shown loses its end, it ends in the parent from then on.
pub async fn delete_message_with_descendants(
    db: &Db,
    chat: &ChatId,
    id: &MessageId,
    now: Timestamp,
    permit: &Permit<WriteChat>,
) -> Result<Vec<MessageId>, StoreError> {
    let mut tx = db.begin().await?;
    let found = tx
        .query_one("SELECT parent_id FROM chat_message WHERE chat_id = $1 AND id = $2", values![chat, id])
        .await?;
    let Some(found) = found else { return Ok(Vec::new()) };
    let parent: Option<MessageId> = found.single("chat_message")?;
    touch(&mut tx, chat, now).await?;
    // UNION and not UNION ALL: it ends even when an imported tree has a cycle.
    let rows = tx
        .query(
            "WITH RECURSIVE doomed (id) AS (
                 SELECT id FROM chat_message WHERE chat_id = $1 AND id = $2
                 UNION
                 SELECT m.id FROM chat_message m JOIN doomed ON m.parent_id = doomed.id WHERE m.chat_id = $1
             )
             DELETE FROM chat_message WHERE chat_id = $1 AND id IN (SELECT id FROM doomed) RETURNING id",
            values![chat, id],
        )
        .await?;
    let gone = rows.into_iter().map(|row| row.single("chat_message")).collect::<Result<Vec<_>, _>>()?;
    tx.execute(
        "UPDATE chat SET current_id = $2 WHERE id = $1 AND current_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM chat_message m WHERE m.chat_id = $1 AND m.id = chat.current_id)",
        values![chat, parent.filter(|parent| !gone.contains(parent)).as_ref()],
    )
    .await?;
    let entry = Entry::done(Event::ChatChanged, permit.by())
        .on(chat)
        .changed(["messages"])
        .with("message_deleted", id.as_str())
        .with("messages_deleted", gone.len());
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(gone)
}

/// An answer that nobody has finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// In which chat.
    pub chat: ChatId,
    /// Whose chat it is.
    pub owner: UserId,
    /// Which message.
    pub message: MessageId,
    /// When it was last saved: another process may still be writing it.
    pub saved_at: Timestamp,
}

/// Answers that are not done. At a start these were interrupted, unless another process writes them.
pub async fn unfinished_messages(db: &Db) -> Result<Vec<Unfinished>, StoreError> {
    let sql = "SELECT m.chat_id, chat.account_id, m.id, m.saved_at FROM chat_message m
         JOIN chat ON chat.id = m.chat_id WHERE m.is_done = 0 ORDER BY m.saved_at, m.id";
    let unfinished = |row: Row| {
        let mut fields = row.fields("chat_message");
        Ok(Unfinished {
            chat: fields.read()?,
            owner: fields.read()?,
            message: fields.read()?,
            saved_at: fields.read()?,
        })
    };
    db.query(sql, Vec::new()).await?.into_iter().map(unfinished).collect()
}

/// Ends an unfinished answer with an error and keeps its text; `false` when it was finished or saved by
/// somebody since it was listed.
pub async fn interrupt(
    db: &Db,
    unfinished: &Unfinished,
    error: &TurnError,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chat_message SET is_done = 1, error = $4, saved_at = $5
         WHERE chat_id = $1 AND id = $2 AND saved_at = $3 AND is_done = 0";
    let params = values![&unfinished.chat, &unfinished.message, unfinished.saved_at, to_json(error), now];
    Ok(db.execute(sql, params).await? == 1)
}

/// Notes that something was said; also keeps writers of one chat apart until they commit.
async fn touch(tx: &mut Tx, chat: &ChatId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE chat SET updated_at = $2 WHERE id = $1";
    if tx.execute(sql, values![chat, now]).await? == 1 { Ok(()) } else { Err(StoreError::Orphan) }
}

pub(super) async fn insert_row(
    tx: &mut Tx,
    chat: &ChatId,
    message: &Message,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(insert_sql(), insert_values(chat, message, now)).await.map(drop)
}

fn insert_sql() -> String {
    format!(
        "INSERT INTO chat_message ({COLUMNS}, chat_id, saved_at) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    )
}

fn insert_values(chat: &ChatId, message: &Message, now: Timestamp) -> Vec<Value> {
    values![
        &message.id,
        message.parent.as_ref(),
        message.role,
        &message.content,
        message.model.as_deref(),
        message.is_done,
        message.reasoning.as_deref(),
        to_json(&message.tool_calls),
        message.error.as_ref().map(to_json),
        message.is_stopped,
        message.provenance.as_ref().map(to_json),
        &message.extra,
        message.created_at,
        chat,
        now,
    ]
}

/// Reads [`COLUMNS`].
fn read(row: Row) -> Result<Message, StoreError> {
    let mut fields: Fields = row.fields("chat_message");
    Ok(Message {
        id: fields.read()?,
        parent: fields.read()?,
        role: fields.read()?,
        content: fields.read()?,
        model: fields.read()?,
        is_done: fields.read()?,
        reasoning: fields.read()?,
        tool_calls: fields.json()?,
        error: fields.optional_json()?,
        is_stopped: fields.read()?,
        provenance: fields.optional_json()?,
        extra: fields.read()?,
        created_at: fields.read()?,
    })
}
