//! Connections to providers, what administrators decided about their models, and the models last seen.
//! Every change raises [`Topic::Connections`] first.

use kernel::{
    Connection, ConnectionId, ConnectionKind, ConnectionSource, ManageConnections, ModelOverride, Permit,
    Timestamp, UpstreamModel,
    audit::{Entry, Event, Target, TargetKind},
};

use crate::{
    StoreError, audit,
    db::{Db, Tx},
    revision::{self, Topic},
    row::{Row, to_json},
    value::{FromValue, Value, values},
};

const COLUMNS: &str = "id, name, base_url, kind, source, is_enabled, position, prefix, sealed_key, key_tail, \
     created_at, updated_at";

/// All connections in their order.
pub async fn list(db: &Db) -> Result<Vec<Connection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connection ORDER BY position, created_at, id");
    db.query(sql, Vec::new()).await?.into_iter().map(connection).collect()
}

/// The connection with this id.
pub async fn by_id(db: &Db, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connection WHERE id = $1");
    db.query_one(sql, values![id]).await?.map(connection).transpose()
}

/// Adds a connection.
pub async fn insert(
    db: &Db,
    connection: &Connection,
    permit: &Permit<ManageConnections>,
) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    insert_row(&mut tx, connection).await?;
    let entry = Entry::done(Event::ConnectionMade, permit.by())
        .on(&connection.id)
        .with("name", connection.name.as_str())
        .with("base_url", connection.base_url.as_str());
    record(tx, &entry).await
}

/// Replaces the whole row except `created_at`; `false` when it is gone. When `seen` is given and the row
/// was changed since, nothing happens and the answer is `Conflict` of `connection.updated_at`. Another base
/// URL is another provider: the list of models of the old one goes. What does not differ is no change.
pub async fn update(
    db: &Db,
    connection: &Connection,
    seen: Option<Timestamp>,
    permit: &Permit<ManageConnections>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let Some(changed) = update_row(&mut tx, connection, seen).await? else { return Ok(false) };
    if changed.is_empty() {
        return Ok(true);
    }
    let entry = Entry::done(Event::ConnectionChanged, permit.by()).on(&connection.id).changed(changed);
    record(tx, &entry).await?;
    Ok(true)
}

/// Removes a connection with its overrides and its list of models; `false` when it was gone.
pub async fn delete(
    db: &Db,
    id: &ConnectionId,
    permit: &Permit<ManageConnections>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let Some(name) = delete_row(&mut tx, id).await? else { return Ok(false) };
    let entry = Entry::done(Event::ConnectionDeleted, permit.by()).on(id).with("name", name);
    record(tx, &entry).await?;
    Ok(true)
}

/// Puts the connections into this order. Ids that do not exist are passed over; connections that are
/// not named keep their place after those that are.
pub async fn reorder(
    db: &Db,
    order: &[ConnectionId],
    permit: &Permit<ManageConnections>,
) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    if order_rows(&mut tx, order).await? == 0 {
        return Ok(());
    }
    record(tx, &ordered(permit, order)).await
}

fn ordered(permit: &Permit<ManageConnections>, order: &[ConnectionId]) -> Entry {
    let order: Vec<_> = order.iter().map(ConnectionId::as_str).collect();
    Entry::done(Event::ConnectionOrdered, permit.by()).with("order", order)
}

/// One of several changes that are made together.
#[derive(Debug)]
pub enum Step {
    /// As [`insert`].
    Insert(Connection),
    /// As [`update`].
    Update {
        /// The row as it shall be.
        row: Connection,
        /// When it was last changed, as far as the caller knows.
        seen: Timestamp,
    },
    /// As [`delete`]; that it is gone already is no failure.
    Delete(ConnectionId),
}

impl Step {
    const fn id(&self) -> &ConnectionId {
        match self {
            Self::Insert(row) | Self::Update { row, .. } => &row.id,
            Self::Delete(id) => id,
        }
    }
}

/// Makes all of these changes and then [`reorder`]s, or changes nothing; one record tells of all. `Conflict` of
/// `connection.updated_at` when a row to update was changed or removed since it was seen.
pub async fn rearrange(
    db: &Db,
    steps: &[Step],
    order: &[ConnectionId],
    permit: &Permit<ManageConnections>,
) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    for step in steps {
        match step {
            Step::Insert(row) => insert_row(&mut tx, row).await?,
            Step::Update { row, seen } => {
                update_row(&mut tx, row, Some(*seen)).await?.ok_or_else(changed_since)?;
            }
            Step::Delete(id) => drop(delete_row(&mut tx, id).await?),
        }
    }
    let moved = order_rows(&mut tx, order).await?;
    let entry = match steps {
        [] if moved == 0 => return Ok(()),
        [] => ordered(permit, order),
        [one] => rearranged(steps, permit).on(one.id()),
        _ => rearranged(steps, permit),
    };
    record(tx, &entry).await
}

/// Which connections came, changed and went.
fn rearranged(steps: &[Step], permit: &Permit<ManageConnections>) -> Entry {
    let ids = |is_meant: fn(&Step) -> bool| -> Vec<&str> {
        steps.iter().filter(|step| is_meant(step)).map(|step| step.id().as_str()).collect()
    };
    Entry::done(Event::ConnectionChanged, permit.by())
        .with("connections_made", ids(|step| matches!(step, Step::Insert(_))))
        .with("connections_changed", ids(|step| matches!(step, Step::Update { .. })))
        .with("connections_deleted", ids(|step| matches!(step, Step::Delete(_))))
}

async fn record(mut tx: Tx, entry: &Entry) -> Result<(), StoreError> {
    audit::append(&mut tx, entry).await?;
    tx.commit().await
}

async fn insert_row(tx: &mut Tx, connection: &Connection) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO connection ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    );
    tx.execute(sql, row_values(connection)).await?;
    Ok(())
}

/// The names of what became different; `None` when the row is gone.
async fn update_row(
    tx: &mut Tx,
    wanted: &Connection,
    seen: Option<Timestamp>,
) -> Result<Option<Vec<&'static str>>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connection WHERE id = $1");
    let Some(row) = tx.query_one(sql, values![&wanted.id]).await? else { return Ok(None) };
    let before = connection(row)?;
    if seen.is_some_and(|seen| seen != before.updated_at) {
        return Err(changed_since());
    }
    let mut params = row_values(wanted);
    // A clock that stood still must not hide a change from the next writer's `seen`.
    let after = Timestamp::from_micros(before.updated_at.micros().saturating_add(1)).max(wanted.updated_at);
    params[11] = after.into();
    params.remove(10);
    tx.execute(
        "UPDATE connection SET name = $2, base_url = $3, kind = $4, source = $5, is_enabled = $6,
             position = $7, prefix = $8, sealed_key = $9, key_tail = $10, updated_at = $11 WHERE id = $1",
        params,
    )
    .await?;
    if before.base_url != wanted.base_url {
        tx.execute("DELETE FROM model_list WHERE connection_id = $1", values![&wanted.id]).await?;
    }
    Ok(Some(differences(&before, wanted)))
}

fn differences(before: &Connection, after: &Connection) -> Vec<&'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("base_url", before.base_url != after.base_url),
        ("kind", before.kind != after.kind),
        ("enabled", before.is_enabled != after.is_enabled),
        ("position", before.position != after.position),
        ("prefix", before.prefix != after.prefix),
        ("key", before.key_tail != after.key_tail || before.sealed_key != after.sealed_key),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

fn changed_since() -> StoreError {
    StoreError::Conflict { table: "connection".to_owned(), column: "updated_at".to_owned() }
}

/// The name that it had; `None` when it was gone.
async fn delete_row(tx: &mut Tx, id: &ConnectionId) -> Result<Option<String>, StoreError> {
    let row = tx.query_one("DELETE FROM connection WHERE id = $1 RETURNING name", values![id]).await?;
    row.map(|row| row.single("connection")).transpose()
}

/// How many connections got another place.
async fn order_rows(tx: &mut Tx, order: &[ConnectionId]) -> Result<u64, StoreError> {
    let rows = tx.query("SELECT id FROM connection ORDER BY position, created_at, id", Vec::new()).await?;
    let mut ids: Vec<ConnectionId> =
        rows.into_iter().map(|row| row.single("connection")).collect::<Result<_, _>>()?;
    ids.sort_by_key(|id| order.iter().position(|named| named == id).unwrap_or(usize::MAX));
    let mut moved = 0;
    for (position, id) in (0_i64..).zip(&ids) {
        let sql = "UPDATE connection SET position = $2 WHERE id = $1 AND position <> $2";
        moved += tx.execute(sql, values![id, position]).await?;
    }
    Ok(moved)
}

/// What administrators decided about models, all connections together.
pub async fn overrides(db: &Db) -> Result<Vec<ModelOverride>, StoreError> {
    let sql = "SELECT connection_id, upstream_id, public_id, name, is_hidden, pricing FROM model_override
         ORDER BY connection_id, upstream_id";
    let read = |row: Row| {
        let mut fields = row.fields("model_override");
        Ok(ModelOverride {
            connection: fields.read()?,
            upstream_id: fields.read()?,
            public_id: fields.read()?,
            name: fields.read()?,
            is_hidden: fields.read()?,
            pricing: fields.optional_json()?,
        })
    };
    db.query(sql, Vec::new()).await?.into_iter().map(read).collect()
}

/// Stores what is decided about one model. `Orphan` when the connection is gone.
pub async fn put_override(
    db: &Db,
    decided: &ModelOverride,
    permit: &Permit<ManageConnections>,
) -> Result<(), StoreError> {
    let mut tx = begin(db).await?;
    tx.execute(
        "INSERT INTO model_override (connection_id, upstream_id, public_id, name, is_hidden, pricing)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (connection_id, upstream_id) DO UPDATE SET public_id = excluded.public_id,
             name = excluded.name, is_hidden = excluded.is_hidden, pricing = excluded.pricing",
        values![
            &decided.connection,
            &decided.upstream_id,
            decided.public_id.as_deref(),
            decided.name.as_deref(),
            decided.is_hidden,
            decided.pricing.as_ref().map(to_json),
        ],
    )
    .await?;
    let names = [
        decided.public_id.as_ref().map(|_| "public_id"),
        decided.name.as_ref().map(|_| "name"),
        decided.is_hidden.then_some("hidden"),
        decided.pricing.as_ref().map(|_| "pricing"),
    ];
    let entry = model(permit, &decided.connection, &decided.upstream_id);
    record(tx, &entry.with("decided", names.into_iter().flatten().collect::<Vec<_>>())).await
}

fn model(permit: &Permit<ManageConnections>, connection: &ConnectionId, upstream_id: &str) -> Entry {
    Entry::done(Event::ModelChanged, permit.by())
        .on(Target::new(TargetKind::Model, upstream_id))
        .with("connection", connection.as_str())
}

/// Forgets what was decided about one model; `false` when nothing was.
pub async fn delete_override(
    db: &Db,
    connection: &ConnectionId,
    upstream_id: &str,
    permit: &Permit<ManageConnections>,
) -> Result<bool, StoreError> {
    let mut tx = begin(db).await?;
    let sql = "DELETE FROM model_override WHERE connection_id = $1 AND upstream_id = $2";
    if tx.execute(sql, values![connection, upstream_id]).await? == 0 {
        return Ok(false);
    }
    let nothing: [&str; 0] = [];
    record(tx, &model(permit, connection, upstream_id).with("decided", nothing.as_slice())).await?;
    Ok(true)
}

/// The models that a provider listed when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelList {
    /// Whose.
    pub connection: ConnectionId,
    /// As of the last answer; kept when the provider fails later.
    pub models: Vec<UpstreamModel>,
    /// When the provider last answered.
    pub fetched_at: Option<Timestamp>,
    /// When it was last asked.
    pub tried_at: Timestamp,
    /// Why the last attempt failed, in words for an administrator.
    pub error: Option<String>,
}

/// The model lists of all connections that were ever asked.
pub async fn model_lists(db: &Db) -> Result<Vec<ModelList>, StoreError> {
    let sql = format!("SELECT {LIST_COLUMNS} FROM model_list ORDER BY connection_id");
    db.query(sql, Vec::new()).await?.into_iter().map(model_list).collect()
}

/// Notes what a provider answered, or why it did not (its last list then stays). `false` when the
/// connection is gone. Other processes are told only when models or error differ from before.
pub async fn put_models(
    db: &Db,
    connection: &ConnectionId,
    at: Timestamp,
    answer: Result<&[UpstreamModel], &str>,
) -> Result<bool, StoreError> {
    let sql = format!("SELECT {LIST_COLUMNS} FROM model_list WHERE connection_id = $1");
    let before = db.query_one(sql, values![connection]).await?.map(model_list).transpose()?;
    let error = answer.err();
    let is_news = before.as_ref().is_none_or(|list| {
        list.error.as_deref() != error || answer.is_ok_and(|models| list.models != models)
    });

    let mut tx = db.begin().await?;
    if is_news {
        revision::bump(&mut tx, Topic::Connections).await?;
    }
    // A failure must not touch the list: another process may have fetched a newer one meanwhile.
    let replaces = match answer {
        Ok(_) => "models = excluded.models, fetched_at = excluded.fetched_at,",
        Err(_) => "",
    };
    let sql = format!(
        "INSERT INTO model_list (connection_id, models, fetched_at, tried_at, error) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (connection_id) DO UPDATE SET {replaces} tried_at = excluded.tried_at, error = excluded.error"
    );
    let models = to_json(answer.unwrap_or_default());
    let fetched_at = answer.is_ok().then_some(at);
    let written = tx.execute(sql, values![connection, models, fetched_at, at, error]).await;
    match written {
        Err(StoreError::Orphan) => Ok(false),
        Err(error) => Err(error),
        Ok(_) => tx.commit().await.map(|()| true),
    }
}

const LIST_COLUMNS: &str = "connection_id, models, fetched_at, tried_at, error";

fn model_list(row: Row) -> Result<ModelList, StoreError> {
    let mut fields = row.fields("model_list");
    Ok(ModelList {
        connection: fields.read()?,
        models: fields.json()?,
        fetched_at: fields.read()?,
        tried_at: fields.read()?,
        error: fields.read()?,
    })
}

async fn begin(db: &Db) -> Result<Tx, StoreError> {
    let mut tx = db.begin().await?;
    revision::bump(&mut tx, Topic::Connections).await?;
    Ok(tx)
}

/// In the order of [`COLUMNS`].
fn row_values(connection: &Connection) -> Vec<Value> {
    values![
        &connection.id,
        &connection.name,
        &connection.base_url,
        connection.kind,
        connection.source,
        connection.is_enabled,
        connection.position,
        connection.prefix.as_deref(),
        connection.sealed_key.as_deref(),
        connection.key_tail.as_ref().map(to_json),
        connection.created_at,
        connection.updated_at,
    ]
}

fn connection(row: Row) -> Result<Connection, StoreError> {
    let mut fields = row.fields("connection");
    Ok(Connection {
        id: fields.read()?,
        name: fields.read()?,
        base_url: fields.read()?,
        kind: fields.read()?,
        source: fields.read()?,
        is_enabled: fields.read()?,
        position: fields.read()?,
        prefix: fields.read()?,
        sealed_key: fields.read()?,
        key_tail: fields.optional_json()?,
        created_at: fields.read()?,
        updated_at: fields.read()?,
    })
}

impl From<ConnectionKind> for Value {
    fn from(kind: ConnectionKind) -> Self {
        match kind {
            ConnectionKind::OpenAi => "openai".into(),
            ConnectionKind::Demo => "demo".into(),
        }
    }
}

impl FromValue for ConnectionKind {
    fn from_value(value: Value) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "openai" => Some(Self::OpenAi),
            "demo" => Some(Self::Demo),
            _ => None,
        }
    }
}

impl From<ConnectionSource> for Value {
    fn from(source: ConnectionSource) -> Self {
        match source {
            ConnectionSource::Environment => "environment".into(),
            ConnectionSource::Stored => "stored".into(),
        }
    }
}

impl FromValue for ConnectionSource {
    fn from_value(value: Value) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "environment" => Some(Self::Environment),
            "stored" => Some(Self::Stored),
            _ => None,
        }
    }
}
