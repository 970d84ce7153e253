//! The JSON schema of the settings, as an administrator's form and `wardroom settings --json` see them.

use serde_json::{Map, Value, json};

use crate::{Entry, Grammar, Places, catalogue};

/// JSON Schema (draft 2020-12) of an object with one property per setting.
pub fn schema() -> Value {
    let properties: Map<String, Value> =
        catalogue().iter().map(|entry| (entry.name.to_owned(), property(entry))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Wardroom",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(entry: &Entry) -> Value {
    let mut property = shape(entry);
    property["description"] = json!(entry.prose());
    if let Some(text) = entry.default {
        // Booleans and numbers are JSON themselves; everything else is a text.
        let is_text = property["type"] == "string";
        let parsed = serde_json::from_str(text).ok().filter(|_| !is_text);
        property["default"] = parsed.unwrap_or_else(|| json!(text));
    }
    if !entry.aliases.is_empty() {
        property["x-aliases"] = json!(entry.aliases);
    }
    property["x-group"] = json!(entry.group);
    property["x-expected"] = json!(entry.expected());
    property["x-secret"] = json!(entry.is_secret());
    property["x-needs-restart"] = json!(entry.needs_restart);
    property["x-stored"] = json!(entry.places == Places::Stored);
    if entry.is_secret() {
        property["writeOnly"] = json!(true);
    }
    property
}

fn shape(entry: &Entry) -> Value {
    let mut shape = match entry.grammar {
        Grammar::Boolean => json!({"type": "boolean"}),
        Grammar::Whole => json!({"type": "integer"}),
        Grammar::Choice(words) => json!({"type": "string", "enum": words}),
        Grammar::Prices => json!({"type": "object", "additionalProperties": {
            "type": "object",
            "properties": {
                "prompt": {"type": "number", "minimum": 0},
                "completion": {"type": "number", "minimum": 0},
                "cached_prompt": {"type": "number", "minimum": 0},
            },
            "required": ["prompt", "completion"],
            "additionalProperties": false,
        }}),
        Grammar::Email => json!({"type": "string", "format": "email"}),
        Grammar::Url => json!({"type": "string", "format": "uri"}),
        _ => json!({"type": "string"}),
    };
    if let Some((from, to)) = entry.range {
        let (least, most) = match entry.grammar {
            Grammar::Whole => ("minimum", "maximum"),
            Grammar::Text => ("minLength", "maxLength"),
            // Times and sizes are texts with units; their range is in x-expected.
            _ => return shape,
        };
        shape[least] = json!(from);
        shape[most] = json!(to);
    }
    shape
}
