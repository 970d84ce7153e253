//! Everything that speaks HTTP to callers: the surfaces, their dialects, who is calling, and the UI.
//!
//! A request passes [`door`] (size, time, ids, headers on every answer) and then either a route of
//! [`table`], each registered with who may use it, or the UI. Handlers are thin: they load, ask the policy,
//! act through a service and answer. This crate knows no SQL, no cryptography and no provider.

mod app;
mod blame;
mod caller;
mod client;
mod cors;
mod credentials;
mod dialect;
pub mod door;
mod extract;
mod headers;
mod health;
mod host;
mod inference;
mod kept;
mod linger;
mod management;
mod matrix;
mod patch;
mod policy;
mod presence;
mod problem;
mod record;
mod refused;
mod relying_party;
mod sealed;
mod table;
mod ui;
mod workspace;

/// Routes that [`door::serve`] can stand before.
pub use axum::Router;

pub use app::{App, Services};
pub use matrix::route_page;
pub use sealed::sealed_router;
pub use table::{openapi, router};
