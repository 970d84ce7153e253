//! The route matrix: what every route answers to every kind of caller, as the page of the documentation. A test
//! performs it against a running server.

use crate::{
    policy::{Access, Objects, Policy, Presence},
    table::{self, Row},
};

/// Kinds of callers. All but the first two and the last three are members of the same rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without a credential.
    Anonymous,
    /// Waits for an administrator.
    Pending,
    /// A member, asking for what is theirs.
    User,
    /// Another member, asking for what is the first one's.
    OtherUser,
    /// The same, in a group with the first one.
    GroupMember,
    /// A program with the first member's API key.
    ApiKey,
    /// The same with a key for `GET /api/models` alone.
    RestrictedKey,
    /// A program with a virtual key, asking about itself.
    VirtualKey,
    /// An administrator, asking for what is theirs.
    Admin,
    /// A member whose account was deactivated, with the former session.
    Deactivated,
}

impl Kind {
    const ALL: [(Self, &str); 10] = [
        (Self::Anonymous, "anonymous"),
        (Self::Pending, "pending"),
        (Self::User, "user"),
        (Self::OtherUser, "other user"),
        (Self::GroupMember, "group member"),
        (Self::ApiKey, "API key"),
        (Self::RestrictedKey, "restricted key"),
        (Self::VirtualKey, "virtual key"),
        (Self::Admin, "admin"),
        (Self::Deactivated, "deactivated"),
    ];
}

/// What the kind is answered: `yes`, or the status of the refusal.
fn verdict(row: &Row, kind: Kind) -> &'static str {
    let Policy { access, presence, objects, .. } = row.policy;
    if access == Access::Public {
        return "yes";
    }
    let is_restricted =
        kind == Kind::RestrictedKey && (row.method, row.path.as_str()) != ("GET", "/api/models");
    let is_key = matches!(kind, Kind::ApiKey | Kind::RestrictedKey);
    match kind {
        Kind::Anonymous | Kind::Deactivated => "401",
        _ if is_restricted => "403",
        _ if !admits(access, kind) => "401",
        _ if is_key && presence != Presence::Any => "403",
        Kind::OtherUser | Kind::GroupMember if objects == Objects::Own => "404",
        _ => "yes",
    }
}

fn admits(access: Access, kind: Kind) -> bool {
    match kind {
        Kind::Admin => true,
        Kind::Pending => access == Access::SignedIn,
        Kind::VirtualKey => matches!(access, Access::Inference | Access::KeyHolder),
        _ => matches!(access, Access::SignedIn | Access::Member | Access::Inference),
    }
}

/// All routes with who may use them and what they answer to whom: Markdown, sorted by path.
pub fn route_page() -> String {
    let mut rows = table::rows();
    rows.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
    let names: Vec<&str> = Kind::ALL.iter().map(|(_, name)| *name).collect();
    let lines: Vec<String> = rows.iter().map(line).collect();
    format!(
        "# Routes\n\nMade by `cargo xtask openapi` from the route table; do not edit. A test performs every cell against a \
         running server.\n\n`yes`: the request reaches the route. A number: the status of the refusal; nothing of the route has run. \
         `404` in the columns of other people: what the path names is somebody else's, and is answered exactly like what does not \
         exist. A restricted key is one for `GET /api/models` alone.\n\n| method | path | who | {} |\n|{}\n{}",
        names.join(" | "),
        " --- |".repeat(3 + names.len()),
        lines.join("\n")
    )
}

fn line(row: &Row) -> String {
    let cells: Vec<&str> = Kind::ALL.iter().map(|(kind, _)| verdict(row, *kind)).collect();
    format!("| `{}` | `{}` | {} | {} |", row.method, row.path, row.policy.words(), cells.join(" | "))
}
