//! Stop 2: may this caller use this model through this endpoint, now?

use kernel::{Kind, Permit, Refusal, UseModel, VirtualKey};

use crate::{Gateway, Payer, access::no_such_model, parse::Ask};

/// 401 for a key that does not work (any more), 403 for a key that is limited to something else, and 404, as for
/// a model that is not there, for one that is not granted to the person who asks or owns the key.
pub(crate) fn authorise(
    gateway: &Gateway,
    payer: &Payer,
    ask: &Ask<'_>,
) -> Result<Permit<UseModel>, Refusal> {
    let permit = match payer {
        Payer::Caller(caller) => caller.may_use_model()?,
        Payer::Key(held) => {
            held.key.is_usable(gateway.0.world.now())?;
            refuse_rerouting(&held.key, ask)?;
            held.key.may_call(ask.envelope.endpoint)?;
            held.key.may_use_model(&ask.model)?
        }
    };
    if !gateway.may_reach(payer, ask.model.as_str()) {
        return Err(no_such_model(ask.model.as_str()));
    }
    if let Some(field) = ask.envelope.reroutes
        && !gateway.may_reach_all(payer)
    {
        return Err(not_allowed(field, "You may not use every model here"));
    }
    Ok(permit)
}

/// A key that is limited to models or to a sum must get the model that was checked and priced.
fn refuse_rerouting(key: &VirtualKey, ask: &Ask<'_>) -> Result<(), Refusal> {
    let is_limited = !key.models.is_empty() || key.max_budget.is_some();
    let Some(field) = ask.envelope.reroutes.filter(|_| is_limited) else { return Ok(()) };
    Err(not_allowed(field, "This API key is limited to models or to a budget"))
}

fn not_allowed(field: &'static str, why: &str) -> Refusal {
    let words =
        format!("{why}, so `{field}`, by which another model could answer, is not possible. Leave it out.");
    let refusal = Refusal::new(Kind::Forbidden, "parameter_not_allowed", words);
    Refusal { field: Some(field.into()), ..refusal }
}
