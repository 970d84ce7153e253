//! Passkeys: the own ones, and signing in with one.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::StatusCode;
use identity::{
    Answered, Identity, NewPasskeyChallenge, PASSKEY_ALGORITHMS, PasskeyAssertion, PasskeyChallenge,
    PasskeyRegistration, RelyingParty,
};
use kernel::{Caller, PasskeyId};
use serde::{Deserialize, Serialize};
use settings::Live;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Session, go_on, signed_in, strangers};
use crate::{
    app::App,
    client::{Client, OwnPage},
    dialect::Dialect,
    extract::{At, Body},
    refused::Answer,
    relying_party::Party,
    table::{Access, Group},
};

/// How long a browser may ask its owner, in milliseconds: as long as the challenge counts.
const TIMEOUT: u32 = 300_000;

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::SignedIn.human(), routes!(list_passkeys))
        .route(Access::SignedIn.fresh(), routes!(start_passkey))
        .route(Access::SignedIn.human(), routes!(add_passkey))
        .route(Access::SignedIn.human().own(), routes!(rename_passkey))
        .route(Access::SignedIn.fresh().own(), routes!(remove_passkey))
        .route(Access::Public, routes!(start_passkey_sign_in))
        .route(Access::Public, routes!(finish_passkey_sign_in))
}

/// A passkey of the caller. Times are Unix seconds.
#[derive(Serialize, ToSchema)]
struct Passkey {
    id: String,
    name: String,
    created_at: i64,
    #[schema(required)]
    last_used_at: Option<i64>,
    /// Lives on several devices, so that the loss of one does not lose it.
    backed_up: bool,
}

impl From<kernel::Passkey> for Passkey {
    fn from(passkey: kernel::Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name,
            created_at: passkey.created_at.seconds(),
            last_used_at: passkey.last_used_at.map(kernel::Timestamp::seconds),
            backed_up: passkey.is_backed_up,
        }
    }
}

/// The passkeys of the caller.
#[derive(Serialize, ToSchema)]
struct Passkeys {
    items: Vec<Passkey>,
}

/// A challenge for a new passkey.
#[derive(Serialize, ToSchema)]
struct PasskeyCreationChallenge {
    /// Send it along with the answer.
    challenge_id: String,
    options: PasskeyCreation,
}

/// `PublicKeyCredentialCreationOptionsJSON` of WebAuthn; bytes are base64url.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyCreation {
    rp: PasskeyParty,
    user: PasskeyUser,
    challenge: String,
    pub_key_cred_params: Vec<PasskeyAlgorithm>,
    timeout: u32,
    exclude_credentials: Vec<PasskeyDescriptor>,
    authenticator_selection: PasskeySelection,
    attestation: &'static str,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
struct PasskeyParty {
    id: String,
    name: String,
}

/// For whom.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyUser {
    id: String,
    name: String,
    display_name: String,
}

/// A kind of key.
#[derive(Serialize, ToSchema)]
struct PasskeyAlgorithm {
    r#type: &'static str,
    alg: i32,
}

/// A passkey by the authenticator's name for it.
#[derive(Serialize, ToSchema)]
struct PasskeyDescriptor {
    r#type: &'static str,
    id: String,
}

/// What the authenticator must be able to do: keep the passkey, and check who uses it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeySelection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// A challenge for a passkey that exists.
#[derive(Serialize, ToSchema)]
pub(super) struct PasskeyRequestChallenge {
    /// Send it along with the answer.
    challenge_id: String,
    options: PasskeyRequest,
}

/// `PublicKeyCredentialRequestOptionsJSON` of WebAuthn; bytes are base64url.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasskeyRequest {
    challenge: String,
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<PasskeyDescriptor>,
    user_verification: &'static str,
}

impl PasskeyRequest {
    pub(super) fn challenge(asked: PasskeyChallenge, party: &RelyingParty) -> PasskeyRequestChallenge {
        let options = Self {
            challenge: asked.challenge,
            timeout: TIMEOUT,
            rp_id: party.id.clone(),
            allow_credentials: descriptors(asked.credentials),
            user_verification: "required",
        };
        PasskeyRequestChallenge { challenge_id: asked.id, options }
    }
}

/// A browser's answer when a passkey was made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyAnswer {
    challenge_id: String,
    /// 1 to 100 characters.
    name: String,
    /// The browser's `RegistrationResponseJSON`.
    #[schema(value_type = Object)]
    credential: PasskeyRegistration,
}

/// A new name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyName {
    /// 1 to 100 characters.
    name: String,
}

/// Who asks for a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeySignInStart {
    /// From the first step of a sign-in; without it any passkey will do.
    #[schema(nullable = false)]
    challenge_token: Option<String>,
}

/// A browser's answer when a passkey was used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeySignIn {
    #[schema(nullable = false)]
    challenge_id: Option<String>,
    /// From the first step of a sign-in, when there was one.
    #[schema(nullable = false)]
    challenge_token: Option<String>,
    /// The browser's `AuthenticationResponseJSON`.
    #[schema(value_type = Object)]
    credential: PasskeyAssertion,
}

/// The passkeys of the caller, oldest first.
#[utoipa::path(get, path = "/api/v1/auths/passkeys", tag = "own account", responses((status = 200, body = Passkeys)))]
async fn list_passkeys(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Passkeys>> {
    let items = identity.passkeys(&caller).await?.into_iter().map(Passkey::from).collect();
    Ok(Json(Passkeys { items }))
}

/// Begin to add a passkey.
#[utoipa::path(post, path = "/api/v1/auths/passkeys/register/start", tag = "own account", responses(
    (status = 200, body = PasskeyCreationChallenge), (status = 400, description = "`too_many_passkeys`, `passkeys_unavailable`"),
    (status = 403, description = "`step_up_required`"),
))]
async fn start_passkey(
    State(identity): State<Identity>,
    State(settings): State<Live>,
    Extension(caller): Extension<Caller>,
    Party(party): Party,
) -> Answer<Json<PasskeyCreationChallenge>> {
    let NewPasskeyChallenge { challenge, user_handle, user } = identity.start_passkey(&caller).await?;
    let name = settings.load().settings.webui_name.value.clone();
    let options = PasskeyCreation {
        rp: PasskeyParty { id: party.id, name },
        user: PasskeyUser { id: user_handle, name: user.email.as_str().to_owned(), display_name: user.name },
        challenge: challenge.challenge,
        pub_key_cred_params: PASSKEY_ALGORITHMS
            .map(|alg| PasskeyAlgorithm { r#type: "public-key", alg })
            .into(),
        timeout: TIMEOUT,
        exclude_credentials: descriptors(challenge.credentials),
        authenticator_selection: PasskeySelection {
            resident_key: "required",
            require_resident_key: true,
            user_verification: "required",
        },
        attestation: "none",
    };
    Ok(Json(PasskeyCreationChallenge { challenge_id: challenge.id, options }))
}

/// Add a passkey. Every other session ends, and this one goes on under a new token, in the cookie `token`.
#[utoipa::path(post, path = "/api/v1/auths/passkeys/register/finish", tag = "own account", request_body = PasskeyAnswer, responses(
    (status = 201, body = Passkey), (status = 400, description = "`invalid_passkey`, `invalid_name`, `challenge_expired`"),
    (status = 409, description = "`passkey_taken`"),
))]
async fn add_passkey(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Party(party): Party,
    client: Client,
    Body(form): Body<PasskeyAnswer>,
) -> Answer<impl IntoResponse> {
    let answered = Answered { id: Some(&form.challenge_id), answer: &form.credential, party: &party };
    let (passkey, view) = app.services().identity.add_passkey(answered, &form.name, &caller).await?;
    Ok((StatusCode::CREATED, go_on(&app, &view, client), Json(Passkey::from(passkey))))
}

/// Rename a passkey.
#[utoipa::path(patch, path = "/api/v1/auths/passkeys/{id}", tag = "own account", params(("id" = String, Path)),
    request_body = PasskeyName, responses((status = 200, body = Passkey), (status = 404, description = "The caller has no such passkey")))]
async fn rename_passkey(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    At(id): At<PasskeyId>,
    Body(form): Body<PasskeyName>,
) -> Answer<Json<Passkey>> {
    Ok(Json(identity.rename_passkey(&id, &form.name, &caller).await?.into()))
}

/// Remove a passkey. Every other session ends, and this one goes on under a new token, in the cookie `token`.
#[utoipa::path(delete, path = "/api/v1/auths/passkeys/{id}", tag = "own account", params(("id" = String, Path)), responses(
    (status = 204, description = "Removed"), (status = 403, description = "`step_up_required`"),
    (status = 404, description = "The caller has no such passkey"),
))]
async fn remove_passkey(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    client: Client,
    At(id): At<PasskeyId>,
) -> Answer<impl IntoResponse> {
    let view = app.services().identity.remove_passkey(&id, &caller).await?;
    Ok((StatusCode::NO_CONTENT, go_on(&app, &view, client)))
}

/// Ask for a passkey to sign in with.
#[utoipa::path(post, path = "/api/v1/auths/passkeys/signin/start", tag = "accounts", request_body = PasskeySignInStart, responses(
    (status = 200, body = PasskeyRequestChallenge), (status = 400, description = "`challenge_expired`, `passkeys_unavailable`"),
))]
async fn start_passkey_sign_in(
    State(identity): State<Identity>,
    _: OwnPage,
    Party(party): Party,
    Body(form): Body<PasskeySignInStart>,
) -> Answer<Json<PasskeyRequestChallenge>> {
    let challenge = identity.start_passkey_sign_in(form.challenge_token.as_deref()).await?;
    Ok(Json(PasskeyRequest::challenge(challenge, &party)))
}

/// Sign in with a passkey, alone or as the second step after a password.
#[utoipa::path(post, path = "/api/v1/auths/passkeys/signin/finish", tag = "accounts", request_body = PasskeySignIn, responses(
    (status = 200, body = Session, description = "Signed in; the cookie `token` is set"),
    (status = 400, description = "`wrong_credentials`, in the same words whatever is wrong about the passkey; `challenge_expired`"),
    (status = 429, description = "`too_many_attempts`, after a password: ten within a quarter of an hour"),
))]
async fn finish_passkey_sign_in(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    _: OwnPage,
    Party(party): Party,
    client: Client,
    Body(form): Body<PasskeySignIn>,
) -> Answer<impl IntoResponse> {
    let answered = Answered { id: form.challenge_id.as_deref(), answer: &form.credential, party: &party };
    let identity = &app.services().identity;
    let view = match form.challenge_token {
        Some(token) => identity.verify_passkey(&token, answered, &strangers(&caller)).await?,
        None => identity.sign_in_with_passkey(answered, &strangers(&caller)).await?,
    };
    Ok(signed_in(&app, &view, client))
}

fn descriptors(credentials: Vec<String>) -> Vec<PasskeyDescriptor> {
    credentials.into_iter().map(|id| PasskeyDescriptor { r#type: "public-key", id }).collect()
}
