//! Which public model name is served by which provider under which name and price.
//!
//! Rebuilt as a whole whenever connections, their models or an administrator's decisions change; readers
//! take a snapshot without a lock.

use std::{collections::HashMap, sync::Arc};

use kernel::{ConnectionId, ModelOverride, Pricing, UpstreamModel};
use llm::{ModelLimits, Prices};

use crate::provider::Provider;

/// One model of one provider, as it is offered.
#[derive(Debug, Clone)]
pub struct Target {
    /// Who serves it.
    pub provider: Arc<Provider>,
    /// The provider's name for it.
    pub upstream_id: String,
    /// Ours.
    pub public_id: String,
    /// For people.
    pub name: String,
    /// Whose it is, in the provider's words.
    pub owned_by: String,
    /// When it was published, Unix seconds.
    pub created: i64,
    /// How many tokens fit, and how long an answer can be.
    pub limits: ModelLimits,
    /// What it costs and who says so.
    pub price: Option<(Pricing, PriceSource)>,
    /// Not offered to callers.
    pub is_hidden: bool,
}

/// Who says what a model costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceSource {
    /// An administrator, for this connection.
    Override,
    /// The provider's own list.
    Provider,
    /// `MODEL_PRICES` or the table that ships with the binary.
    Table,
}

impl PriceSource {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Provider => "provider",
            Self::Table => "table",
        }
    }
}

impl Target {
    /// What it costs, if anybody knows.
    pub fn pricing(&self) -> Option<&Pricing> {
        self.price.as_ref().map(|(pricing, _)| pricing)
    }
}

/// What a provider offered when it was last asked.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Who.
    pub provider: Arc<Provider>,
    /// Its models; none when it has never told.
    pub models: Option<Vec<UpstreamModel>>,
}

/// All models of all enabled connections.
#[derive(Debug, Default)]
pub struct Catalog {
    targets: Vec<Arc<Target>>,
    by_public_id: HashMap<String, usize>,
    /// Providers that list nothing. They are asked for names that nobody else has.
    silent: Vec<Arc<Provider>>,
}

impl Catalog {
    /// Puts the offers together, in the order of the connections: the first to offer a name serves it.
    pub fn build(offers: Vec<Offer>, overrides: &[ModelOverride], prices: &Prices) -> Self {
        let decisions: HashMap<(&ConnectionId, &str), &ModelOverride> = overrides
            .iter()
            .map(|decision| ((&decision.connection, decision.upstream_id.as_str()), decision))
            .collect();
        let mut catalog = Self::default();
        for Offer { provider, models } in offers {
            let Some(models) = models else {
                catalog.silent.push(provider);
                continue;
            };
            for model in models {
                let decision = decisions.get(&(&provider.id, model.id.as_str())).copied();
                catalog.add(target(provider.clone(), model, decision, prices));
            }
        }
        catalog
    }

    fn add(&mut self, target: Target) {
        if !target.is_hidden {
            self.by_public_id.entry(target.public_id.clone()).or_insert(self.targets.len());
        }
        self.targets.push(Arc::new(target));
    }

    /// The model that callers get for this name.
    pub fn find(&self, public_id: &str) -> Option<Arc<Target>> {
        self.by_public_id.get(public_id).map(|index| self.targets[*index].clone())
    }

    /// The provider to ask for a name that nobody lists, because it lists nothing at all.
    pub fn silent_provider(&self) -> Option<Arc<Provider>> {
        self.silent.first().cloned()
    }

    /// What callers may choose from, in the order of the connections.
    pub fn offered(&self) -> impl Iterator<Item = &Arc<Target>> {
        let serves =
            |(index, target): &(usize, &Arc<Target>)| self.by_public_id.get(&target.public_id) == Some(index);
        self.targets.iter().enumerate().filter(serves).map(|(_, target)| target)
    }
}

fn target(
    provider: Arc<Provider>,
    model: UpstreamModel,
    decision: Option<&ModelOverride>,
    prices: &Prices,
) -> Target {
    let Face { public_id, name, limits, price, is_hidden, .. } =
        face(provider.prefix.as_deref(), &model, decision, prices);
    Target {
        upstream_id: model.id,
        owned_by: model.owned_by,
        created: model.created,
        provider,
        public_id,
        name,
        limits,
        price,
        is_hidden,
    }
}

/// How a model appears here.
#[derive(Debug)]
pub(crate) struct Face {
    /// What callers ask for.
    pub(crate) public_id: String,
    /// For people.
    pub(crate) name: String,
    /// How many tokens fit, and how long an answer can be.
    pub(crate) limits: ModelLimits,
    /// What it costs and who says so.
    pub(crate) price: Option<(Pricing, PriceSource)>,
    /// Not offered to callers.
    pub(crate) is_hidden: bool,
    /// An administrator changed its public id or name.
    pub(crate) is_renamed: bool,
}

/// The public id of a model that nobody renamed.
pub(crate) fn own_id(prefix: Option<&str>, upstream_id: &str) -> String {
    prefix.map_or_else(|| upstream_id.to_owned(), |prefix| format!("{prefix}/{upstream_id}"))
}

/// Puts together what the provider, the operator and an administrator say about one model. A price comes
/// from an administrator, else from `MODEL_PRICES` (by the public id, or the provider's), else from the
/// provider's own list, else from the table that ships with the binary.
pub(crate) fn face(
    prefix: Option<&str>,
    model: &UpstreamModel,
    decision: Option<&ModelOverride>,
    prices: &Prices,
) -> Face {
    let own_id = own_id(prefix, &model.id);
    let other_id = decision.and_then(|it| it.public_id.clone());
    let other_name = decision.and_then(|it| it.name.clone());
    let is_renamed = other_id.is_some() || other_name.is_some();
    let name = other_name.or_else(|| model.name.clone()).unwrap_or_else(|| own_id.clone());
    let known = prices.find(&model.id);
    let operators = [other_id.as_deref().unwrap_or(&own_id), &own_id, &model.id]
        .into_iter()
        .find_map(|id| prices.overridden(id));
    let price = decision
        .and_then(|it| it.pricing)
        .map(|pricing| (pricing, PriceSource::Override))
        .or_else(|| operators.map(|entry| (entry.pricing, PriceSource::Table)))
        .or_else(|| model.pricing.map(|pricing| (pricing, PriceSource::Provider)))
        .or_else(|| known.map(|entry| (entry.pricing, PriceSource::Table)));
    let limits = known.map(|entry| entry.limits).unwrap_or_default();
    Face {
        limits: ModelLimits { context_length: model.context_length.or(limits.context_length), ..limits },
        public_id: other_id.unwrap_or(own_id),
        is_hidden: decision.is_some_and(|it| it.is_hidden),
        is_renamed,
        name,
        price,
    }
}
