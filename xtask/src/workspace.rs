//! The workspace as cargo and git see it: packages, who depends on whom, which files there are. Knows no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::report::Problem;

/// The repository's root; xtask lives one level below it.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ has a parent folder")
}

/// Reads a text file below the root.
pub(crate) fn read(path: &str) -> Result<String, Problem> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|cause| Problem::Read { path, cause })
}

/// Runs a command in a folder below the root and gives what it printed.
pub(crate) fn output(program: &str, arguments: &[&str], folder: &str) -> Result<String, Problem> {
    let command = format!("{program} {}", arguments.join(" "));
    let out = Command::new(program)
        .args(arguments)
        .current_dir(root().join(folder))
        .output()
        .map_err(|cause| Problem::Start { command: command.clone(), cause })?;
    if !out.status.success() {
        return Err(Problem::Failed { command, text: String::from_utf8_lossy(&out.stderr).into_owned() });
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Every file git tracks or would track, relative to the root, in order. Files deleted but not yet staged are left out.
pub(crate) fn files() -> Result<Vec<String>, Problem> {
    let listed = output("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"], ".")?;
    let unique: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    Ok(unique.into_iter().filter(|path| root().join(path).is_file()).map(str::to_owned).collect())
}

/// The resolved dependency graph.
pub(crate) struct Graph {
    pub(crate) members: Vec<Member>,
    /// Crate name -> names of everything that depends on it directly, ours and foreign, of any kind.
    pub(crate) dependents: BTreeMap<String, BTreeSet<String>>,
}

/// One package of ours.
pub(crate) struct Member {
    pub(crate) name: String,
    /// Path of its manifest below the root.
    pub(crate) manifest: String,
    /// Direct dependencies as declared, with their kind.
    pub(crate) dependencies: Vec<(String, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Linked into the product, or run while it is built.
    Product,
    /// Linked into tests only.
    Tests,
}

/// Asks cargo for the graph; needs no network when the lock file is current.
pub(crate) fn graph() -> Result<Graph, Problem> {
    let text = output("cargo", &["metadata", "--format-version", "1", "--locked", "--no-deps"], ".")?;
    let metadata: Metadata = serde_json::from_str(&text)
        .map_err(|cause| Problem::Shape { path: "cargo metadata".into(), cause: cause.to_string() })?;
    // `cargo metadata` lists optional dependencies that no feature asks for; `cargo tree` does not.
    let edges = [
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "depth",
    ];
    let tree = output("cargo", &[&["tree", "--locked", "--format", "{p}"], edges.as_slice()].concat(), ".")?;
    Ok(Graph { members: metadata.packages.iter().map(member).collect(), dependents: dependents(&tree) })
}

/// Reads `cargo tree --prefix depth`: lines like `2rustls v0.23.46`, children below their parent, one deeper.
fn dependents(tree: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut dependents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(depth) = line[..digits].parse::<usize>() else { continue };
        let name = line[digits..].split(' ').next().unwrap_or_default();
        path.truncate(depth);
        if let Some(parent) = path.last() {
            dependents.entry(name.to_owned()).or_default().insert((*parent).to_owned());
        }
        path.push(name);
    }
    dependents
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

fn member(package: &Package) -> Member {
    let manifest = package.manifest_path.strip_prefix(root()).unwrap_or(&package.manifest_path);
    let kind = |kind: Option<&str>| if kind == Some("dev") { Kind::Tests } else { Kind::Product };
    Member {
        name: package.name.clone(),
        manifest: manifest.display().to_string(),
        dependencies: package
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.clone(), kind(dependency.kind.as_deref())))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_on_the_line_above_one_step_out_is_a_dependent() {
        let tree = "0store v0.1.0\n1rusqlite v0.41.1\n2libsqlite3-sys v1.0.0\n1kernel v0.1.0 (/x)\n\n0web v0.1.0\n1kernel v0.1.0 (*)\n";
        let dependents = dependents(tree);
        let users = |name: &str| dependents[name].iter().cloned().collect::<Vec<_>>();
        assert_eq!(users("kernel"), ["store", "web"]);
        assert_eq!(users("rusqlite"), ["store"]);
        assert_eq!(users("libsqlite3-sys"), ["rusqlite"]);
    }
}
