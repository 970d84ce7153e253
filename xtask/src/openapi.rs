//! `cargo xtask openapi`: the interface description and the table of routes are printed by the server itself, the UI's types
//! are made from the description. Nobody edits one of them by hand; `--check` proves it.

use std::path::{Path, PathBuf};

use crate::report::{self, Problem};
use crate::workspace::{output, read, root};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    /// Write nothing; stale files are an error.
    Check,
}

const DOCUMENT: &str = "docs/openapi.json";
const ROUTES: &str = "docs/routes.md";
const TYPES: &str = "ui/src/lib/api/schema.d.ts";

pub(crate) fn run(mode: Mode) -> Result<(), Problem> {
    let server = server()?.display().to_string();
    let printed =
        |command: &str| output(&server, &[command], ".").map(|text| format!("{}\n", text.trim_end()));
    let document = printed("openapi")?;
    let types = from_document(&document)?;
    let generated = [(DOCUMENT, document), (ROUTES, printed("routes")?), (TYPES, types)];

    let mut stale = Vec::new();
    for (path, text) in generated {
        // A file that cannot be read is as stale as one that differs.
        if read(path).is_ok_and(|current| current == text) {
            continue;
        }
        stale.push(path.to_owned());
        if mode == Mode::Write {
            write(path, &text)?;
        }
    }
    match (mode, stale.is_empty()) {
        (_, true) => report::line("openapi: current"),
        (Mode::Write, false) => report::line(&format!("openapi: wrote {}", stale.join(", "))),
        (Mode::Check, false) => return Err(Problem::Stale(stale)),
    }
    Ok(())
}

/// Builds the server and says where it is. The whole workspace is built, because the same selection as in the tests means the
/// same features and no second build.
fn server() -> Result<PathBuf, Problem> {
    output("cargo", &["build", "--quiet", "--locked", "--workspace", "--bins"], ".")?;
    let metadata = output("cargo", &["metadata", "--format-version", "1", "--locked", "--no-deps"], ".")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)
        .map_err(|cause| Problem::Shape { path: "cargo metadata".into(), cause: cause.to_string() })?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    Ok(Path::new(target).join("debug/wardroom"))
}

fn from_document(document: &str) -> Result<String, Problem> {
    let scratch = root().join("ui/node_modules/.openapi");
    let failed = |cause| Problem::Write { path: scratch.clone(), cause };
    std::fs::create_dir_all(&scratch).map_err(failed)?;
    let (input, made) = (scratch.join("openapi.json"), scratch.join("schema.d.ts"));
    std::fs::write(&input, document).map_err(failed)?;
    let arguments = ["openapi-typescript", &input.display().to_string(), "-o", &made.display().to_string()];
    output("npx", &[&["--no-install"], arguments.as_slice()].concat(), "ui")?;
    std::fs::read_to_string(&made).map_err(|cause| Problem::Read { path: made, cause })
}

fn write(path: &str, text: &str) -> Result<(), Problem> {
    let path = root().join(path);
    std::fs::write(&path, text).map_err(|cause| Problem::Write { path, cause })
}
