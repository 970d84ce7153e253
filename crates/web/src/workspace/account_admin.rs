//! What administrators do about accounts as a whole: make one, import a list, and say who may have one. Open WebUI's
//! routes and fields where it has them.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    extract::{Request, State},
};
use http::{HeaderMap, header::CONTENT_TYPE};
use identity::{Identity, NewAccount, RefusedRow};
use kernel::{Caller, Kind, Refusal};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::users::{Role, User};
use crate::{
    app::App,
    dialect::Dialect,
    extract::{self, Body, Patience},
    kept,
    management::settings,
    refused::Answer,
    table::{Access, Group},
};

pub(super) fn routes() -> Group {
    Group::new(Dialect::Workspace)
        .route(Access::Admin.fresh(), routes!(add_user))
        .route(Access::Admin.fresh(), routes!(import_users))
        .route(Access::Admin, routes!(get_admin_config))
        .route(Access::Admin.fresh(), routes!(set_admin_config))
}

/// An account for somebody else.
#[derive(Deserialize, ToSchema)]
struct AddUser {
    /// 1 to 100 characters.
    name: String,
    /// In any spelling.
    email: String,
    /// At least 8 characters, and not soon guessed.
    password: String,
    /// `pending` when it is left out.
    role: Option<Role>,
    /// A PNG, JPEG, GIF or WebP data URL, or a path on this server.
    profile_image_url: Option<String>,
}

/// An account that was made.
#[derive(Serialize, ToSchema)]
struct AddedUser {
    /// Always `null`: nobody gets a session of somebody else.
    #[schema(required)]
    token: Option<String>,
    /// Always `Bearer`.
    token_type: &'static str,
    #[serde(flatten)]
    user: User,
}

/// Make an account for somebody.
#[utoipa::path(post, path = "/api/v1/auths/add", tag = "users", request_body = AddUser, responses(
    (status = 200, body = AddedUser),
    (status = 400, description = "`invalid_email`, `email_taken`, `invalid_name`, `invalid_picture`, `weak_password`"),
))]
async fn add_user(
    State(identity): State<Identity>,
    Extension(caller): Extension<Caller>,
    Body(form): Body<AddUser>,
) -> Answer<Json<AddedUser>> {
    let permit = &caller.may_manage_users()?;
    let account = NewAccount {
        name: &form.name,
        email: &form.email,
        password: form.password.into(),
        profile_image_url: form.profile_image_url.as_deref().unwrap_or_default(),
    };
    let user = identity.create(account, form.role.unwrap_or(Role::Pending).into(), permit).await?;
    // Who was just made has a password alone.
    let user = User::of(user, &std::collections::HashSet::new(), &identity);
    Ok(Json(AddedUser { token: None, token_type: "Bearer", user }))
}

/// What became of a list of accounts.
#[derive(Serialize, ToSchema)]
struct ImportedUsers {
    /// How many accounts were made.
    made: usize,
    /// The rows that made none.
    refused: Vec<RefusedUser>,
}

/// A row that made no account.
#[derive(Serialize, ToSchema)]
struct RefusedUser {
    /// Where it begins; the header is line 1.
    line: u64,
    detail: String,
    code: String,
}

/// Make accounts of a list: CSV with the columns `Name,Email,Password,Role`, at most 5000 rows, as the body itself or
/// as the file of a form. A digest (bcrypt or argon2id) may stand in a column `Password_Hash` or in the place of the
/// password. Each row makes an account or none.
#[utoipa::path(post, path = "/api/v1/users/import", tag = "users",
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, body = ImportedUsers),
        (status = 400, description = "`invalid_list`: it lacks a column, or has too many rows; `not_csv`"),
    ))]
async fn import_users(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer<Json<ImportedUsers>> {
    let permit = &caller.may_manage_users()?;
    let (parts, body) = request.into_parts();
    let shape = Shape::of(&parts.headers)?;
    let bytes = extract::read(body, Patience::of(&app)).await?;
    kept::request(&app, &parts, &bytes);
    let list = match &shape {
        Shape::Csv => &bytes[..],
        Shape::Form { boundary } => file(&bytes, boundary).ok_or_else(not_csv)?,
    };
    let report = app.services().identity.import(list, permit).await?;
    let refused = report.refused.into_iter().map(|RefusedRow { line, why }| RefusedUser {
        line,
        detail: why.detail.into_owned(),
        code: why.code.into_owned(),
    });
    Ok(Json(ImportedUsers { made: report.made, refused: refused.collect() }))
}

fn not_csv() -> Refusal {
    let words = "Send the list as text/csv, or as the file of a form (multipart/form-data).";
    Refusal::new(Kind::Invalid, "not_csv", words)
}

/// How a list comes.
enum Shape {
    /// The body is the list. A foreign page cannot send this type unasked.
    Csv,
    /// It is a file in a form.
    Form { boundary: String },
}

impl Shape {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        if kind.trim().eq_ignore_ascii_case("text/csv") {
            return Ok(Self::Csv);
        }
        let boundary = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
            .map(|(_, value)| value.trim_matches('"').to_owned());
        match boundary {
            Some(boundary)
                if kind.trim().eq_ignore_ascii_case("multipart/form-data")
                    && (1..=70).contains(&boundary.len()) =>
            {
                Ok(Self::Form { boundary })
            }
            _ => Err(not_csv()),
        }
    }
}

/// The first file of a form (RFC 7578): what stands between the empty line behind the part's headers and the next
/// boundary.
fn file<'a>(form: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let mut rest = form;
    loop {
        let begin = memmem::find(rest, delimiter.as_bytes())? + delimiter.len();
        let part = rest[begin..].strip_prefix(b"\r\n")?;
        let end = memmem::find(part, format!("\r\n{delimiter}").as_bytes())?;
        let (headers, body) = part[..end].split_at(memmem::find(&part[..end], b"\r\n\r\n")?);
        if memmem::find(&headers.to_ascii_lowercase(), b"filename=").is_some() {
            return Some(&body[4..]);
        }
        rest = &part[end..];
    }
}

/// What Open WebUI calls the admin config, as far as there is something behind it here.
const SHOWN: [&str; 12] = [
    "SHOW_ADMIN_DETAILS",
    "ADMIN_EMAIL",
    "WEBUI_URL",
    "ENABLE_SIGNUP",
    "ENABLE_LOGIN_FORM",
    "ENABLE_PASSWORD_CHANGE_FORM",
    "DEFAULT_USER_ROLE",
    "DEFAULT_GROUP_ID",
    "JWT_EXPIRES_IN",
    "ENABLE_COMMUNITY_SHARING",
    "PENDING_USER_OVERLAY_TITLE",
    "PENDING_USER_OVERLAY_CONTENT",
];

/// Settings about accounts by name, as Open WebUI's form sends them. Names that are not ours are ignored.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
struct AdminConfig(#[serde(deserialize_with = "extract::each_once")] BTreeMap<String, Value>);

fn admin_config(app: &App) -> AdminConfig {
    let loaded = app.services().settings.load();
    // None of them is a secret.
    let rows = loaded.settings.rows(&|_| Value::Null);
    let shown = rows.into_iter().filter(|row| SHOWN.contains(&row.name));
    AdminConfig(shown.map(|row| (row.name.to_owned(), row.value)).collect())
}

/// Who may have an account, and what people see who wait for one. `/api/v1/settings` has the same and more.
#[utoipa::path(get, path = "/api/v1/auths/admin/config", tag = "settings", responses((status = 200, body = AdminConfig)))]
async fn get_admin_config(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<AdminConfig>> {
    caller.may_manage_settings()?;
    Ok(Json(admin_config(&app)))
}

/// Store them, all or none. What is as it was before is not stored, so that a form may send back what it was sent.
#[utoipa::path(post, path = "/api/v1/auths/admin/config", tag = "settings", request_body = AdminConfig, responses(
    (status = 200, body = AdminConfig), (status = 400, description = "`invalid_setting`"),
    (status = 409, description = "`set_by_environment`"),
))]
async fn set_admin_config(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body(AdminConfig(asked)): Body<AdminConfig>,
) -> Answer<Json<AdminConfig>> {
    let permit = &caller.may_manage_settings()?;
    let _alone = app.change_settings().await;
    let services = app.services();
    let AdminConfig(current) = admin_config(&app);
    let mut changes = Vec::new();
    for (name, value) in &asked {
        let Some((name, before)) = current.get_key_value(name) else { continue };
        // Open WebUI's form sends an empty text for "none".
        let none = Value::Null;
        let value = if value.as_str() == Some("") { &none } else { value };
        if value != before {
            let text = services.settings.load().settings.storable(name, value);
            changes.push((name.as_str(), text.map_err(|problem| settings::refusal(&problem, name))?));
        }
    }
    if !changes.is_empty() {
        let now = services.world.now();
        settings::store_together(&services.db, &services.settings, &changes, now, permit).await?;
    }
    Ok(Json(admin_config(&app)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_form_is_found_behind_other_fields_and_taken_byte_by_byte() {
        let form = b"--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\nContent-Type: text/csv\r\n\r\n\
            Name,Email\r\n\r\nAda,--a\r\n\r\n--x--\r\n";
        assert_eq!(file(form, "x"), Some(&b"Name,Email\r\n\r\nAda,--a\r\n"[..]));
        for broken in [&form[..form.len() - 9], b"", b"--x", b"--x\r\n\r\n--x--", b"--y\r\n\r\n\r\n--y--"] {
            assert_eq!(file(broken, "x"), None);
        }
    }

    #[test]
    fn a_list_comes_as_csv_or_in_a_form_and_in_no_other_way() {
        let shape = |kind: &str| {
            let headers: HeaderMap = [(CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
            Shape::of(&headers).is_ok()
        };
        assert!(shape("text/csv; charset=utf-8") && shape("multipart/form-data; boundary=\"abc\""));
        for other in
            ["text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary="]
        {
            assert!(!shape(other), "{other}");
        }
    }
}
