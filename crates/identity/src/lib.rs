//! Accounts and sign-ins of people.
//!
//! Every account is made by one rule, [`provision`], whatever door its owner came through; every request of
//! a person is answered for by [`Identity::person`], from memory where it can be. This crate knows no HTTP
//! (cookies are somebody else's), no SQL and no cipher.

mod accounts;
mod activity;
mod api_keys;
mod authenticator_app;
mod device;
mod error;
mod form;
mod groups;
mod identity;
mod import;
mod key_book;
mod key_owners;
mod living;
mod own_account;
mod passkeys;
mod passwords;
mod presence;
mod proof_error;
mod provision;
mod proxy;
mod rights;
mod rules;
mod second_step;
mod security;
mod session;
mod sign_in;
#[cfg(test)]
mod spec;
mod step_up;
mod throttle;
mod weak_password;

pub use accounts::{AccountChange, Contact};
pub use api_keys::{DEFAULT_NAME, MintedApiKey, WantedChange, WantedLimits};
pub use authenticator_app::{EnrolledAuthenticator, FactorStatus, NewAuthenticator};
pub use form::{NewAccount, SignInForm};
pub use groups::{Answer, Because, GroupForm, MemberKind};
pub use identity::{Identity, IdentityParts};
pub use import::{ImportReport, RefusedRow};
pub use own_account::ProfileChange;
pub use passkeys::{Answered, NewPasskeyChallenge, PasskeyChallenge};
pub use proxy::ProxyClaims;
pub use second_step::{NextStep, SignIn, StepKind, StepMethod};
pub use session::SessionView;
pub use step_up::{Proof, ProofMethod, ProofStatus};
pub use store::users::{Filter, Order, Sorting, Standing, Within};
pub use vault::{PASSKEY_ALGORITHMS, PasskeyAssertion, PasskeyRegistration, RelyingParty};
