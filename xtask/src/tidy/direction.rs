//! Who may use whom among our own crates: kernel <- {vault, egress, store, settings, llm} <- {gateway, identity, audit} <- workspace
//! <- web <- server. Never up, never sideways.

use crate::report::Finding;
use crate::workspace::{Kind, Member};

/// Rows from the bottom up. A crate may use everything in the rows below its own, and nothing else of ours.
const ROWS: &[&[&str]] = &[
    &["kernel"],
    &["vault", "egress", "store", "settings", "llm"],
    &["gateway", "identity", "audit"],
    &["workspace"],
    &["web"],
    &["server"],
];

/// Helps tests and may use any crate of ours; the product may not use it.
const TESTS_ONLY: &[&str] = &["testkit"];

/// Programs about the product, not of it: they see it from outside and link none of its crates.
const OUTSIDE: &[&str] = &["xtask", "wardroom-bench"];

pub(super) fn check(members: &[Member]) -> Vec<Finding> {
    let ours: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut findings = Vec::new();
    for member in members {
        let place = &member.manifest;
        if !is_placed(&member.name) {
            findings.push(Finding::new(
                place,
                format!("the crate '{}' has no place in xtask/src/tidy/direction.rs", member.name),
            ));
            continue;
        }
        for (used, kind) in &member.dependencies {
            if ours.contains(&used.as_str()) && !may_use(&member.name, used, *kind) {
                findings.push(Finding::new(
                    place,
                    format!(
                        "'{}' may not use '{used}': dependencies point down the rows of ARCHITECTURE.md",
                        member.name
                    ),
                ));
            }
        }
    }
    findings
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn is_placed(name: &str) -> bool {
    row(name).is_some() || TESTS_ONLY.contains(&name) || OUTSIDE.contains(&name)
}

fn may_use(user: &str, target: &str, kind: Kind) -> bool {
    if OUTSIDE.contains(&user) || OUTSIDE.contains(&target) {
        return false;
    }
    if TESTS_ONLY.contains(&target) {
        return kind == Kind::Tests;
    }
    TESTS_ONLY.contains(&user) || row(target) < row(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, used: &str, kind: Kind) -> Vec<Member> {
        let crate_of = |name: &str, dependencies| Member {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies,
        };
        vec![crate_of(name, vec![(used.to_owned(), kind)]), crate_of(used, vec![])]
    }

    #[test]
    fn a_crate_may_use_the_rows_below_its_own() {
        for (user, used) in
            [("store", "kernel"), ("gateway", "llm"), ("server", "kernel"), ("web", "workspace")]
        {
            assert_eq!(check(&member(user, used, Kind::Product)), [], "{user} -> {used}");
        }
    }

    #[test]
    fn a_crate_may_use_nothing_above_or_beside_it_not_even_in_tests() {
        for (user, used) in
            [("kernel", "store"), ("store", "vault"), ("gateway", "identity"), ("workspace", "web")]
        {
            for kind in [Kind::Product, Kind::Tests] {
                assert_eq!(check(&member(user, used, kind)).len(), 1, "{user} -> {used}");
            }
        }
    }

    #[test]
    fn the_test_kit_is_for_tests_only() {
        assert_eq!(check(&member("store", "testkit", Kind::Tests)), []);
        assert_eq!(check(&member("store", "testkit", Kind::Product)).len(), 1);
    }

    #[test]
    fn the_benchmark_links_nothing_of_the_product() {
        assert_eq!(check(&member("wardroom-bench", "kernel", Kind::Product)).len(), 1);
    }

    #[test]
    fn a_new_crate_without_a_place_is_a_finding() {
        assert!(check(&member("leftovers", "kernel", Kind::Product))[0].text.contains("has no place"));
    }
}
