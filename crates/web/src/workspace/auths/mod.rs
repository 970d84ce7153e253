//! Sign-up, sign-in, sign-out and "who am I": Open WebUI's routes and fields. What people do with their own account is
//! in the files beside.

mod mfa;
mod own;
mod passkeys;
pub(super) mod sessions;
mod step_up;

use axum::{
    Extension, Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{AppendHeaders, IntoResponse, Response},
};
use http::header::SET_COOKIE;
use identity::{Identity, NewAccount, NextStep, SessionView, SignInForm, StepKind, StepMethod};
use kernel::{Caller, Denied, Kind, Who, World};
use serde::{Deserialize, Serialize};
use settings::Live;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{cookie, users::Role};
use crate::{
    app::App,
    caller::Credential,
    client::{Client, OwnPage},
    dialect::Dialect,
    extract::Body,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Public, routes!(sign_up))
        .route(Access::Public, routes!(sign_in))
        .route(Access::Public, routes!(sign_out))
        .route(Access::SignedIn.human(), routes!(session))
        .route(Access::SignedIn, routes!(admin_details))
        .with(mfa::routes())
        .with(own::routes())
        .with(passkeys::routes())
        .with(sessions::routes())
        .with(step_up::routes())
}

/// An account that somebody asks for.
#[derive(Deserialize, ToSchema)]
pub(super) struct SignUp {
    /// 1 to 100 characters.
    name: String,
    email: String,
    /// 8 to 1024 characters.
    password: String,
    /// A PNG, JPEG, GIF or WebP data URL, or a path on this server.
    #[serde(default)]
    profile_image_url: Option<String>,
}

/// What somebody types to sign in.
#[derive(Deserialize, ToSchema)]
pub(super) struct SignIn {
    /// In any spelling.
    email: String,
    password: String,
}

/// A sign-in, for its owner.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// For programs. Browsers use the cookie, which scripts cannot read.
    token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Unix seconds; `null` when the session has no end.
    #[schema(required)]
    expires_at: Option<i64>,
    id: String,
    email: String,
    name: String,
    role: Role,
    /// May be empty.
    profile_image_url: String,
    /// What the person may do at this moment, as a tree: `{"chat":{"delete":true}}`.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, bool>>)]
    permissions: kernel::PermissionTree,
}

/// What a right password leads to: a session, or another step.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum SignedIn {
    /// The sign-in is done.
    Done(Box<Session>),
    /// Something else is wanted; no cookie is set.
    Next(SignInStep),
}

/// The password was right, and something else is wanted.
#[derive(Serialize, ToSchema)]
struct SignInStep {
    next_step: SignInStepKind,
    /// Good for the next step of this sign-in alone.
    challenge_token: String,
    /// Seconds.
    expires_in: u64,
    /// What the account can prove itself with.
    methods: Vec<SecondStepMethod>,
}

/// Kinds of steps.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SignInStepKind {
    /// Show the second factor.
    Verify,
    /// Set one up: everybody needs one.
    Enroll,
}

/// Ways to take the second step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SecondStepMethod {
    /// A code of the authenticator app.
    Totp,
    /// A recovery code.
    Recovery,
    Passkey,
}

impl From<NextStep> for SignInStep {
    fn from(step: NextStep) -> Self {
        let methods = step.methods.into_iter().map(|method| match method {
            StepMethod::Totp => SecondStepMethod::Totp,
            StepMethod::Recovery => SecondStepMethod::Recovery,
            StepMethod::Passkey => SecondStepMethod::Passkey,
        });
        Self {
            next_step: match step.kind {
                StepKind::Verify => SignInStepKind::Verify,
                StepKind::Enrol => SignInStepKind::Enroll,
            },
            challenge_token: step.token.expose().clone(),
            expires_in: step.expires_in.as_secs(),
            methods: methods.collect(),
        }
    }
}

/// Whom to ask for access; both `null` when the operator does not show it.
#[derive(Serialize, ToSchema)]
pub(super) struct AdminDetails {
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    email: Option<String>,
}

/// That it worked.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    status: bool,
}

impl From<&SessionView> for Session {
    fn from(view: &SessionView) -> Self {
        let SessionView { session, user, token, permissions } = view;
        Self {
            token: token.expose().clone(),
            token_type: "Bearer",
            expires_at: session.expires_at.map(kernel::Timestamp::seconds),
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name.clone(),
            role: user.role.into(),
            profile_image_url: user.profile_image_url.clone(),
            permissions: permissions.tree(),
        }
    }
}

/// Create an account and sign in. The first person becomes the administrator, and closes sign-up.
#[utoipa::path(post, path = "/api/v1/auths/signup", tag = "accounts", request_body = SignUp, responses(
    (status = 200, body = SignedIn, description = "Signed in, and the cookie `token` is set; or a second factor is wanted first"),
    (status = 400, description = "`invalid_email`, `email_taken`, `invalid_name`, `invalid_picture`, `weak_password`"),
    (status = 403, description = "`signup_closed`, `password_auth_disabled`"),
    (status = 429, description = "`too_many_attempts`: a hundred from one network within ten minutes; see `Retry-After`"),
))]
async fn sign_up(
    State(app): State<App>,
    _: OwnPage,
    client: Client,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(form): Body<SignUp>,
) -> Answer<Response> {
    let account = NewAccount {
        name: &form.name,
        email: &form.email,
        password: form.password.into(),
        profile_image_url: form.profile_image_url.as_deref().unwrap_or_default(),
    };
    let step = app.services().identity.sign_up(account, &strangers(&caller)).await?;
    Ok(onward(&app, step, &headers, client))
}

/// Sign in with a password, or take the first of two steps. Where a trusted proxy says who somebody is
/// (`WEBUI_AUTH_TRUSTED_EMAIL_HEADER`), its header alone decides and the body is ignored.
#[utoipa::path(post, path = "/api/v1/auths/signin", tag = "accounts", request_body = SignIn, responses(
    (status = 200, body = SignedIn, description = "Signed in, and the cookie `token` is set; or another step is wanted"),
    (status = 400, description = "`wrong_credentials`, in the same words whatever is wrong; `trusted_header_missing`, `trusted_header_invalid`, `invalid_email`"),
    (status = 403, description = "`password_auth_disabled`, `login_form_disabled`"),
    (status = 429, description = "`too_many_attempts`: fifteen failures within three minutes; see `Retry-After`"),
))]
async fn sign_in(
    State(app): State<App>,
    _: OwnPage,
    client: Client,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer<Response> {
    let loaded = app.services().settings.load_full();
    if let Some(trusted) = &loaded.trusted_headers {
        let claims = crate::client::claims(request.headers(), trusted)?;
        let view = app.services().identity.sign_in_by_proxy(claims, &strangers(&caller)).await?;
        return Ok(signed_in(&app, &view, client).into_response());
    }
    let headers = request.headers().clone();
    let Body(form) = Body::<SignIn>::from_request(request, &app).await?;
    let device = cookie::device(&headers);
    let typed = SignInForm { email: &form.email, password: form.password.into(), device };
    let step = app.services().identity.sign_in(typed, &strangers(&caller)).await?;
    Ok(onward(&app, step, &headers, client))
}

/// Hands over what a right password leads to.
fn onward(app: &App, step: identity::SignIn, headers: &HeaderMap, client: Client) -> Response {
    match step {
        identity::SignIn::Done(view) => {
            let body = SignedIn::Done(Box::new(Session::from(&*view)));
            let device = known_device(app, &view, headers, client);
            // The outer header is written last: it must not stand before the session's.
            (device, (go_on(app, &view, client), Json(body))).into_response()
        }
        identity::SignIn::Next(step) => Json(SignedIn::Next(step.into())).into_response(),
    }
}

/// End this session at once. Works with a session that is over, too: the cookie is cleared.
#[utoipa::path(post, path = "/api/v1/auths/signout", tag = "accounts", responses((status = 200, body = Status)))]
async fn sign_out(
    State(identity): State<Identity>,
    State(settings): State<Live>,
    _: OwnPage,
    client: Client,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer<impl IntoResponse> {
    if let Some(credential) = Credential::of(&headers) {
        match identity.person(credential.text()).await {
            Ok(person) => {
                let session = person.session().cloned();
                let by = caller.acting_as(Who::Person(person));
                if let Some(session) = session {
                    identity.sign_out(&session, &by).await?;
                }
            }
            Err(refusal) if refusal.kind == Kind::Unauthenticated => {}
            // Whether the session ended is not known; saying "done" would be a lie.
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let cleared = cookie::clear(settings.load().cookie, client);
    Ok((AppendHeaders([(SET_COOKIE, cleared)]), Json(Status { status: true })))
}

/// Who is signed in. The cookie is set anew, so that a page and a program can share one sign-in.
#[utoipa::path(get, path = "/api/v1/auths/", tag = "accounts", responses(
    (status = 200, body = Session), (status = 401, description = "Nobody is"),
))]
async fn session(
    State(app): State<App>,
    client: Client,
    Extension(caller): Extension<Caller>,
) -> Answer<impl IntoResponse> {
    let person = caller.person().ok_or(Denied::Unauthenticated)?;
    let view = app.services().identity.session_of(person).await?;
    Ok(signed_in(&app, &view, client))
}

/// Whom to ask for access: the first administrator.
#[utoipa::path(get, path = "/api/v1/auths/admin/details", tag = "accounts", responses((status = 200, body = AdminDetails)))]
async fn admin_details(State(identity): State<Identity>) -> Answer<Json<AdminDetails>> {
    let contact = identity.contact().await?;
    let (name, email) = contact.map(|it| (it.name, it.email.as_str().to_owned())).unzip();
    Ok(Json(AdminDetails { name, email }))
}

/// Marks the device that signed in, so that strangers who guess do not slow its owner down.
fn known_device(
    app: &App,
    view: &SessionView,
    headers: &HeaderMap,
    client: Client,
) -> AppendHeaders<Option<(HeaderName, HeaderValue)>> {
    let services = app.services();
    let mark = services.identity.mark_device(&view.user.email, cookie::device(headers));
    let rules = services.settings.load().cookie;
    AppendHeaders(mark.map(|mark| (SET_COOKIE, cookie::mark_device(&mark, rules, client))))
}

/// Whoever signs in or up is nobody until that worked, also when another session is presented with it.
fn strangers(caller: &Caller) -> Caller {
    caller.acting_as(Who::Anonymous)
}

/// Hands a session over, in the cookie and in the body.
fn signed_in(app: &App, view: &SessionView, client: Client) -> impl IntoResponse + use<> {
    (go_on(app, view, client), Json(Session::from(view)))
}

/// The header by which a browser goes on in this session.
fn go_on(
    app: &App,
    view: &SessionView,
    client: Client,
) -> AppendHeaders<[(http::HeaderName, http::HeaderValue); 1]> {
    let services = app.services();
    let world: &World = &services.world;
    let rules = services.settings.load().cookie;
    let cookie = cookie::set(view.token.expose(), view.session.expires_at, world.now(), rules, client);
    AppendHeaders([(SET_COOKIE, cookie)])
}
