//! A key as LiteLLM's clients know it. Fields of features that do not exist here are there with the value
//! that means "none", because clients with typed answers miss them otherwise.

use gateway::KeyView;
use kernel::{Money, Timestamp};
use serde_json::{Map, Value, json};

use super::scope;

/// The member of the metadata that keeps a `user_id` which is nobody's account here.
pub(super) const USER_ID: &str = "litellm_user_id";

/// The row of a key, with its money in US dollars and its times in RFC 3339.
pub(super) fn row(view: &KeyView) -> Map<String, Value> {
    let key = &view.key;
    let mut metadata = metadata(&key.metadata);
    let named_user = metadata.remove(USER_ID);
    let user = key.owner.as_ref().map(|owner| json!(owner.as_str())).or(named_user);
    let models: Vec<&str> = key.models.iter().map(|pattern| pattern.0.as_str()).collect();
    let mut row = none();
    let own = json!({
        "token": key.id.as_str(),
        "key_name": format!("sk-...{}", key.last_four),
        "key_alias": (!key.name.is_empty()).then_some(&key.name),
        "spend": view.spend.dollars(),
        "max_budget": key.max_budget.map(Money::dollars),
        "expires": key.expires_at.map(Timestamp::rfc3339),
        "models": models,
        "user_id": user,
        "metadata": metadata,
        "allowed_routes": scope::routes(&key.endpoints),
        "blocked": key.is_blocked,
        "created_at": key.created_at.rfc3339(),
        "created_by": key.created_by,
        "updated_at": key.updated_at.rfc3339(),
        "last_active": key.last_used_at.map(Timestamp::rfc3339),
        "status": gateway::keys::state_word(view.state),
    });
    if let Value::Object(own) = own {
        row.extend(own);
    }
    row
}

/// What stands for features that do not exist here.
fn none() -> Map<String, Value> {
    let none = json!({
        "aliases": {}, "config": {}, "permissions": {}, "team_id": null, "organization_id": null,
        "max_parallel_requests": null, "tpm_limit": null, "rpm_limit": null, "budget_duration": null,
        "budget_reset_at": null, "budget_id": null, "allowed_cache_controls": [], "model_spend": {},
        "model_max_budget": {}, "soft_budget_cooldown": false, "litellm_budget_table": null,
        "object_permission": null, "rotation_count": 0, "auto_rotate": false,
    });
    match none {
        Value::Object(none) => none,
        _ => Map::new(),
    }
}

/// The metadata of a key. What is no object, which nobody can have stored through the API, is empty.
pub(super) fn metadata(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}
