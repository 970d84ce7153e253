//! Which passwords are not worth the name. Length is what counts (NIST SP 800-63B, section 5.1.1.2), so
//! there are no rules about kinds of characters; only what is tried first is refused.

use kernel::{Email, Secret};

use crate::error::IdentityError;

/// Characters of the shortest password.
const SHORTEST: usize = 8;
/// Bytes of the longest one.
const LONGEST: usize = 1024;

/// The passwords of eight and more characters that leaked most often, in lower case.
const COMMON: [&str; 100] = [
    "00000000",
    "0123456789",
    "0987654321",
    "1111111111",
    "11111111",
    "11223344",
    "1122334455",
    "12121212",
    "12341234",
    "123123123",
    "12344321",
    "1234554321",
    "12345678",
    "123456789",
    "1234567890",
    "12345678910",
    "123456789a",
    "123456abc",
    "1234qwer",
    "12qwaszx",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx",
    "1qaz2wsx3edc",
    "1qazxsw2",
    "22222222",
    "55555555",
    "66666666",
    "77777777",
    "87654321",
    "88888888",
    "987654321",
    "9876543210",
    "99999999",
    "a1234567",
    "a12345678",
    "a123456789",
    "aa123456",
    "aa12345678",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "access14",
    "admin123",
    "admin1234",
    "administrator",
    "alexander",
    "asdf1234",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "basketball",
    "changeme",
    "charlie1",
    "chocolate",
    "computer",
    "corvette",
    "elizabeth",
    "football",
    "football1",
    "iloveyou",
    "iloveyou1",
    "internet",
    "jennifer",
    "jonathan",
    "letmein1",
    "liverpool",
    "mercedes",
    "michelle",
    "midnight",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "password1",
    "password12",
    "password123",
    "princess",
    "princess1",
    "q1w2e3r4",
    "q1w2e3r4t5",
    "qwer1234",
    "qwerty12",
    "qwerty123",
    "qwerty1234",
    "qwertyui",
    "qwertyuiop",
    "qwertz123",
    "samantha",
    "starwars",
    "sunshine",
    "superman",
    "trustno1",
    "victoria",
    "wardroom",
    "whatever",
    "welcome1",
    "welcome123",
];

/// Refuses what is too short, too long, common, or the address itself.
pub(crate) fn check(password: &Secret<String>, email: &Email) -> Result<(), IdentityError> {
    let password = password.expose();
    let problem = if password.chars().count() < SHORTEST {
        "The password must have at least 8 characters."
    } else if password.len() > LONGEST {
        "The password must have at most 1024 bytes."
    } else if is_obvious(&password.trim().to_lowercase(), email.as_str()) {
        "This password is among the first that an attacker tries. Choose another; three unrelated words are a good start."
    } else {
        return Ok(());
    };
    Err(IdentityError::Password(problem))
}

fn is_obvious(password: &str, email: &str) -> bool {
    let local = email.split('@').next().unwrap_or_default();
    let is_one_character = password.chars().all(|c| password.starts_with(c));
    is_one_character || password == email || password == local || COMMON.contains(&password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<(), IdentityError> {
        check(&password.into(), &Email::parse("ada.lovelace@example.com").unwrap())
    }

    #[test]
    fn length_is_enough_and_no_kind_of_character_is_demanded() {
        for fine in ["anchovy lamp", "zvdkqwpt", "пароль моряка", &"xy".repeat(512)] {
            assert_eq!(verdict(fine), Ok(()), "{fine:.20}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_in_any_case() {
        for weak in [
            "",
            "seven77",
            "пароль7",
            "password",
            "PassWord123",
            " 12345678",
            "xxxxxxxxxxxx",
            "Ada.Lovelace@Example.com",
            "ada.lovelace",
            &"xy".repeat(513),
        ] {
            assert!(matches!(verdict(weak), Err(IdentityError::Password(_))), "{weak:.20}");
        }
    }

    #[test]
    fn every_entry_of_the_list_could_be_typed_and_would_be_found() {
        for entry in COMMON {
            assert!(entry.len() >= SHORTEST, "{entry}");
            assert!(is_obvious(&entry.to_lowercase(), "x@y"), "{entry}");
        }
    }
}
