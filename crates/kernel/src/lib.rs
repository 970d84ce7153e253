//! Values and rules of Wardroom: ids, time, money, secrets, callers, policy and the shapes that the
//! other crates exchange.
//!
//! **Invariant:** nothing here does I/O, waits, or knows a framework; what needs a clock or randomness
//! takes it from [`World`].

mod api_key;
pub mod audit;
mod caller;
mod chat;
mod connection;
mod email;
mod grant;
mod group;
mod id;
mod key;
mod line;
mod model;
mod money;
mod network;
mod origin;
mod permission;
mod policy;
mod refusal;
mod request;
mod secret;
mod time;
mod usage;
mod user;
mod world;

pub use api_key::{ApiKey, ApiKeyLimits, EndpointRule, EndpointRuleError};
pub use caller::{Caller, HeldApiKey, Person, PersonCredential, Program, Who};
pub use chat::{
    ChatHead, ChatRow, Message, MessagePatch, Provenance, Role as MessageRole, ToolCall, TurnError,
};
pub use connection::{Connection, ConnectionKind, ConnectionSource, KeyTail, ModelOverride, UpstreamModel};
pub use email::{Email, EmailError};
pub use grant::{Grant, Principal, Reason, Resource, Want, decide};
pub use group::{Group, GroupRights, Membership, Rights};
pub use id::{
    ApiKeyId, AuditId, ChatId, ConnectionId, GroupId, IdError, KeyId, MessageId, PasskeyId, RequestId,
    SessionId, ShareId, TurnId, UsageId, UserId,
};
pub use key::{Endpoint, KeyChange, KeyState, ModelPattern, VirtualKey};
pub use line::{is_hidden, plain_line};
pub use model::{ModelId, Pricing};
pub use money::{Money, MoneyError};
pub use network::Network;
pub use origin::{BaseUrl, BaseUrlError};
pub use permission::{Permission, PermissionSet, PermissionTree};
pub use policy::{
    Action, ChangeGrants, ChangeOwnAccount, Denied, ManageConnections, ManageGroups, ManageKeys,
    ManageSettings, ManageUsers, PROOF_LASTS, Permit, ReadAudit, ReadOthersChat, ReadUsage, UseModel,
    UseWorkspace, WriteChat,
};
pub use refusal::{Kind, Refusal};
pub use request::{Channel, HttpFacts, RequestFacts};
pub use secret::Secret;
pub use time::Timestamp;
pub use usage::{Outcome, TokenCount, UsageRecord};
pub use user::{Passkey, Role, Session, SignInMethod, User};
pub use world::{Clock, Random, World};
