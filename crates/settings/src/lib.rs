//! One definition of every setting. From it come parsing, precedence, the catalogue that administrators and
//! `wardroom settings` see, the JSON schema and the manual.
//!
//! **To add a setting, add one entry to `list.rs`.** Reading one elsewhere is `settings.port.value`.
//!
//! Nothing here touches the environment, the disk or the database: they are handed in as [`Sources`].

mod choice;
mod content_policy;
mod cookie;
mod database;
mod docs;
mod dotenv;
mod duration;
mod endpoints;
mod entry;
mod header_name;
mod headers;
mod hosts;
mod list;
mod live;
mod moment;
mod names;
mod network;
mod password;
mod paths;
mod permissions;
mod prices;
mod problem;
mod provider;
mod read;
mod report;
mod schema;
mod setting;
mod size;

pub use choice::{AuditLevel, BudgetStatus, Environment, LogFormat, LogLevel, ModelAccess, SameSite};
pub use cookie::CookieRules;
pub use database::{Database, DatabaseKind, DatabaseUrl, Pool, SchemaName};
pub use docs::docs;
pub use dotenv::parse as parse_dotenv;
pub use duration::{Span, duration};
pub use endpoints::Endpoints;
pub use entry::{Entry, Grammar, Places};
pub use header_name::{HeaderName, TrustedHeaders};
pub use headers::{
    CacheControl, ContentSecurityPolicy, ContentTypeOptions, CrossDomainPolicies, DownloadOptions,
    EmbedderPolicy, FrameOptions, OpenerPolicy, PermissionsPolicy, ReferrerPolicy, ReportingEndpoints,
    ResourcePolicy, TransportSecurity,
};
pub use hosts::{HostPattern, Hosts, Origins, Schemes};
pub use list::{Settings, catalogue};
pub use live::{Live, Open};
pub use network::Networks;
pub use password::{PasswordHash, PasswordPattern};
pub use paths::PathList;
pub use permissions::DefaultPermissions;
pub use prices::Prices;
pub use problem::{Given, Notice, Problem};
pub use provider::{BaseUrls, Keys, Provider, Urls, name as provider_name};
pub use read::{Loaded, Source, Sources, Value, read};
pub use report::Row;
pub use schema::schema;
pub use size::Size;
