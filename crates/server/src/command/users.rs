//! `wardroom users`: the way in for an operator whom nobody lets in.
//!
//! Passwords never stand on the command line, where every process of the machine can read them: they come
//! from standard input, or are made here and shown once.

use std::{
    io::{BufRead, stdin},
    process::ExitCode,
};

use clap::Subcommand;
use identity::{Identity, IdentityParts, NewAccount};
use kernel::{Caller, ManageUsers, Permit, Refusal, Secret, User, World};
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
        world: base.world.clone(),
        db: base.db.clone(),
        ring: base.ring.clone(),
        settings: base.settings.clone(),
    });
    let command = match &arguments.action {
        Action::CreateAdmin { .. } => "users create-admin",
        Action::ResetPassword { .. } => "users reset-password",
        Action::List { .. } => "users list",
    };
    let permit = &Caller::command_line(command).may_manage_users().map_err(Refusal::from)?;
    match arguments.action {
        Action::CreateAdmin { email, name, password_stdin, json } => {
            let password = Password::choose(password_stdin, &base.world)?;
            let (email, name) = (email.as_str(), name.as_str());
            let form = NewAccount { name, email, password: password.secret.clone(), profile_image_url: "" };
            let user = identity.create_admin(form, permit).await?;
            report(&user, &password, json, "The administrator was created.");
        }
        Action::ResetPassword { email, password_stdin, json } => {
            let password = Password::choose(password_stdin, &base.world)?;
            let user = identity.user_by_email(&email).await?.ok_or_else(|| Refusal::not_found("account"))?;
            identity.reset_password(&user.id, password.secret.clone(), permit).await?;
            report(&user, &password, json, "The password was reset; every session of the account has ended.");
        }
        Action::List { json } => list(&identity, permit, json).await?,
    }
    base.db.close().await;
    Ok(ExitCode::SUCCESS)
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
    let mut users = Vec::new();
    for page in 1.. {
        let (found, _) = identity.users(None, page, permit).await?;
        if found.is_empty() {
            break;
        }
        users.extend(found);
    }
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
            seen,
        ]
    };
    let rows: Vec<Vec<String>> = users.iter().map(cells).collect();
    output::table(&["ID", "ADDRESS", "NAME", "ROLE", "LAST SEEN"], &rows);
    Ok(())
}

/// An account as the API shows it.
fn row(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email.as_str(),
        "name": user.name,
        "role": user.role.as_str(),
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
