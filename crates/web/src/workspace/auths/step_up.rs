//! Confirming who sits there, for changes that a stolen session must not make.

use axum::{Extension, Json, extract::State};
use identity::{Answered, Identity, PasskeyAssertion, Proof, ProofMethod};
use kernel::{Caller, Refusal, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::passkeys::{PasskeyRequest, PasskeyRequestChallenge};
use crate::{
    dialect::Dialect,
    extract::Body,
    refused::Answer,
    relying_party::Party,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::SignedIn.human(), routes!(proof_status, confirm))
        .route(Access::SignedIn.human(), routes!(start_passkey_proof))
}

/// One proof of who sits there: exactly one of the fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProofForm {
    /// For accounts without a second factor.
    #[schema(nullable = false)]
    password: Option<String>,
    /// Six digits of the authenticator app.
    #[schema(nullable = false)]
    code: Option<String>,
    /// The browser's `AuthenticationResponseJSON`.
    #[schema(value_type = Option<Object>, nullable = false)]
    passkey: Option<PasskeyAssertion>,
}

/// Until when the proof is enough.
#[derive(Serialize, ToSchema)]
struct Confirmed {
    /// Unix seconds.
    confirmed_until: i64,
}

/// How things stand.
#[derive(Serialize, ToSchema)]
struct ProofStatus {
    /// Unix seconds; `null` when a new proof is needed.
    #[schema(required)]
    confirmed_until: Option<i64>,
    /// What would be one.
    methods: Vec<Method>,
}

/// A way to prove who one is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ProofMethod)]
enum Method {
    Password,
    Totp,
    Passkey,
}

/// Until when the last proof of this session is enough, and what would be a new one.
#[utoipa::path(get, path = "/api/v1/auths/step-up", tag = "own account", responses((status = 200, body = ProofStatus)))]
async fn proof_status(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<ProofStatus>> {
    let status = identity.proof_status(&caller).await?;
    let methods = status.methods.into_iter().map(|method| match method {
        ProofMethod::Password => Method::Password,
        ProofMethod::Totp => Method::Totp,
        ProofMethod::Passkey => Method::Passkey,
    });
    let confirmed_until = status.confirmed_until.map(Timestamp::seconds);
    Ok(Json(ProofStatus { confirmed_until, methods: methods.collect() }))
}

/// Prove who sits at this session. It counts for five minutes, and for this session alone.
#[utoipa::path(post, path = "/api/v1/auths/step-up", tag = "own account", request_body = ProofForm, responses(
    (status = 200, body = Confirmed),
    (status = 400, description = "`wrong_password`, `wrong_code`, `wrong_credentials`, `challenge_expired`, `method_unavailable`"),
    (status = 429, description = "`too_many_attempts`: ten passwords or codes within a quarter of an hour; see `Retry-After`"),
))]
async fn confirm(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    party: Result<Party, crate::refused::Refused>,
    Body(form): Body<ProofForm>,
) -> Answer<Json<Confirmed>> {
    let until = match (form.password, form.code, form.passkey) {
        (Some(password), None, None) => identity.confirm(Proof::Password(password.into()), &caller).await?,
        (None, Some(code), None) => identity.confirm(Proof::Code(&Secret::new(code)), &caller).await?,
        (None, None, Some(answer)) => {
            let Party(party) = party?;
            let answered = Answered { id: None, answer: &answer, party: &party };
            identity.confirm(Proof::Passkey(answered), &caller).await?
        }
        _ => {
            let words = "Send one proof: the password, a code, or a passkey.";
            return Err(Refusal::new(kernel::Kind::Invalid, "invalid_body", words).into());
        }
    };
    Ok(Json(Confirmed { confirmed_until: until.seconds() }))
}

/// Ask for a passkey to confirm with.
#[utoipa::path(post, path = "/api/v1/auths/passkeys/step-up/start", tag = "own account", responses(
    (status = 200, body = PasskeyRequestChallenge), (status = 400, description = "`method_unavailable`, `passkeys_unavailable`"),
))]
async fn start_passkey_proof(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Party(party): Party,
) -> Answer<Json<PasskeyRequestChallenge>> {
    let challenge = identity.start_passkey_confirmation(&caller).await?;
    Ok(Json(PasskeyRequest::challenge(challenge, &party)))
}
