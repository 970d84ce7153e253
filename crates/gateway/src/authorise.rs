//! Stop 2: may this caller use this model through this endpoint, now?

use kernel::{Permit, Refusal, Timestamp, UseModel};

use crate::{Payer, parse::Ask};

/// 401 for a key that does not work (any more), 403 for a key that is limited to something else.
pub(crate) fn authorise(payer: &Payer, ask: &Ask<'_>, now: Timestamp) -> Result<Permit<UseModel>, Refusal> {
    let permit = match payer {
        Payer::Caller(caller) => caller.may_use_model()?,
        Payer::Key(held) => {
            held.key.is_usable(now)?;
            held.key.may_call(ask.envelope.endpoint)?;
            held.key.may_use_model(&ask.model)?
        }
    };
    Ok(permit)
}
