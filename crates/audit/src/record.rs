//! A record as it is sealed in the database: the JSON that the seal is over, read for showing and checking.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One record. Fields that this version does not know stay in the sealed text and are not shown.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Record {
    /// Its place in the chain, from 1 on without gaps.
    pub seq: u64,
    /// Unique.
    pub id: String,
    /// Microseconds since 1970; never earlier than the record before.
    pub at: i64,
    /// What happened.
    pub event: String,
    /// `done`, `failed` or `denied`.
    pub outcome: String,
    /// Who did it.
    pub actor: Actor,
    /// What it was done to: kind and id.
    pub target: Option<Value>,
    /// A few facts about it.
    #[serde(default)]
    pub detail: Value,
    /// By which request.
    #[serde(default)]
    pub request: Request,
    /// The level in force.
    #[serde(default)]
    pub level: String,
    /// The request's body without its secrets, where the level keeps it.
    #[serde(default)]
    pub request_object: Option<String>,
}

/// Who did it, as of then.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Actor {
    /// `person`, `program`, `master`, `operator` or `anonymous`.
    pub kind: String,
    /// An account's or a key's.
    #[serde(default)]
    pub id: Option<String>,
    /// As of then.
    #[serde(default)]
    pub email: Option<String>,
    /// As of then.
    #[serde(default)]
    pub role: Option<String>,
    /// As of then.
    #[serde(default)]
    pub name: Option<String>,
    /// Which session or key; never the secret.
    #[serde(default)]
    pub credential: Option<String>,
}

/// By which request.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Request {
    /// In the log line and in `x-request-id`.
    #[serde(default)]
    pub id: Option<String>,
    /// Upper case.
    #[serde(default)]
    pub method: Option<String>,
    /// Absolute, or the words of a command.
    #[serde(default)]
    pub uri: Option<String>,
    /// Where it came from.
    #[serde(default)]
    pub address: Option<String>,
    /// With which program.
    #[serde(default)]
    pub agent: Option<String>,
    /// What it was answered with.
    #[serde(default)]
    pub status: Option<u16>,
}
