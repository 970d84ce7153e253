//! `wardroom users`: the way in for an operator whom nobody lets in.
//!
//! Passwords never stand on the command line, where every process of the machine can read them: they come
//! from standard input, or are made here and shown once.

use std::{
    io::{BufRead, Read, stdin},
    process::ExitCode,
};

use clap::Subcommand;
use identity::{AccountChange, Identity, IdentityParts, NewAccount, Standing};
use kernel::{Caller, ManageUsers, Permit, Refusal, Role, Secret, User, World};
use serde_json::{Value, json};

use crate::{base::Base, error::StartError, output};

/// What to do with accounts.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an administrator. Without `--password-stdin` a password is made and printed, once.
    CreateAdmin {
        /// The address to sign in with.
        #[arg(long)]
        email: String,
        /// As shown to others.
        #[arg(long, default_value = "Admin")]
        name: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end every session of the account. Without `--password-stdin` one is made and
    /// printed, once.
    ResetPassword {
        /// The address of the account.
        #[arg(long)]
        email: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make accounts of a CSV list on standard input: `Name,Email,Password,Role`. `Password_Hash`, a bcrypt or
    /// argon2id digest, may stand in the place of a password.
    Import {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take every second factor of an account away and end its sessions: for somebody who lost their devices. The
    /// password stays.
    ResetSecondFactor {
        /// The address of the account.
        email: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Switch an account off: nobody signs in to it, every session ends, virtual keys of the person are blocked.
    Deactivate {
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
    /// Switch an account on again.
    Reactivate {
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
    /// List all accounts, oldest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it. A running server notices within a second.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StartError> {
    let base = Base::open_unsealed().await?;
    let identity = Identity::new(IdentityParts {
        // Nobody is being answered in this process; others look at the revision.
        news: tokio::sync::watch::Sender::default(),
        world: base.world.clone(),
        db: base.db.clone(),
        ring: base.ring.clone(),
        settings: base.settings.clone(),
    });
    let command = match &arguments.action {
        Action::CreateAdmin { .. } => "users create-admin",
        Action::ResetPassword { .. } => "users reset-password",
        Action::Import { .. } => "users import",
        Action::Deactivate { .. } => "users deactivate",
        Action::Reactivate { .. } => "users reactivate",
        Action::ResetSecondFactor { .. } => "users reset-second-factor",
        Action::List { .. } => "users list",
    };
    let permit = &Caller::command_line(command).may_manage_users().map_err(Refusal::from)?;
    let mut code = ExitCode::SUCCESS;
    match arguments.action {
        Action::CreateAdmin { email, name, password_stdin, json } => {
            let password = Password::choose(password_stdin, &base.world)?;
            let (email, name) = (email.as_str(), name.as_str());
            let form = NewAccount { name, email, password: password.secret.clone(), profile_image_url: "" };
            let user = identity.create(form, Role::Admin, permit).await?;
            report(&user, &password, json, "The administrator was created.");
        }
        Action::ResetPassword { email, password_stdin, json } => {
            let password = Password::choose(password_stdin, &base.world)?;
            let user = account(&identity, &email).await?;
            identity.reset_password(&user.id, password.secret.clone(), permit).await?;
            report(&user, &password, json, "The password was reset; every session of the account has ended.");
        }
        Action::Import { json } => code = import(&identity, permit, json).await?,
        Action::Deactivate { email } => {
            set_standing(&identity, &email, Standing::Deactivated, permit).await?;
        }
        Action::Reactivate { email } => set_standing(&identity, &email, Standing::Active, permit).await?,
        Action::ResetSecondFactor { email, json } => reset_factors(&identity, &email, permit, json).await?,
        Action::List { json } => list(&identity, permit, json).await?,
    }
    base.db.close().await;
    Ok(code)
}

async fn account(identity: &Identity, email: &str) -> Result<User, StartError> {
    let found = identity.user_by_email(email).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("account"))?)
}

async fn reset_factors(
    identity: &Identity,
    email: &str,
    permit: &Permit<ManageUsers>,
    as_json: bool,
) -> Result<(), StartError> {
    let user = account(identity, email).await?;
    let had_any = identity.reset_factors(&user.id, permit).await?;
    if as_json {
        output::json(&json!({ "id": user.id, "email": user.email.as_str(), "reset": had_any }));
    } else if had_any {
        output::line("Every second factor was taken away, and every session of the account has ended.");
    } else {
        output::line("The account has no second factor. Nothing was changed.");
    }
    Ok(())
}

async fn set_standing(
    identity: &Identity,
    email: &str,
    standing: Standing,
    permit: &Permit<ManageUsers>,
) -> Result<(), StartError> {
    let user = account(identity, email).await?;
    let change = AccountChange { standing: Some(standing), ..AccountChange::default() };
    identity.change(&user.id, change, permit).await?;
    output::line(match standing {
        Standing::Active => "The account was switched on. Virtual keys that were blocked stay so.",
        Standing::Deactivated => {
            "The account was switched off; its sessions have ended and its keys are blocked."
        }
    });
    Ok(())
}

/// Fails when any row was refused, so that a script notices.
async fn import(
    identity: &Identity,
    permit: &Permit<ManageUsers>,
    as_json: bool,
) -> Result<ExitCode, StartError> {
    let mut list = Vec::new();
    stdin()
        .lock()
        .read_to_end(&mut list)
        .map_err(|error| StartError::Usage(format!("the list cannot be read: {error}")))?;
    let report = identity.import(&list, permit).await?;
    let code = if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if as_json {
        let refused = report
            .refused
            .iter()
            .map(|row| json!({ "line": row.line, "detail": row.why.detail, "code": row.why.code }));
        output::json(&json!({ "made": report.made, "refused": refused.collect::<Vec<_>>() }));
        return Ok(code);
    }
    output::line(&format!("Accounts made: {}", report.made));
    for row in &report.refused {
        output::line(&format!("line {}: {}", row.line, row.why.detail));
    }
    Ok(code)
}

/// A password and where it came from.
struct Password {
    secret: Secret<String>,
    is_made: bool,
}

impl Password {
    fn choose(from_stdin: bool, world: &World) -> Result<Self, StartError> {
        if !from_stdin {
            return Ok(Self { secret: made(world), is_made: true });
        }
        let mut line = String::new();
        stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| StartError::Usage(format!("the password cannot be read: {error}")))?;
        let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
        Ok(Self { secret, is_made: false })
    }
}

/// 120 random bits in 24 letters and digits that nobody takes for each other.
fn made(world: &World) -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 31)]);
    Secret::new(world.bytes::<24>().iter().map(letter).collect())
}

fn report(user: &User, password: &Password, as_json: bool, words: &str) {
    let shown = password.is_made.then(|| password.secret.expose().as_str());
    if as_json {
        let mut account = row(user);
        if let Some(shown) = shown {
            account["password"] = json!(shown);
        }
        return output::json(&account);
    }
    output::line(&format!("{words}\n\n  account   {}\n  address   {}", user.id, user.email.as_str()));
    if let Some(shown) = shown {
        output::line(&format!("  password  {shown}\n\nThe password is not kept and cannot be shown again."));
    }
}

async fn list(identity: &Identity, permit: &Permit<ManageUsers>, as_json: bool) -> Result<(), StartError> {
    let users = identity.all_users(permit).await?;
    if as_json {
        output::json(&users.iter().map(row).collect::<Vec<_>>());
        return Ok(());
    }
    let cells = |user: &User| {
        let seen = user.last_active_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        vec![
            user.id.to_string(),
            user.email.as_str().to_owned(),
            user.name.clone(),
            user.role.as_str().to_owned(),
            if user.is_active() { "active" } else { "deactivated" }.to_owned(),
            seen,
        ]
    };
    let rows: Vec<Vec<String>> = users.iter().map(cells).collect();
    output::table(&["ID", "ADDRESS", "NAME", "ROLE", "STATE", "LAST SEEN"], &rows);
    Ok(())
}

/// An account as the API shows it.
fn row(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email.as_str(),
        "name": user.name,
        "role": user.role.as_str(),
        "is_active": user.is_active(),
        "created_at": user.created_at.seconds(),
        "last_active_at": user.last_active_at.map(kernel::Timestamp::seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_password_is_long_and_never_the_same() {
        let world = crate::world::real();
        let (one, two) = (made(&world), made(&world));
        assert_eq!(one.expose().len(), 24);
        assert_ne!(one.expose(), two.expose());
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }
}
