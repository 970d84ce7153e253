//! Rules about Cargo manifests: versions are written once, every dependency has a reason, every crate has the common lints.

use toml::Table;

use crate::report::{Finding, Problem};

/// Every dependency in the root manifest has a reason: on its own line, or as the heading of the block it stands in.
pub(super) fn check_root(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_dependencies = false;
    let mut has_heading = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with('[') {
            is_dependencies = line == "[workspace.dependencies]";
        }
        if line.is_empty() || line.starts_with('[') {
            has_heading = false;
        } else if line.starts_with('#') {
            has_heading = true;
        } else if is_dependencies && !has_heading && !line.contains(" # ") {
            findings.push(Finding::new(
                format!("Cargo.toml:{number}"),
                "a dependency without a reason: add a comment to the line or to the head of its block",
            ));
        }
    }
    findings
}

/// A member inherits the workspace's lints and takes every version from the root.
pub(super) fn check_member(path: &str, text: &str) -> Result<Vec<Finding>, Problem> {
    let manifest: Table = text
        .parse()
        .map_err(|cause: toml::de::Error| Problem::Shape { path: path.into(), cause: cause.to_string() })?;
    let mut findings = Vec::new();
    let inherits =
        |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")) == Some(&true.into());
    if !inherits(manifest.get("lints")) {
        findings
            .push(Finding::new(path, "the common lints are missing: add '[lints]' with 'workspace = true'"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
        for (name, value) in dependencies {
            if !inherits(Some(value)) {
                findings.push(Finding::new(
                    path,
                    format!("'{name}' has a version of its own: write it in the root manifest, and 'workspace = true' here"),
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_needs_a_reason_on_its_line_or_above_its_block() {
        let root = "[workspace.dependencies]\n# Runtime.\ntokio = \"1\"\nbytes = \"1\"\n\nurl = \"2\" # parsing\nserde = \"1\"\n";
        let findings = check_root(root);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "Cargo.toml:7");
    }

    #[test]
    fn lines_outside_the_dependencies_need_none() {
        assert_eq!(
            check_root("[workspace]\nresolver = \"3\"\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"),
            []
        );
    }

    #[test]
    fn a_member_without_the_lints_or_with_a_version_of_its_own_is_named() {
        let good =
            "[dependencies]\nurl.workspace = true\nserde = { workspace = true }\n[lints]\nworkspace = true\n";
        assert_eq!(check_member("crates/x/Cargo.toml", good).unwrap(), []);
        let bad = "[dev-dependencies]\nurl = \"2\"\n";
        assert_eq!(check_member("crates/x/Cargo.toml", bad).unwrap().len(), 2);
    }
}
