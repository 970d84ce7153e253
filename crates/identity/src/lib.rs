//! Accounts and sign-ins of people.
//!
//! Every account is made by one rule, [`provision`], whatever door its owner came through; every request of
//! a person is answered for by [`Identity::person`], from memory where it can be. This crate knows no HTTP
//! (cookies are somebody else's), no SQL and no cipher.

mod accounts;
mod error;
mod form;
mod groups;
mod identity;
mod import;
mod living;
mod passwords;
mod provision;
mod rights;
mod rules;
mod sign_in;
#[cfg(test)]
mod spec;
mod throttle;
mod weak_password;

pub use accounts::{AccountChange, Contact};
pub use form::{NewAccount, SignInForm};
pub use groups::{Answer, Because, GroupForm, MemberKind};
pub use identity::{Identity, IdentityParts};
pub use import::{ImportReport, RefusedRow};
pub use sign_in::SessionView;
pub use store::users::{Filter, Order, Sorting, Standing, Within};
