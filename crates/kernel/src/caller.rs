//! Who is asking.

use crate::{KeyId, Role, SessionId, UserId};

/// Whoever a request was authenticated as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody.
    Anonymous,
    /// A signed-in human.
    Person(Person),
    /// A program with a virtual key.
    Program(Program),
    /// Whoever holds the master key of the LiteLLM-compatible management API.
    Master,
    /// The operator at the machine: the command line and the environment.
    Operator,
}

/// A signed-in human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// As of now, not as of sign-in.
    pub role: Role,
    /// Through which sign-in.
    pub session: SessionId,
}

/// A program with a virtual key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Which key.
    pub key: KeyId,
    /// Whose key, if it belongs to a person.
    pub owner: Option<UserId>,
}

impl Caller {
    /// The person behind the request, if it is one.
    pub const fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }

    /// How logs and records name the caller: its kind and id, never a name or an address.
    pub fn label(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Person(person) => person.user.to_string(),
            Self::Program(program) => program.key.to_string(),
            Self::Master => "master".to_owned(),
            Self::Operator => "operator".to_owned(),
        }
    }
}
