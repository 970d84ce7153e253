//! `wardroom doctor`: what is configured, what is missing, what is unsafe.

use std::process::ExitCode;

use kernel::Role;
use serde::Serialize;
use settings::Networks;
use vault::SealingRoot;

use crate::{base::Base, error::StartError, output};

/// How to print it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Advice,
    Problem,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    subject: &'static str,
    message: String,
}

/// Looks at everything; each check stands alone, so that one that fails does not hide the others.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let findings = match Base::open().await {
        Ok(Ok(base)) => {
            let findings = examine(&base).await;
            base.db.close().await;
            findings
        }
        Ok(Err(sealed)) => vec![finding(Level::Problem, "keys", sealed.reason)],
        Err(error) => vec![finding(Level::Problem, "start", error.to_string())],
    };
    if arguments.json {
        output::json(&findings);
    } else {
        for Finding { level, subject, message } in &findings {
            let mark = match level {
                Level::Ok => "ok     ",
                Level::Advice => "advice ",
                Level::Problem => "PROBLEM",
            };
            output::line(&format!("{mark}  {subject}: {message}"));
        }
    }
    let has_problem = findings.iter().any(|finding| finding.level == Level::Problem);
    Ok(if has_problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn examine(base: &Base) -> Vec<Finding> {
    let mut findings = vec![keys(base), database(base).await];
    findings.extend(accounts(base).await);
    findings.push(providers(base).await);
    findings.extend(network(base));
    let loaded = base.settings.load();
    findings
        .extend(loaded.notices.iter().map(|notice| finding(Level::Advice, "settings", notice.to_string())));
    findings
}

fn finding(level: Level, subject: &'static str, message: impl Into<String>) -> Finding {
    Finding { level, subject, message: message.into() }
}

fn keys(base: &Base) -> Finding {
    match base.ring.sealing_root() {
        SealingRoot::ConfigEncryptionKey => {
            finding(Level::Ok, "keys", "provider keys are sealed with CONFIG_ENCRYPTION_KEY")
        }
        SealingRoot::WebuiSecretKey => finding(
            Level::Ok,
            "keys",
            "provider keys are sealed with a key derived from WEBUI_SECRET_KEY; keep a copy of it outside this machine",
        ),
    }
}

async fn database(base: &Base) -> Finding {
    match base.db.ping().await {
        Ok(()) => finding(
            Level::Ok,
            "database",
            format!("{} answers and its schema is up to date", base.db.backend_name()),
        ),
        Err(error) => finding(Level::Problem, "database", error.to_string()),
    }
}

async fn accounts(base: &Base) -> Vec<Finding> {
    let loaded = base.settings.load();
    let mut findings = vec![match store::users::count(&base.db).await {
        Ok(0) => finding(
            Level::Advice,
            "accounts",
            "nobody has an account yet; the first person to sign up becomes the administrator",
        ),
        Ok(1) => finding(Level::Ok, "accounts", "1 account"),
        Ok(count) => finding(Level::Ok, "accounts", format!("{count} accounts")),
        Err(error) => finding(Level::Problem, "accounts", error.to_string()),
    }];
    let is_open = loaded.settings.enable_signup.value;
    if is_open && loaded.settings.default_user_role.value != Role::Pending {
        findings.push(finding(Level::Advice, "accounts", "everybody who reaches the sign-up page may chat at once, because DEFAULT_USER_ROLE is not pending"));
    }
    findings
}

async fn providers(base: &Base) -> Finding {
    let environment = base.settings.load().providers.len();
    match store::connections::list(&base.db).await {
        Err(error) => finding(Level::Problem, "providers", error.to_string()),
        Ok(rows) => match environment.max(rows.iter().filter(|row| row.is_enabled).count()) {
            0 => finding(
                Level::Advice,
                "providers",
                "no provider is configured; set OPENAI_API_KEY, add one on the connections page, or look around with --demo",
            ),
            count => finding(Level::Ok, "providers", format!("{count} configured")),
        },
    }
}

fn network(base: &Base) -> Vec<Finding> {
    let loaded = base.settings.load();
    let settings = &loaded.settings;
    let mut findings = Vec::new();
    let is_https = settings.webui_url.value.as_ref().is_some_and(|url| url.as_str().starts_with("https://"));
    if !settings.host.value.is_loopback() && !is_https {
        findings.push(finding(Level::Advice, "network", format!("{} is reachable from other machines; put TLS in front and set WEBUI_URL to its https address", settings.host.value)));
    }
    if settings.forwarded_allow_ips.value == Networks::Everybody {
        findings.push(finding(
            Level::Problem,
            "network",
            "FORWARDED_ALLOW_IPS=* lets everybody claim any address; name your proxy instead",
        ));
    }
    findings
}
