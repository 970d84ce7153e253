//! Stop 2: may this caller use this model through this endpoint, now?

use kernel::{Denied, Endpoint, Kind, ModelId, Permit, Person, Refusal, UseModel};

use crate::{Gateway, Payer, access::no_such_model, parse::Ask};

/// 401 for a key that does not work (any more), 403 for a key that is limited to something else, and 404, as for
/// a model that is not there, for one that is not granted to the person who asks or owns the key.
pub(crate) fn authorise(
    gateway: &Gateway,
    payer: &Payer,
    ask: &Ask<'_>,
) -> Result<Permit<UseModel>, Refusal> {
    let permit = may_use(gateway, payer, ask.envelope.endpoint, &ask.model)?;
    let is_limited = match payer {
        Payer::Caller(caller) => caller.person().is_some_and(Person::is_limited_to_models),
        Payer::Key(held) => !held.key.models.is_empty() || held.key.max_budget.is_some(),
    };
    refuse_rerouting(is_limited, ask)?;
    if let Some(field) = ask.envelope.reroutes
        && !gateway.may_reach_all(payer)
    {
        return Err(not_allowed(field, "You may not use every model here"));
    }
    Ok(permit)
}

/// The part that must hold for as long as the answer lasts.
pub(crate) fn may_use(
    gateway: &Gateway,
    payer: &Payer,
    endpoint: Endpoint,
    model: &ModelId,
) -> Result<Permit<UseModel>, Refusal> {
    let permit = match payer {
        Payer::Caller(caller) => {
            // A person's API key may be limited to some of the models that its owner uses.
            if caller.person().is_some_and(|person| !person.credential_reaches(model.as_str())) {
                return Err(Denied::ModelNotInKey(model.as_str().to_owned()).into());
            }
            caller.may_use_model()?
        }
        Payer::Key(held) => {
            held.key.is_usable(gateway.0.world.now())?;
            held.key.may_call(endpoint)?;
            held.key.may_use_model(model)?
        }
    };
    if !gateway.may_reach(payer, model.as_str()) {
        return Err(no_such_model(model.as_str()));
    }
    Ok(permit)
}

/// A key that is limited to models or to a sum must get the model that was checked and priced.
fn refuse_rerouting(is_limited: bool, ask: &Ask<'_>) -> Result<(), Refusal> {
    let Some(field) = ask.envelope.reroutes.filter(|_| is_limited) else { return Ok(()) };
    Err(not_allowed(field, "This API key is limited to models or to a budget"))
}

fn not_allowed(field: &'static str, why: &str) -> Refusal {
    let words =
        format!("{why}, so `{field}`, by which another model could answer, is not possible. Leave it out.");
    let refusal = Refusal::new(Kind::Forbidden, "parameter_not_allowed", words);
    Refusal { field: Some(field.into()), ..refusal }
}
