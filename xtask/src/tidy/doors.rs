//! One door per danger: the `wrappers` of deny.toml, enforced without cargo-deny. A crate listed there may be a direct
//! dependency of the named crates alone, ours and foreign ones alike.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::report::{Finding, Problem};
use crate::workspace::Graph;

/// A dangerous crate and the only ones that may use it.
#[derive(Debug, Deserialize)]
pub(super) struct Door {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: BTreeSet<String>,
    /// Why, and what to use instead.
    reason: String,
}

#[derive(Deserialize)]
struct Deny {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Door>,
}

pub(super) fn declared(text: &str) -> Result<Vec<Door>, Problem> {
    let deny: Deny = toml::from_str(text)
        .map_err(|cause| Problem::Shape { path: "deny.toml".into(), cause: cause.to_string() })?;
    Ok(deny.bans.deny)
}

pub(super) fn check(doors: &[Door], graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for door in doors {
        let Some(dependents) = graph.dependents.get(&door.name) else { continue };
        for user in dependents.difference(&door.wrappers) {
            findings.push(Finding::new(
                "deny.toml",
                format!("'{user}' uses '{}', which is not its to use: {}", door.name, door.reason),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const DENY: &str = r#"
        [bans]
        deny = [
          { crate = "rusqlite", wrappers = ["store"], reason = "SQL lives in store" },
          { crate = "openssl", reason = "rustls is the only TLS" },
        ]
    "#;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut dependents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (user, used) in edges {
            dependents.entry((*used).to_owned()).or_default().insert((*user).to_owned());
        }
        Graph { members: vec![], dependents }
    }

    #[test]
    fn the_named_crate_may_pass_and_nobody_else() {
        let doors = declared(DENY).unwrap();
        assert_eq!(check(&doors, &graph(&[("store", "rusqlite")])), []);
        let findings = check(&doors, &graph(&[("store", "rusqlite"), ("web", "rusqlite")]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].text.starts_with("'web' uses 'rusqlite'"), "{findings:?}");
    }

    #[test]
    fn a_crate_without_wrappers_is_banned_for_foreign_crates_too() {
        assert_eq!(check(&declared(DENY).unwrap(), &graph(&[("native-tls", "openssl")])).len(), 1);
    }

    #[test]
    fn a_ban_without_a_reason_does_not_parse() {
        assert!(declared("[bans]\ndeny = [{ crate = \"x\" }]").is_err());
    }
}
