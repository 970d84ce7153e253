//! Links between documents: the file exists, and so does the heading. Links to other hosts are not followed.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Finding;

/// The Markdown files of the repository with their text, and the names of all files.
pub(super) fn check(documents: &BTreeMap<String, String>, files: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in documents {
        for (number, target) in links(text) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { beside(path, file) };
            let place = format!("{path}:{number}");
            let is_folder =
                || files.iter().any(|known| known.starts_with(&format!("{}/", file.trim_end_matches('/'))));
            if !files.contains(file.as_str()) && !is_folder() {
                findings.push(Finding::new(place, format!("there is no '{file}'")));
            } else if !heading.is_empty()
                && documents.get(&file).is_some_and(|text| !has_heading(text, heading))
            {
                findings.push(Finding::new(place, format!("'{file}' has no heading '#{heading}'")));
            }
        }
    }
    findings
}

/// Targets of `[words](target)` within the repository, with their lines; code blocks are not read.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number, target));
            }
        }
    }
    found
}

fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// `target` as seen from the folder of `path`, with `..` resolved.
fn beside(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a heading has this anchor: lower case, words joined by `-`, punctuation left out.
fn has_heading(text: &str, anchor: &str) -> bool {
    prose(text).filter_map(|(_, line)| line.strip_prefix('#')).any(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).eq(anchor.chars())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(documents: &[(&str, &str)]) -> Vec<String> {
        let documents: BTreeMap<String, String> =
            documents.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let files = documents.keys().map(String::as_str).collect();
        check(&documents, &files).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading_that_are_there() {
        let install = ("docs/install.md", "# Install\n\n## TLS, in front\n");
        let good = "[a](docs/install.md#tls-in-front) [b](docs/) [c](https://example.org/x.md)";
        assert!(texts(&[("README.md", good), install]).is_empty());
        assert_eq!(texts(&[("README.md", "[a](docs/instal.md)"), install]), ["there is no 'docs/instal.md'"]);
        assert_eq!(
            texts(&[("README.md", "[a](docs/install.md#tsl)"), install]),
            ["'docs/install.md' has no heading '#tsl'"]
        );
    }

    #[test]
    fn a_link_is_seen_from_its_own_folder() {
        assert!(texts(&[("docs/a/b.md", "[x](../c.md) [y](#here)\n# Here\n"), ("docs/c.md", "")]).is_empty());
        assert_eq!(texts(&[("docs/a/b.md", "[x](c.md)"), ("docs/c.md", "")]).len(), 1);
    }

    #[test]
    fn what_stands_in_a_code_block_is_no_link() {
        assert!(texts(&[("a.md", "```js\ncall[0](nothing.md)\n```\n")]).is_empty());
    }
}
