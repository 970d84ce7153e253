//! Who is asking, and by which request.

use std::{fmt, sync::Arc};

use crate::{
    ApiKeyId, Email, KeyId, ModelPattern, PROOF_LASTS, RequestFacts, Rights, Role, SessionId, Timestamp,
    UserId,
};

/// Whoever a request was authenticated as, together with the request. Cheap to clone; clones share the
/// request, and with it what was recorded about it.
#[derive(Clone)]
pub struct Caller(Arc<Inner>);

struct Inner {
    who: Who,
    request: Arc<RequestFacts>,
}

/// The kinds of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody.
    Anonymous,
    /// A signed-in human, or a program with a key of theirs.
    Person(Person),
    /// A program with a virtual key.
    Program(Program),
    /// Whoever holds the master key of the LiteLLM-compatible management API.
    Master,
    /// The operator at the machine: the command line and the environment.
    Operator,
}

/// A person as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// As of now, not as of sign-in.
    pub role: Role,
    /// As shown to others.
    pub name: Arc<str>,
    /// Canonical and unique.
    pub email: Email,
    /// What proved it.
    pub credential: PersonCredential,
    /// When the session last proved that its owner is there; a fresh sign-in is such a proof. A key never is.
    pub proved_at: Option<Timestamp>,
    /// What the person may do beyond the role, at this moment.
    pub rights: Rights,
}

/// What a person's request presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonCredential {
    /// A sign-in.
    Session(SessionId),
    /// A key that a program of theirs holds.
    ApiKey(HeldApiKey),
}

/// An API key while it is being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// Which models it may use, by public name; empty means all of its owner's.
    pub models: Arc<[ModelPattern]>,
}

/// A program with a virtual key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Which key.
    pub key: KeyId,
    /// Whose key, if it belongs to a person.
    pub owner: Option<UserId>,
}

impl Person {
    /// Whether the role is administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Until when the last proof of who sits there is enough; `None` when there never was one.
    pub fn proved_until(&self) -> Option<Timestamp> {
        self.proved_at.map(|at| at.plus(PROOF_LASTS))
    }

    /// The sign-in, when there is one.
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.credential {
            PersonCredential::Session(id) => Some(id),
            PersonCredential::ApiKey(_) => None,
        }
    }

    /// The API key, when there is one.
    pub const fn api_key(&self) -> Option<&ApiKeyId> {
        match &self.credential {
            PersonCredential::Session(_) => None,
            PersonCredential::ApiKey(held) => Some(&held.id),
        }
    }
}

impl Person {
    /// Whether the credential reaches this model: a sign-in reaches all that the person does, a key what it lists.
    pub fn credential_reaches(&self, model: &str) -> bool {
        match &self.credential {
            PersonCredential::Session(_) => true,
            PersonCredential::ApiKey(key) => {
                key.models.is_empty() || key.models.iter().any(|pattern| pattern.matches(model))
            }
        }
    }

    /// Whether the credential is limited to some models.
    pub fn is_limited_to_models(&self) -> bool {
        matches!(&self.credential, PersonCredential::ApiKey(key) if !key.models.is_empty())
    }
}

impl PersonCredential {
    /// The id of it; never the secret.
    pub fn id(&self) -> &str {
        match self {
            Self::Session(id) => id.as_str(),
            Self::ApiKey(key) => key.id.as_str(),
        }
    }
}

impl Caller {
    /// This one, by this request.
    pub fn new(who: Who, request: Arc<RequestFacts>) -> Self {
        Self(Arc::new(Inner { who, request }))
    }

    /// The operator's environment, at work inside the server.
    pub fn operator() -> Self {
        Self::new(Who::Operator, Arc::new(RequestFacts::server()))
    }

    /// The operator at the command line; `command` are the command's own words, without its arguments.
    pub fn command_line(command: &str) -> Self {
        Self::new(Who::Operator, Arc::new(RequestFacts::command_line(command)))
    }

    /// The same request by somebody else: whoever it turned out to be, say by signing in.
    #[must_use]
    pub fn acting_as(&self, who: Who) -> Self {
        Self::new(who, self.0.request.clone())
    }

    /// Who.
    pub fn who(&self) -> &Who {
        &self.0.who
    }

    /// By which request.
    pub fn request(&self) -> &RequestFacts {
        &self.0.request
    }

    /// The request, to keep.
    pub fn shared_request(&self) -> Arc<RequestFacts> {
        self.0.request.clone()
    }

    /// The person behind the request, if it is one.
    pub fn person(&self) -> Option<&Person> {
        match self.who() {
            Who::Person(person) => Some(person),
            _ => None,
        }
    }

    /// How logs name the caller: its kind and id, never a name or an address.
    pub fn label(&self) -> String {
        match self.who() {
            Who::Anonymous => "anonymous".to_owned(),
            Who::Person(person) => person.user.to_string(),
            Who::Program(program) => program.key.to_string(),
            Who::Master => "master".to_owned(),
            Who::Operator => "operator".to_owned(),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({})", self.label())
    }
}
