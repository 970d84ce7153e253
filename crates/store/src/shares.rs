//! Chats that are shared by link, and the readings of chats by administrators. Whose a chat is, is the
//! caller's to check; what changes one takes the permit.

use kernel::{
    ChatId, Permit, ReadOthersChat, ShareId, Timestamp, UseWorkspace, UserId, WriteChat,
    audit::{Entry, Event},
};

use crate::{
    Page, StoreError, audit,
    db::Db,
    row::{Fields, Row},
    users::count_of,
    value::values,
};

/// A chat as it was when it was shared.
#[derive(Debug, Clone)]
pub struct Share {
    /// The secret of the link.
    pub id: ShareId,
    /// Of which chat.
    pub chat: ChatId,
    /// Whose.
    pub owner: UserId,
    /// Its title then.
    pub title: String,
    /// The rest, a JSON object; empty in lists.
    pub snapshot: String,
    /// When it was shared for the first time.
    pub created_at: Timestamp,
    /// When the snapshot was made.
    pub updated_at: Timestamp,
}

const HEAD: &str = "id, chat_id, account_id, title, created_at, updated_at";

/// Shares a chat, or replaces the snapshot under the link that it has; returns the link that counts. `Orphan`
/// when the chat is gone.
pub async fn put(db: &Db, share: &Share, permit: &Permit<WriteChat>) -> Result<ShareId, StoreError> {
    let mut tx = db.begin().await?;
    let sql = "INSERT INTO chat_share (id, chat_id, account_id, title, snapshot, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (chat_id) DO UPDATE SET title = excluded.title, snapshot = excluded.snapshot,
             updated_at = excluded.updated_at
         RETURNING id";
    let params = values![
        &share.id,
        &share.chat,
        &share.owner,
        &share.title,
        &share.snapshot,
        share.created_at,
        share.updated_at,
    ];
    let row = tx.query_one(sql, params).await?.ok_or(StoreError::Internal)?;
    let id = row.single("chat_share")?;
    // The link opens the copy, so it is not named.
    audit::append(&mut tx, &Entry::done(Event::ChatShared, permit.by()).on(&share.chat)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Ends the link of a chat; `false` when it had none.
pub async fn revoke(db: &Db, chat: &ChatId, permit: &Permit<WriteChat>) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    if tx.execute("DELETE FROM chat_share WHERE chat_id = $1", values![chat]).await? == 0 {
        return Ok(false);
    }
    audit::append(&mut tx, &Entry::done(Event::ChatUnshared, permit.by()).on(chat)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ends all links of a person, who must be the one the permit was given to; says how many.
pub async fn revoke_all(db: &Db, owner: &UserId, permit: &Permit<UseWorkspace>) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gone = tx.execute("DELETE FROM chat_share WHERE account_id = $1", values![owner]).await?;
    if gone > 0 {
        let entry = Entry::done(Event::ChatUnshared, permit.by()).on(owner).with("count", gone);
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
    }
    Ok(gone)
}

/// The share under this link.
pub async fn by_id(db: &Db, id: &ShareId) -> Result<Option<Share>, StoreError> {
    let sql = format!("SELECT {HEAD}, snapshot FROM chat_share WHERE id = $1");
    let read = |row: Row| {
        let mut fields = row.fields("chat_share");
        let head = head(&mut fields)?;
        Ok(Share { snapshot: fields.read()?, ..head })
    };
    db.query_one(sql, values![id]).await?.map(read).transpose()
}

/// The link of a chat, if it is shared, and how often administrators read it.
pub async fn marks_of(db: &Db, chat: &ChatId) -> Result<(Option<ShareId>, u64), StoreError> {
    let sql = "SELECT (SELECT id FROM chat_share WHERE chat_id = $1),
         (SELECT COUNT(*) FROM chat_reading WHERE chat_id = $1)";
    let row = db.query_one(sql, values![chat]).await?.ok_or(StoreError::Internal)?;
    let mut fields = row.fields("chat_share");
    Ok((fields.read()?, fields.read()?))
}

/// What a person shares, the latest first, without the snapshots.
pub async fn list(db: &Db, owner: &UserId, page: Page) -> Result<Vec<Share>, StoreError> {
    let sql = format!(
        "SELECT {HEAD} FROM chat_share WHERE account_id = $1 ORDER BY updated_at DESC, id DESC LIMIT $2 OFFSET $3"
    );
    let params = vec![owner.into(), page.limit(), page.offset()];
    db.query(sql, params).await?.into_iter().map(|row| head(&mut row.fields("chat_share"))).collect()
}

fn head(fields: &mut Fields) -> Result<Share, StoreError> {
    Ok(Share {
        id: fields.read()?,
        chat: fields.read()?,
        owner: fields.read()?,
        title: fields.read()?,
        snapshot: String::new(),
        created_at: fields.read()?,
        updated_at: fields.read()?,
    })
}

/// One reading of a chat by an administrator.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub reader: UserId,
    /// Their name then.
    pub reader_name: String,
}

/// Notes that an administrator reads a chat. It has to happen before anything of the chat is shown. `Orphan`
/// when the chat is gone.
pub async fn note_reading(
    db: &Db,
    chat: &ChatId,
    reading: &Reading,
    permit: &Permit<ReadOthersChat>,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    // The chat's row is the lock that keeps the numbers of two readings apart.
    let lock = "UPDATE chat SET updated_at = updated_at WHERE id = $1";
    if tx.execute(lock, values![chat]).await? == 0 {
        return Err(StoreError::Orphan);
    }
    let sql = "INSERT INTO chat_reading (seq, chat_id, reader_id, reader_name, at)
         SELECT COALESCE(MAX(seq), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
         FROM chat_reading WHERE chat_id = $1";
    tx.execute(sql, values![chat, &reading.reader, &reading.reader_name, reading.at]).await?;
    audit::append(&mut tx, &Entry::done(Event::ChatReadByAdmin, permit.by()).on(chat)).await?;
    tx.commit().await
}

/// Notes that an administrator reads everybody's chats, in each chat that is not the administrator's own; says
/// how many chats there are.
pub async fn note_export(
    db: &Db,
    reading: &Reading,
    permit: &Permit<ReadOthersChat>,
) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let all = count_of(tx.query_one("SELECT COUNT(*) FROM chat", Vec::new()).await?)?;
    // The lock of every chat's numbers, as in `note_reading`.
    tx.execute("UPDATE chat SET updated_at = updated_at WHERE account_id <> $1", values![&reading.reader])
        .await?;
    let sql = "INSERT INTO chat_reading (seq, chat_id, reader_id, reader_name, at)
         SELECT COALESCE((SELECT MAX(seq) FROM chat_reading r WHERE r.chat_id = chat.id), 0) + 1, chat.id,
             CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
         FROM chat WHERE account_id <> $1";
    tx.execute(sql, values![&reading.reader, &reading.reader_name, reading.at]).await?;
    let entry = Entry::done(Event::DataExported, permit.by()).with("what", "chats").with("count", all);
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(all)
}

/// Who read a chat, the latest first, at most 200.
pub async fn readings(db: &Db, chat: &ChatId) -> Result<Vec<Reading>, StoreError> {
    let sql =
        "SELECT at, reader_id, reader_name FROM chat_reading WHERE chat_id = $1 ORDER BY seq DESC LIMIT 200";
    let read = |row: Row| {
        let mut fields = row.fields("chat_reading");
        Ok(Reading { at: fields.read()?, reader: fields.read()?, reader_name: fields.read()? })
    };
    db.query(sql, values![chat]).await?.into_iter().map(read).collect()
}
