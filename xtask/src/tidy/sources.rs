//! Rules about single files: each Rust file says what it is, none grows without end, nothing unfinished and nothing of the
//! machine it was written on gets in.

use crate::report::Finding;

/// More lines than this in a file of code is a finding; the aim is 500.
const LONGEST: usize = 600;

/// Lists are read by looking something up, so their length does not hurt. Each with its reason.
const LISTS: &[(&str, &str)] = &[("ui/src/lib/api/schema.d.ts", "generated from docs/openapi.json")];

const CODE: &[&str] = &["rs", "ts", "mjs", "js", "svelte", "css", "py", "sh"];

/// Other people's words, not ours to judge.
const NOT_OURS: &[&str] = &["LICENSE", "Cargo.lock"];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if path.ends_with("package-lock.json") || NOT_OURS.contains(&path) {
        return lock_file(path, text);
    }
    let extension = extension(path);
    if extension == "rs" && !text.starts_with("//!") {
        findings.push(Finding::new(
            path,
            "begins without '//!': say what the module is and what it refuses to know",
        ));
    }
    let lines = text.lines().count();
    if CODE.contains(&extension) && lines > LONGEST && !LISTS.iter().any(|(list, _)| *list == path) {
        findings
            .push(Finding::new(path, format!("{lines} lines: a file tells one story in at most {LONGEST}")));
    }
    let mut is_inside_fence = false;
    for (number, line) in (1..).zip(text.lines()) {
        let place = || format!("{path}:{number}");
        findings.extend(
            line_complaints(path, line).into_iter().map(|complaint| Finding::new(place(), complaint)),
        );
        if let Some(language) = fence(extension, line) {
            is_inside_fence = !is_inside_fence;
            if is_inside_fence && (language.is_empty() || language.starts_with("rust")) {
                findings.push(Finding::new(
                    place(),
                    "an example that no test run compiles: make it a test, or name it 'text'",
                ));
            }
        }
    }
    findings
}

/// What follows the three backticks of a fence in a Rust doc comment.
fn fence<'a>(extension: &str, line: &'a str) -> Option<&'a str> {
    let line = line.trim_start();
    let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
    let language = comment.trim_start().strip_prefix("```")?;
    (extension == "rs").then_some(language)
}

pub(super) fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Lock files name packages, never the place this machine happened to fetch them from.
fn lock_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let is_mirror = line.starts_with("\"resolved\": \"http")
            && !line.contains("\"https://registry.npmjs.org/")
            || line.starts_with("source = ")
                && line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        if is_mirror {
            findings.push(Finding::new(format!("{path}:{number}"), "names a mirror or a private source"));
        }
    }
    findings
}

fn line_complaints(path: &str, line: &str) -> Vec<&'static str> {
    let mut complaints = Vec::new();
    // Written in halves, so that this file does not complain about itself.
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME")];
    if unfinished.iter().any(|word| has_word(line, word)) {
        complaints.push("unfinished work: finish it, or say what is missing in an issue");
    }
    if extension(path) == "rs" && line.contains(concat!("dbg", "!(")) {
        complaints.push("a debugging print");
    }
    let homes = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    if homes.iter().any(|home| begins_path(line, home)) {
        complaints.push("an absolute path of one machine");
    }
    let is_configuration = ["npmrc", "toml"].contains(&extension(path)) || path.ends_with("requirements.txt");
    let mirrors = ["index-url", "find-links", "registry=", "replace-with"];
    if is_configuration && mirrors.iter().any(|mirror| line.contains(mirror)) {
        complaints.push("the place to fetch packages from belongs to the machine, not to the repository");
    }
    complaints
}

/// Whether the word stands alone, so that `mastodon` is not one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(is_part)
            && !line[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

/// Whether a path begins with this here; the same letters inside a URL or a longer path are fine.
fn begins_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-~/$}*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<String> {
        check(path, text).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_rust_file_says_what_it_is() {
        assert_eq!(check("crates/x/src/lib.rs", "//! What it is.\n"), []);
        assert!(texts("crates/x/src/lib.rs", "fn main() {}\n")[0].contains("begins without"));
        assert_eq!(check("ui/src/main.ts", "mount();\n"), []);
    }

    #[test]
    fn a_long_file_is_named_unless_it_is_a_list() {
        let long = "line\n".repeat(LONGEST + 1);
        assert!(texts("ui/src/App.svelte", &long)[0].starts_with("601 lines"));
        assert_eq!(check("ui/src/lib/api/schema.d.ts", &long), []);
        assert_eq!(check("docs/settings.md", &long), []);
    }

    #[test]
    fn unfinished_words_are_found_as_words_only() {
        let word = concat!("TO", "DO");
        assert_eq!(check("docs/a.md", &format!("the {word}: later")).len(), 1);
        assert_eq!(check("docs/a.md", &format!("MY{word}S are {word}S")), []);
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_not_inside_a_url() {
        let home = concat!("/ho", "me/");
        assert_eq!(check("docs/a.md", &format!("see {home}ada/x")).len(), 1);
        assert_eq!(check("docs/a.md", &format!("see https://example.org{home}x")), []);
    }

    #[test]
    fn an_example_in_a_doc_comment_is_text_because_nobody_runs_it() {
        let example = |language: &str| format!("//! What it is.\n//!\n//! ```{language}\n//! x\n//! ```\n");
        assert_eq!(check("crates/x/src/lib.rs", &example("text")), []);
        assert_eq!(check("crates/x/src/lib.rs", &example("")).len(), 1);
        assert_eq!(check("crates/x/src/lib.rs", &example("rust,no_run"))[0].place, "crates/x/src/lib.rs:3");
    }

    #[test]
    fn a_lock_file_names_no_mirror() {
        let mirror = "      \"resolved\": \"https://mirror.example/a.tgz\",\n";
        assert_eq!(check("ui/package-lock.json", mirror).len(), 1);
        assert_eq!(
            check("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"),
            []
        );
        assert_eq!(check("Cargo.lock", "source = \"git+https://example.org/x\"\n").len(), 1);
    }
}
