//! A body of LiteLLM's API, taken field by field. What nobody took at the end must be empty.

use kernel::{Money, Refusal};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{blame, extract::each_once, patch::Patch};

/// The fields that are left.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Fields(#[serde(deserialize_with = "each_once")] Map<String, Value>);

impl Fields {
    /// Takes a field that `null` clears.
    pub(super) fn patch<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Patch<T>, Refusal> {
        let Some(value) = self.0.remove(name) else { return Ok(Patch::Keep) };
        serde_json::from_value(value).map_err(|why| {
            let why = blame::words(&why.to_string());
            Refusal::field(name, "invalid_body", format!("The field {name} is not as expected: {why}."))
        })
    }

    /// Takes a field; `None` when it is missing or `null`.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Refusal> {
        Ok(self.patch(name)?.value())
    }

    /// Takes US dollars.
    pub(super) fn dollars(&mut self, name: &'static str) -> Result<Patch<Money>, Refusal> {
        self.patch::<f64>(name)?.read(Money::from_dollars).map_err(|why| {
            Refusal::field(name, "invalid_amount", format!("The field {name} is wrong: {why}."))
        })
    }

    /// Refuses what nobody took, unless it is empty.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.0.into_iter().find(|(_, value)| !is_empty(value)) {
            None => Ok(()),
            Some((name, _)) => {
                let words = format!(
                    "The field {name} is not supported yet, and it is not ignored so that nobody counts on it. Leave it out."
                );
                Err(Refusal::field(name, "unsupported_field", words))
            }
        }
    }
}

/// Whether a value promises nothing. Zero is no such value: as a limit it means "nothing at all".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(body: Value) -> Fields {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_limit_that_is_not_kept_is_refused_by_name() {
        for (name, value) in [
            ("rpm_limit", json!(0)),
            ("tpm_limit", json!(1000)),
            ("team_id", json!("t1")),
            ("budget_duration", json!("30d")),
            ("aliases", json!({"my": "gpt-4o"})),
            ("model_rpm_limit", json!({"gpt-4o": 5})),
            ("auto_rotate", json!(true)),
            ("never_heard_of", json!(["x"])),
        ] {
            let refusal = fields(json!({ name: value })).finish().unwrap_err();
            assert_eq!((refusal.field.as_deref(), refusal.code.as_ref()), (Some(name), "unsupported_field"));
            assert!(refusal.detail.contains(name) && refusal.detail.contains("not supported yet"));
        }
    }

    #[test]
    fn empty_fields_promise_nothing_and_pass() {
        let body = json!({"rpm_limit": null, "aliases": {}, "guardrails": [], "team_id": "", "auto_rotate": false,
            "router_settings": {"timeout": null, "model_group_alias": {}}});
        assert_eq!(fields(body).finish(), Ok(()));
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let refusal = fields(json!({"max_budget": "ten"})).dollars("max_budget").unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some("max_budget"));
        let refusal = fields(json!({"max_budget": -1})).dollars("max_budget").unwrap_err();
        assert_eq!(refusal.code, "invalid_amount");
        assert_eq!(fields(json!({"max_budget": null})).dollars("max_budget").unwrap(), Patch::Clear);
        assert_eq!(fields(json!({})).dollars("max_budget").unwrap(), Patch::Keep);
    }
}
