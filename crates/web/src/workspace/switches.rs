//! Features that the operator switches on and off, as the API enforces them.

use kernel::{Kind, Refusal};

/// Nothing when the switch is on, else 403 `feature_disabled`, naming the variable.
pub(crate) fn require(is_on: bool, variable: &str) -> Result<(), Refusal> {
    if is_on {
        return Ok(());
    }
    let words = format!("This is switched off here. The operator switches it on with {variable}=true.");
    Err(Refusal::new(Kind::Forbidden, "feature_disabled", words))
}
