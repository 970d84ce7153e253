//! The catalogue as administrators see it, hidden and vanished models included, and what they decide about
//! single models: hide, rename, price.

use std::collections::HashSet;

use kernel::{
    Connection, ConnectionId, ConnectionKind, ManageConnections, ModelId, ModelOverride, Permit, Pricing,
    Refusal, UpstreamModel,
};
use store::connections::ModelList;

use crate::{
    Gateway, Inner, PriceSource,
    admin::AdminError,
    catalog::{self, Face},
};

/// The longest name of a model for people, in characters.
const LONGEST_NAME: usize = 200;

/// One model of one connection as administrators see it.
#[derive(Debug, Clone)]
pub struct CatalogEntry {
    /// Whose.
    pub connection: ConnectionId,
    /// The connection's name.
    pub connection_name: String,
    /// The provider's name for the model.
    pub upstream_id: String,
    /// What callers ask for.
    pub public_id: String,
    /// For people.
    pub name: String,
    /// Not offered to callers.
    pub is_hidden: bool,
    /// An administrator changed its public id or name.
    pub is_renamed: bool,
    /// How many tokens fit, if anybody knows.
    pub context_length: Option<u64>,
    /// What it costs and who says so.
    pub price: Option<(Pricing, PriceSource)>,
    /// The connection is in use and its provider lists the model.
    pub is_available: bool,
}

/// What an administrator decides about one model: `None` leaves a field alone; the inner `None` takes back
/// what was decided before.
#[derive(Debug, Clone, Default)]
pub struct ModelChange {
    /// Offer it or not.
    pub is_hidden: Option<bool>,
    /// Another public id.
    pub public_id: Option<Option<String>>,
    /// Another name for people.
    pub name: Option<Option<String>>,
    /// Another price.
    pub pricing: Option<Option<Pricing>>,
}

impl Gateway {
    /// Every model of every connection, in the order of the connections. Models that the provider no longer
    /// lists are there as long as something is decided about them.
    pub async fn list_models(&self, _: &Permit<ManageConnections>) -> Result<Vec<CatalogEntry>, AdminError> {
        let inner = &*self.0;
        let rows = store::connections::list(&inner.db).await?;
        let decisions = store::connections::overrides(&inner.db).await?;
        let lists = store::connections::model_lists(&inner.db).await?;
        Ok(rows.iter().flat_map(|row| entries(inner, row, &lists, &decisions)).collect())
    }

    /// Decides something about one model. 404 when the connection has none of the name.
    pub async fn change_model(
        &self,
        connection: &ConnectionId,
        upstream_id: &str,
        change: ModelChange,
        permit: &Permit<ManageConnections>,
    ) -> Result<CatalogEntry, AdminError> {
        let inner = &*self.0;
        let turn = inner.connections.changing.lock().await;
        let row = self.connection_row(connection).await?;
        if self.entry(&row, upstream_id).await?.is_none() {
            return Err(Refusal::not_found("model of this connection").into());
        }
        let is_it = |it: &ModelOverride| it.connection == *connection && it.upstream_id == upstream_id;
        let before = store::connections::overrides(&inner.db).await?.into_iter().find(is_it);
        let before = before.unwrap_or_else(|| undecided(connection, upstream_id));
        let own_id = catalog::own_id(row.prefix.as_deref(), upstream_id);
        let name = |it: &ModelOverride| it.public_id.clone().unwrap_or_else(|| own_id.clone());
        let old_name = name(&before);
        let decided = decide(before, change, &own_id)?;
        self.carry_decision(&old_name, &name(&decided), permit).await?;
        if decided == undecided(connection, upstream_id) {
            store::connections::delete_override(&inner.db, connection, upstream_id, permit).await?;
        } else {
            store::connections::put_override(&inner.db, &decided, permit).await?;
        }
        drop(turn);
        self.reload_connections().await?;
        // A model that vanished and about which nothing is decided any more is gone with this.
        Ok(self
            .entry(&row, upstream_id)
            .await?
            .unwrap_or_else(|| entry(inner, &row, &vanished(upstream_id), None)))
    }

    async fn entry(&self, row: &Connection, upstream_id: &str) -> Result<Option<CatalogEntry>, AdminError> {
        let decisions = store::connections::overrides(&self.0.db).await?;
        let lists = store::connections::model_lists(&self.0.db).await?;
        let mut found = entries(&self.0, row, &lists, &decisions);
        Ok(found.iter().position(|it| it.upstream_id == upstream_id).map(|index| found.swap_remove(index)))
    }
}

fn entries(
    inner: &Inner,
    row: &Connection,
    lists: &[ModelList],
    decisions: &[ModelOverride],
) -> Vec<CatalogEntry> {
    let demo;
    let models: &[UpstreamModel] = match row.kind {
        ConnectionKind::Demo => {
            demo = crate::demo::models();
            &demo
        }
        ConnectionKind::OpenAi => {
            lists.iter().find(|list| list.connection == row.id).map_or(&[], |list| &list.models)
        }
    };
    let own: Vec<&ModelOverride> = decisions.iter().filter(|it| it.connection == row.id).collect();
    let decision = |id: &str| own.iter().copied().find(|it| it.upstream_id == id);
    let listed: HashSet<&str> = models.iter().map(|model| model.id.as_str()).collect();
    let is_usable = row.is_enabled && inner.connections.obstacle(&row.id).is_none();

    let there = models.iter().map(|model| {
        let entry = entry(inner, row, model, decision(&model.id));
        CatalogEntry { is_available: is_usable, ..entry }
    });
    let gone = own.iter().filter(|it| !listed.contains(it.upstream_id.as_str()));
    let gone = gone.map(|it| entry(inner, row, &vanished(&it.upstream_id), Some(it)));
    there.chain(gone).collect()
}

/// One model that is not available.
fn entry(
    inner: &Inner,
    row: &Connection,
    model: &UpstreamModel,
    decision: Option<&ModelOverride>,
) -> CatalogEntry {
    let Face { public_id, name, limits, price, is_hidden, is_renamed } =
        catalog::face(row.prefix.as_deref(), model, decision, &inner.prices);
    CatalogEntry {
        connection: row.id.clone(),
        connection_name: row.name.clone(),
        upstream_id: model.id.clone(),
        public_id,
        name,
        is_hidden,
        is_renamed,
        context_length: limits.context_length,
        price,
        is_available: false,
    }
}

/// A model of which nothing is left but its name.
fn vanished(upstream_id: &str) -> UpstreamModel {
    UpstreamModel {
        id: upstream_id.to_owned(),
        name: None,
        created: 0,
        owned_by: String::new(),
        context_length: None,
        pricing: None,
    }
}

fn undecided(connection: &ConnectionId, upstream_id: &str) -> ModelOverride {
    ModelOverride {
        connection: connection.clone(),
        upstream_id: upstream_id.to_owned(),
        public_id: None,
        name: None,
        is_hidden: false,
        pricing: None,
    }
}

/// What is decided after the change. The model's own id as its "other" public id is none.
fn decide(before: ModelOverride, change: ModelChange, own_id: &str) -> Result<ModelOverride, Refusal> {
    let mut decided = before;
    if let Some(public_id) = change.public_id {
        let public_id = public_id.as_deref().map(checked_id).transpose()?;
        decided.public_id = public_id.filter(|id| id != own_id);
    }
    if let Some(name) = change.name {
        decided.name = name.as_deref().map(checked_name).transpose()?;
    }
    if let Some(pricing) = change.pricing {
        decided.pricing = pricing;
    }
    decided.is_hidden = change.is_hidden.unwrap_or(decided.is_hidden);
    Ok(decided)
}

fn checked_id(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let fits = ModelId::parse(text).is_some() && !text.contains(char::is_whitespace);
    if fits {
        return Ok(text.to_owned());
    }
    let words = "The public id must have 1 to 256 bytes and no spaces. Send null for the provider's own.";
    Err(Refusal::field("id", "invalid_model_id", words))
}

fn checked_name(text: &str) -> Result<String, Refusal> {
    kernel::plain_line(text, LONGEST_NAME).ok_or_else(|| {
        let words = "The name must have 1 to 200 characters, and none that are invisible or change the direction of \
                     text. Send null for the provider's own.";
        Refusal::field("name", "invalid_name", words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before() -> ModelOverride {
        undecided(&"conn_1".parse().unwrap(), "llama")
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name_and_null_takes_back() {
        let renamed = ModelChange { public_id: Some(Some("fast".into())), ..ModelChange::default() };
        let renamed = decide(before(), renamed, "local/llama").unwrap();
        let hidden = ModelChange { is_hidden: Some(true), ..ModelChange::default() };
        let hidden = decide(renamed, hidden, "local/llama").unwrap();
        assert_eq!((hidden.public_id.as_deref(), hidden.is_hidden), (Some("fast"), true));
        let reset = ModelChange { public_id: Some(None), is_hidden: Some(false), ..ModelChange::default() };
        assert_eq!(decide(hidden, reset, "local/llama").unwrap(), before());
    }

    #[test]
    fn the_models_own_id_is_no_decision() {
        let same = ModelChange { public_id: Some(Some("local/llama".into())), ..ModelChange::default() };
        assert_eq!(decide(before(), same, "local/llama").unwrap(), before());
    }

    #[test]
    fn ids_with_spaces_and_names_with_line_breaks_are_refused_by_field() {
        let id = ModelChange { public_id: Some(Some("a b".into())), ..ModelChange::default() };
        assert_eq!(decide(before(), id, "x").unwrap_err().field.as_deref(), Some("id"));
        let name = ModelChange { name: Some(Some("a\nb".into())), ..ModelChange::default() };
        assert_eq!(decide(before(), name, "x").unwrap_err().field.as_deref(), Some("name"));
    }
}
