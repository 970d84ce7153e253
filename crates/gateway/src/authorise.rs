//! Stop 2: may this caller use this model through this endpoint, now?

use kernel::{Kind, Permit, Refusal, Timestamp, UseModel, VirtualKey};

use crate::{Payer, parse::Ask};

/// 401 for a key that does not work (any more), 403 for a key that is limited to something else.
pub(crate) fn authorise(payer: &Payer, ask: &Ask<'_>, now: Timestamp) -> Result<Permit<UseModel>, Refusal> {
    let permit = match payer {
        Payer::Caller(caller) => caller.may_use_model()?,
        Payer::Key(held) => {
            held.key.is_usable(now)?;
            refuse_rerouting(&held.key, ask)?;
            held.key.may_call(ask.envelope.endpoint)?;
            held.key.may_use_model(&ask.model)?
        }
    };
    Ok(permit)
}

/// A key that is limited to models or to a sum must get the model that was checked and priced.
fn refuse_rerouting(key: &VirtualKey, ask: &Ask<'_>) -> Result<(), Refusal> {
    let is_limited = !key.models.is_empty() || key.max_budget.is_some();
    let Some(field) = ask.envelope.reroutes.filter(|_| is_limited) else { return Ok(()) };
    let words = format!(
        "This API key is limited to models or to a budget, so it may not use `{field}`, by which another model could answer. Leave it out."
    );
    let refusal = Refusal::new(Kind::Forbidden, "parameter_not_allowed", words);
    Err(Refusal { field: Some(field.into()), ..refusal })
}
