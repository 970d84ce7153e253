//! Stop 5: money is set aside before anything is called, so that a budget cannot be overspent by many
//! requests at once.

use std::time::Duration;

use kernel::{Kind, Money, Pricing, Refusal, TokenCount};

use llm::Estimate;

use crate::{
    Inner, Payer,
    account::{Exhausted, Need, Reservation},
    parse::Ask,
    route::Plan,
};

/// Reserves the most that the request can cost. The refusal of a spent budget has the configured status.
///
/// A key with a budget may only call models with a known price: an unknown one would be spent unseen.
pub(crate) async fn reserve(
    inner: &Inner,
    payer: &Payer,
    ask: &Ask<'_>,
    plan: &Plan,
    estimate: &Estimate,
) -> Result<Reservation, Refusal> {
    let Payer::Key(held) = payer else { return Ok(Reservation::unlimited()) };
    let Some(pricing) = &plan.pricing else {
        if held.key.max_budget.is_none() {
            return Ok(Reservation::unlimited());
        }
        let words = format!(
            "This API key has a budget and the price of '{}' is not known here. An administrator can set it on the models page or in MODEL_PRICES.",
            ask.model
        );
        return Err(Refusal::field("model", "price_unknown", words));
    };
    let need = need(ask, estimate, pricing);
    let refused = |exhausted| over_budget(exhausted, inner.config.budget_status);
    held.account.reserve(need, inner.config.budget_patience).await.map_err(refused)
}

fn need(ask: &Ask<'_>, estimate: &Estimate, pricing: &Pricing) -> Need {
    let cost = |prompt, completion| pricing.cost(&TokenCount { prompt, completion, ..TokenCount::default() });
    Need {
        most: cost(estimate.prompt_at_most, estimate.completion_at_most),
        least: cost(estimate.prompt_expected, ask.envelope.answers),
    }
}

/// How long each answer may be with the reserved money; `None` when it affords whatever may come, because
/// the caller or the model bounds that.
pub(crate) fn affordable_answer(
    reservation: &Reservation,
    ask: &Ask<'_>,
    plan: &Plan,
    estimate: &Estimate,
) -> Option<u64> {
    let pricing = plan.pricing.as_ref()?;
    let reserved = reservation.amount()?;
    if need(ask, estimate, pricing).most <= reserved {
        return estimate.assumed_output;
    }
    let prompt_cost = pricing.cost(&TokenCount { prompt: estimate.prompt_expected, ..TokenCount::default() });
    let rest = i128::from(reserved.less(prompt_cost).nanos());
    let per_million = i128::from(pricing.completion.nanos()).max(1);
    let tokens = rest * 1_000_000 / per_million / i128::from(ask.envelope.answers);
    Some(u64::try_from(tokens).unwrap_or(u64::MAX).max(1))
}

fn over_budget(exhausted: Exhausted, status: u16) -> Refusal {
    let dollars = Money::dollars;
    let Exhausted { spent, limit, is_momentary } = exhausted;
    if is_momentary {
        let words = "The rest of this API key's budget is reserved by requests that are still running. Try again when they are done.";
        return Refusal::new(Kind::TooMany, "budget_reserved", words).after(Duration::from_secs(5));
    }
    let words = format!(
        "Budget has been exceeded! Current cost: {}, Max budget: {}. An administrator can raise it.",
        dollars(spent),
        dollars(limit)
    );
    Refusal::new(Kind::OverBudget(status), "budget_exceeded", words)
}
