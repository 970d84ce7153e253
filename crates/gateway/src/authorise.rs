//! Stop 2: may this caller use this model through this endpoint, now?

use kernel::{Denied, Kind, Permit, Person, Refusal, UseModel};

use crate::{Gateway, Payer, access::no_such_model, parse::Ask};

/// 401 for a key that does not work (any more), 403 for a key that is limited to something else, and 404, as for
/// a model that is not there, for one that is not granted to the person who asks or owns the key.
pub(crate) fn authorise(
    gateway: &Gateway,
    payer: &Payer,
    ask: &Ask<'_>,
) -> Result<Permit<UseModel>, Refusal> {
    let permit = match payer {
        Payer::Caller(caller) => {
            if let Some(person) = caller.person() {
                within_api_key(person, ask)?;
            }
            caller.may_use_model()?
        }
        Payer::Key(held) => {
            held.key.is_usable(gateway.0.world.now())?;
            refuse_rerouting(!held.key.models.is_empty() || held.key.max_budget.is_some(), ask)?;
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

/// A person's API key may be limited to some of the models that its owner uses.
fn within_api_key(person: &Person, ask: &Ask<'_>) -> Result<(), Refusal> {
    refuse_rerouting(person.is_limited_to_models(), ask)?;
    if person.credential_reaches(ask.model.as_str()) {
        return Ok(());
    }
    Err(Denied::ModelNotInKey(ask.model.as_str().to_owned()).into())
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
