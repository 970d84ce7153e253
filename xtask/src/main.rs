//! `cargo xtask`: the repository's chores. It reads files and runs cargo, git and npm; it links nothing of the product, so
//! that it builds in seconds and can judge every crate from outside.

mod openapi;
mod report;
mod tidy;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask tidy              check the architecture rules (ARCHITECTURE.md) and the house rules (CONTRIBUTING.md)
cargo xtask openapi           write docs/openapi.json, docs/routes.md and the UI's types from the server's code
cargo xtask openapi --check   fail when one of them is stale";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["openapi"] => openapi::run(openapi::Mode::Write),
        ["openapi", "--check"] => openapi::run(openapi::Mode::Check),
        [] | ["help" | "--help" | "-h"] => {
            report::line(HELP);
            return ExitCode::SUCCESS;
        }
        other => {
            report::complaint(&format!("unknown command '{}'\n\n{HELP}", other.join(" ")));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            report::complaint(&problem.to_string());
            ExitCode::FAILURE
        }
    }
}
