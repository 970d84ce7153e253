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
    let text = output("cargo", &["metadata", "--format-version", "1", "--locked", "--all-features"], ".")?;
    let metadata: Metadata = serde_json::from_str(&text)
        .map_err(|cause| Problem::Shape { path: "cargo metadata".into(), cause: cause.to_string() })?;
    Ok(metadata.into_graph())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Metadata {
    fn into_graph(self) -> Graph {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let mut dependents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in &self.resolve.nodes {
            for dependency in &node.dependencies {
                dependents
                    .entry(names[dependency.as_str()].to_owned())
                    .or_default()
                    .insert(names[node.id.as_str()].to_owned());
            }
        }
        let members = self
            .packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
            .map(member)
            .collect();
        Graph { members, dependents }
    }
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
