//! Connections as administrators see them: never more of a key than its fingerprint and last four characters.

use std::sync::Arc;

use kernel::{
    BaseUrl, Connection, ConnectionId, ConnectionKind, ConnectionSource, KeyTail, ManageConnections, Permit,
    Refusal, Timestamp,
};
use store::connections::ModelList;

use crate::{Gateway, Inner, admin::AdminError, catalog::Target};

/// A connection as administrators see it.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    /// Which.
    pub id: ConnectionId,
    /// As shown to people.
    pub name: String,
    /// Where the provider is.
    pub base_url: BaseUrl,
    /// What speaks there.
    pub kind: ConnectionKind,
    /// Where it was configured.
    pub source: ConnectionSource,
    /// Whether it is used.
    pub is_enabled: bool,
    /// Its place in the list; the first that offers a model serves it.
    pub position: i64,
    /// Put before the provider's model names.
    pub prefix: Option<String>,
    /// What may be shown of its key; none when it has none.
    pub key: Option<KeyTail>,
    /// How many models the provider listed when it last answered.
    pub models: usize,
    /// When it last answered with a list.
    pub fetched_at: Option<Timestamp>,
    /// Why the connection cannot be used, or why the provider's list could not be had the last time.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it changed.
    pub updated_at: Timestamp,
}

impl Gateway {
    /// All connections in their order.
    pub async fn list_connections(
        &self,
        _: &Permit<ManageConnections>,
    ) -> Result<Vec<ConnectionView>, AdminError> {
        let inner = &*self.0;
        let rows = store::connections::list(&inner.db).await?;
        let lists = store::connections::model_lists(&inner.db).await?;
        let list_of = |id: &ConnectionId| lists.iter().find(|list| list.connection == *id);
        Ok(rows.into_iter().map(|row| view(inner, list_of(&row.id), row)).collect())
    }

    /// The base URLs that connections may have, and whatever is below them.
    pub fn allowed_base_urls(&self, _: &Permit<ManageConnections>) -> &[BaseUrl] {
        &self.0.config.base_urls.allowed
    }

    /// The models that callers get from the connection at this place of the list, counted from zero; `None`
    /// when there is none. Models that an earlier connection serves under the same name are that one's. Which
    /// of them a caller may use is asked where they are shown, as for [`Gateway::catalog`].
    pub async fn models_at(&self, place: usize) -> Result<Option<Vec<Arc<Target>>>, AdminError> {
        let rows = store::connections::list(&self.0.db).await?;
        let Some(row) = rows.get(place) else { return Ok(None) };
        let catalog = self.settled_catalog().await;
        Ok(Some(catalog.offered().filter(|target| target.provider.id == row.id).cloned().collect()))
    }

    /// One connection. 404 when there is none.
    pub(crate) async fn connection_view(&self, id: &ConnectionId) -> Result<ConnectionView, AdminError> {
        let row = self.connection_row(id).await?;
        let lists = store::connections::model_lists(&self.0.db).await?;
        let list = lists.iter().find(|list| list.connection == *id);
        Ok(view(&self.0, list, row))
    }

    /// One connection as it is stored. 404 when there is none.
    pub(crate) async fn connection_row(&self, id: &ConnectionId) -> Result<Connection, AdminError> {
        let found = store::connections::by_id(&self.0.db, id).await?;
        Ok(found.ok_or_else(|| Refusal::not_found("connection"))?)
    }
}

fn view(inner: &Inner, list: Option<&ModelList>, row: Connection) -> ConnectionView {
    let obstacle =
        inner.connections.obstacle(&row.id).map(|it| format!("This connection cannot be used: {it}."));
    let (models, fetched_at) = match row.kind {
        // It is part of the program: its models are known without asking.
        ConnectionKind::Demo => (crate::demo::models().len(), Some(row.created_at)),
        ConnectionKind::OpenAi => {
            (list.map_or(0, |list| list.models.len()), list.and_then(|list| list.fetched_at))
        }
    };
    ConnectionView {
        id: row.id,
        name: row.name,
        base_url: row.base_url,
        kind: row.kind,
        source: row.source,
        is_enabled: row.is_enabled,
        position: row.position,
        prefix: row.prefix,
        key: row.key_tail,
        models,
        fetched_at,
        error: obstacle.or_else(|| list.and_then(|list| list.error.clone())),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
