//! What people type, and what becomes of it: a form is checked whole before anything is done with it.

use kernel::{Email, Refusal, Secret};

use crate::{error::IdentityError, weak_password::PasswordRules};

/// An account that somebody asks for, as typed.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// As shown to others; surrounding spaces are dropped.
    pub name: &'a str,
    /// In any spelling; see [`Email`].
    pub email: &'a str,
    /// 8 to 1024 bytes, kept as they are.
    pub password: Secret<String>,
    /// A data URL or a path on this server; empty for none.
    pub profile_image_url: &'a str,
}

/// What somebody types to sign in.
#[derive(Debug)]
pub struct SignInForm<'a> {
    /// In any spelling.
    pub email: &'a str,
    /// As typed.
    pub password: Secret<String>,
    /// What [`crate::Identity::mark_device`] gave this device, if it signed in before.
    pub device: Option<&'a str>,
}

/// A [`NewAccount`] that passed every rule.
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) email: Email,
    pub(crate) password: Secret<String>,
    pub(crate) profile_image_url: String,
}

impl NewAccount<'_> {
    pub(crate) fn check(self, rules: &PasswordRules) -> Result<Checked, Refusal> {
        let email = Email::parse(self.email).map_err(IdentityError::from)?;
        let name = name(self.name)?;
        rules.check(&self.password, &name, &email)?;
        Ok(Checked {
            name,
            email,
            password: self.password,
            profile_image_url: picture(self.profile_image_url)?,
        })
    }
}

/// In characters.
const LONGEST_NAME: usize = 100;

/// 1 to 100 characters without any that hide or turn around what an administrator reads in a list.
pub(crate) fn name(typed: &str) -> Result<String, IdentityError> {
    kernel::plain_line(typed, LONGEST_NAME).ok_or(IdentityError::Name)
}

/// A picture from elsewhere would tell its host who looks at whom, and SVG can carry script.
pub(crate) fn picture(url: &str) -> Result<String, IdentityError> {
    const LONGEST: usize = 96 * 1024;
    const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
    let url = url.trim();
    let is_image = || {
        let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
        data.is_some_and(|(kind, body)| {
            IMAGES.contains(&kind) && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        })
    };
    let is_path = || {
        let is_plain = url.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~%?=&".contains(&b));
        url.starts_with('/') && !url.starts_with("//") && is_plain
    };
    let is_fine = url.is_empty() || url.len() <= LONGEST && (is_image() || is_path());
    if is_fine { Ok(url.to_owned()) } else { Err(IdentityError::Picture) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_may_be_in_any_script() {
        assert_eq!(name("  Ada Lovelace\t").unwrap(), "Ada Lovelace");
        for fine in ["李小龍", "می‌خواهم", "👩‍🚀 Ada", &"x".repeat(100)] {
            assert_eq!(name(fine).unwrap(), fine);
        }
    }

    #[test]
    fn a_name_that_hides_or_turns_around_text_is_refused() {
        for typed in ["", "   ", "Ada\nAdmin", "Ada\u{202e}nimda", "\u{200b}", "Ada\u{0}", &"x".repeat(101)] {
            assert_eq!(name(typed), Err(IdentityError::Name), "{typed:?}");
        }
    }

    #[test]
    fn a_picture_is_an_image_in_the_url_or_on_this_server() {
        for fine in ["", "/user.png", "data:image/png;base64,iVBORw0KGgo="] {
            assert_eq!(picture(fine).unwrap(), fine);
        }
        for hostile in [
            "https://tracker.example/who.png",
            "//tracker.example/who.png",
            "/\\tracker.example",
            "javascript:alert(1)",
            "data:image/svg+xml;base64,PHN2Zz4=",
            "data:text/html,<script>",
            "data:image/png;base64,\"><script>",
            &format!("data:image/png;base64,{}", "A".repeat(96 * 1024)),
        ] {
            assert_eq!(picture(hostile), Err(IdentityError::Picture), "{hostile:.60}");
        }
    }
}
