//! Stop 4: which provider serves the model, under which name and at which price.

use std::sync::Arc;

use kernel::{Permit, Pricing, Refusal, UseModel};

use llm::ModelLimits;

use crate::{Gateway, access::no_such_model, parse::Ask, provider::Provider};

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Who serves it.
    pub(crate) provider: Arc<Provider>,
    /// The provider's name for the model.
    pub(crate) upstream_id: String,
    /// What it costs, if anybody knows.
    pub(crate) pricing: Option<Pricing>,
    /// How many tokens fit, and how long an answer can be, if anybody knows.
    pub(crate) limits: ModelLimits,
}

/// Finds the provider. 404 when nobody offers the model.
///
/// A name that is not in the catalogue waits for model lists that are being fetched for the first time.
/// When it is in none of them, a provider that lists nothing at all is asked: it may have it.
pub(crate) async fn plan(gateway: &Gateway, ask: &Ask<'_>, _: Permit<UseModel>) -> Result<Plan, Refusal> {
    let name = ask.model.as_str();
    if let Some(plan) = listed(gateway, name) {
        return Ok(plan);
    }
    gateway.first_fetch_done().await;
    if let Some(plan) = listed(gateway, name) {
        return Ok(plan);
    }
    if let Some(provider) = gateway.catalog().silent_provider() {
        let known = gateway.0.prices.find(name);
        return Ok(Plan {
            provider,
            upstream_id: name.to_owned(),
            pricing: known.map(|known| known.pricing),
            limits: known.map(|known| known.limits).unwrap_or_default(),
        });
    }
    Err(no_such_model(name))
}

fn listed(gateway: &Gateway, name: &str) -> Option<Plan> {
    let target = gateway.0.catalog.load().find(name)?;
    Some(Plan {
        provider: target.provider.clone(),
        upstream_id: target.upstream_id.clone(),
        pricing: target.pricing().copied(),
        limits: target.limits,
    })
}
