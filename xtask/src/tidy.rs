//! `cargo xtask tidy`: the sentences of ARCHITECTURE.md and CONTRIBUTING.md that a machine can check, as checks. One file per
//! family of rules; each rule is a pure function from what it reads to findings, so that its own tests need no repository.

mod direction;
mod doors;
mod links;
mod manifests;
mod sources;

use std::collections::BTreeMap;

use crate::report::{self, Finding, Problem};
use crate::workspace;

pub(crate) fn run() -> Result<(), Problem> {
    let graph = workspace::graph()?;
    let files = workspace::files()?;

    let mut findings = direction::check(&graph.members);
    findings.extend(doors::check(&doors::declared(&workspace::read("deny.toml")?)?, &graph));
    findings.extend(manifests::check_root(&workspace::read("Cargo.toml")?));
    for member in &graph.members {
        findings.extend(manifests::check_member(&member.manifest, &workspace::read(&member.manifest)?)?);
    }
    let mut documents = BTreeMap::new();
    for path in &files {
        // What is not text has no lines to judge.
        let Ok(text) = std::fs::read_to_string(workspace::root().join(path)) else { continue };
        findings.extend(sources::check(path, &text));
        if sources::extension(path) == "md" {
            documents.insert(path.clone(), text);
        }
    }
    findings.extend(links::check(&documents, &files.iter().map(String::as_str).collect()));

    findings.sort();
    for Finding { place, text } in &findings {
        report::line(&format!("{place}: {text}"));
    }
    if !findings.is_empty() {
        return Err(Problem::Findings(findings.len()));
    }
    report::line(&format!(
        "tidy: {} crates, {} files, nothing to complain about",
        graph.members.len(),
        files.len()
    ));
    cargo_deny()
}

/// The same bans, plus licences and sources, by the tool made for it. Not everybody has it, and the rules above do not need it.
fn cargo_deny() -> Result<(), Problem> {
    if workspace::output("cargo", &["deny", "--version"], ".").is_err() {
        return Ok(());
    }
    workspace::output("cargo", &["deny", "--log-level", "error", "check", "bans", "licenses", "sources"], ".")
        .map(drop)
}
