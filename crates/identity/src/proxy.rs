//! Sign-in by the headers of a proxy that the operator trusts: the proxy has found out who somebody is.

use kernel::{Caller, Email, Refusal, Role, SignInMethod, User};
use store::users::{self, Vouched};

use crate::{
    Identity,
    error::IdentityError,
    form,
    provision::{Applicant, Door},
    session::SessionView,
};

/// The most groups that are read of one sign-in.
const MOST_GROUPS: usize = 500;
/// Characters of the longest name of a group.
const LONGEST_GROUP: usize = 100;

/// What a trusted proxy says of a person, as its headers say it.
#[derive(Debug, Clone, Copy)]
pub struct ProxyClaims<'a> {
    /// In any spelling.
    pub email: &'a str,
    /// Percent-encoded UTF-8.
    pub name: Option<&'a str>,
    /// `admin`, `user` or `pending`.
    pub role: Option<&'a str>,
    /// Names separated by commas; `None` when the proxy says nothing of groups.
    pub groups: Option<&'a str>,
}

impl Identity {
    /// Signs in whom the proxy names, and makes the account when there is none. Refuses with `invalid_email`, or with
    /// `wrong_credentials` when the account is switched off.
    pub async fn sign_in_by_proxy(
        &self,
        claims: ProxyClaims<'_>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let email = match Email::parse(claims.email) {
            Ok(email) => email,
            Err(error) => {
                // Not a field of anything that the caller sent in a body.
                let refusal = Refusal { field: None, ..IdentityError::from(error).into() };
                return Err(self.refused(refusal, None, None, by).await);
            }
        };
        let user = match users::by_email(&self.0.db, &email).await? {
            Some(user) => user,
            None => match self.newcomer(&email, claims, by).await {
                // The same person came twice at the same moment.
                Err(refusal) if refusal.code == "email_taken" => {
                    let found = users::by_email(&self.0.db, &email).await?;
                    found.ok_or(IdentityError::WrongCredentials)?
                }
                done => return done,
            },
        };
        if user.is_active() {
            let user = self.take_claims(user, claims, by).await?;
            match self.begin(user.clone(), SignInMethod::TrustedHeader, None, by).await {
                // Switched off meanwhile.
                Err(refusal) if refusal.code == "wrong_credentials" => {
                    return Err(self.refused(refusal, Some(&email), Some(&user), by).await);
                }
                done => return done,
            }
        }
        tracing::info!(user.id = %user.id, "a sign-in by a proxy was refused: the account is switched off");
        Err(self.refused(IdentityError::WrongCredentials.into(), Some(&email), Some(&user), by).await)
    }

    /// Makes the account of this address and signs its owner in.
    async fn newcomer(
        &self,
        email: &Email,
        claims: ProxyClaims<'_>,
        by: &Caller,
    ) -> Result<SessionView, Refusal> {
        let applicant = Applicant {
            name: claims.name.and_then(plain_name).unwrap_or_else(|| name_of(email)),
            email: email.clone(),
            password: None,
            profile_image_url: String::new(),
        };
        let method = SignInMethod::TrustedHeader;
        let SessionView { session, user, .. } =
            self.provision_signed_in(applicant, Door::Proxy, method, by).await?;
        let first_role = user.role;
        let user = self.take_claims(user, claims, by).await?;
        if user.role < first_role {
            // A lower role has ended the session that the account began with.
            return self.begin(user, method, None, by).await;
        }
        Ok(self.view(session, user))
    }

    /// Makes role and groups what the proxy says they are.
    async fn take_claims(&self, user: User, claims: ProxyClaims<'_>, by: &Caller) -> Result<User, Refusal> {
        let vouched = Vouched { role: claims.role.and_then(role), groups: claims.groups.map(groups) };
        if vouched.role.is_none() && vouched.groups.is_none() {
            return Ok(user);
        }
        let taken = users::take_vouched(&self.0.db, &user.id, &vouched, self.0.world.now(), by).await?;
        let taken = taken.ok_or(IdentityError::WrongCredentials)?;
        if taken.user.role != user.role {
            self.0.living.forget_person(&user.id);
        }
        if taken.is_last_admin {
            tracing::warn!(user.id = %user.id, "the last administrator keeps the role, whatever the proxy says");
        }
        if taken.has_new_groups
            && let Err(refusal) = self.access_changed().await
        {
            // They are read again when the revision is noticed.
            tracing::warn!(%refusal, "the groups of somebody who signed in are not in force yet");
        }
        Ok(taken.user)
    }
}

fn role(claim: &str) -> Option<Role> {
    let word = claim.trim().to_ascii_lowercase();
    let role = Role::parse(&word);
    if role.is_none() {
        tracing::warn!("the proxy names a role that there is not; the role stays");
    }
    role
}

fn groups(claim: &str) -> Vec<String> {
    // In the one spelling that groups are stored in; what cannot be a group's name is none's.
    let names = claim.split(',').filter_map(|name| kernel::plain_line(name, LONGEST_GROUP));
    names.take(MOST_GROUPS).collect()
}

/// A name that may stand in lists; a claim that may not is left out.
fn plain_name(claim: &str) -> Option<String> {
    form::name(&percent_decoded(claim)?).ok()
}

/// What stands before the `@`, for people of whom only the address is known.
fn name_of(email: &Email) -> String {
    let address = email.as_str();
    let name = address.split('@').next().unwrap_or(address);
    form::name(name).unwrap_or_else(|_| "Unnamed".to_owned())
}

/// `None` when it is no UTF-8. A `%` that begins no escape stands for itself.
fn percent_decoded(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = (byte == b'%').then(|| digit(after.first()).zip(digit(after.get(1)))).flatten();
        match escape.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(escaped) => {
                decoded.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            None => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_claim_is_percent_encoded_utf_8() {
        assert_eq!(plain_name("Ren%C3%A9e%20Ada").as_deref(), Some("Renée Ada"));
        assert_eq!(plain_name("100% Ada").as_deref(), Some("100% Ada"));
        assert_eq!(plain_name("%C3%"), None);
        assert_eq!(plain_name("Ada%0AAdmin"), None);
    }

    #[test]
    fn a_group_claim_is_a_list_and_an_unknown_role_is_none() {
        assert_eq!(groups(" staff, ,night watch"), ["staff", "night watch"]);
        assert_eq!(groups("Ren\u{e9}e,Rene\u{301}e,a\u{202e}b"), ["Ren\u{e9}e", "Ren\u{e9}e"]);
        assert_eq!(role(" Admin "), Some(Role::Admin));
        assert_eq!(role("captain"), None);
    }
}
