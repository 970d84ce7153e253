//! What the routes take, by the generated description of the API.

use serde_json::{Value, json};

pub(crate) const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

/// The generated description of the API.
pub(crate) struct Shapes(pub(crate) Value);

impl Shapes {
    pub(crate) fn read() -> Self {
        Self(serde_json::from_str(DESCRIPTION).unwrap())
    }

    /// The schema itself, where this one only names it or leaves a choice.
    pub(crate) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolved(self.0.pointer(&reference[1..]).unwrap());
        }
        let choices = ["oneOf", "anyOf", "allOf"].iter().find_map(|choice| schema[*choice].as_array());
        let first = choices.and_then(|all| all.iter().find(|it| it["type"] != "null"));
        first.map_or(schema, |first| self.resolved(first))
    }

    /// Something that the schema takes: all that is required and nothing else.
    pub(crate) fn least(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|it| *it != "null")),
            kind => kind.as_str(),
        };
        match kind {
            Some("string") => json!("Something-9"),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            _ => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let field = |name: &str| (name.to_owned(), self.least(&schema["properties"][name]));
                Value::Object(required.map(field).collect())
            }
        }
    }
}
