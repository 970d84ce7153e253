//! Makes cargo build this crate again when the web UI was built anew: the macro that embeds its files sees changed files,
//! but not a folder that appears, nor a new file in it.

use std::{fs, path::Path};

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist");
    // Cargo watches what exists; a path that does not would make every build start anew. Where the folder cannot be made,
    // that is all that happens.
    drop(fs::create_dir_all(&dist));
    println!("cargo::rerun-if-changed={}", dist.display());
}
