//! Which passwords are not worth the name. Length and what is tried first are what counts (NIST SP 800-63B, section
//! 5.1.1.2), so there are no rules about kinds of characters unless the operator makes some.

use std::borrow::Cow;

use kernel::{Email, Secret};
use settings::{Loaded, PasswordHash, PasswordPattern};
use vault::{HashAlgorithm, PasswordError, Passwords};
use zxcvbn::{Score, zxcvbn};

use crate::error::IdentityError;

/// Characters of the shortest password.
const SHORTEST: usize = 8;
/// Characters whose strength is estimated. More of them can only be better, and the estimate's time grows with the
/// square of them.
const ESTIMATED: usize = 32;

/// What the operator demands of new passwords.
#[derive(Debug, Clone)]
pub(crate) struct PasswordRules {
    /// How digests are made.
    pub(crate) algorithm: HashAlgorithm,
    pattern: Option<PasswordPattern>,
    hint: Option<String>,
}

impl PasswordRules {
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let settings = &loaded.settings;
        let pattern = &settings.password_validation_regex_pattern.value;
        Self {
            algorithm: match settings.password_hash_algorithm.value {
                PasswordHash::Argon2 => HashAlgorithm::Argon2id,
                PasswordHash::Bcrypt => HashAlgorithm::Bcrypt,
            },
            pattern: settings.enable_password_validation.value.then(|| pattern.clone()),
            hint: settings.password_validation_hint.value.clone(),
        }
    }

    /// Refuses what is too short, too long, against the operator's pattern, or soon guessed, the last with the
    /// reason. `name` and `email` are the owner's: both are among what is tried first.
    pub(crate) fn check(
        &self,
        password: &Secret<String>,
        name: &str,
        email: &Email,
    ) -> Result<(), IdentityError> {
        let text = password.expose();
        if text.chars().count() < SHORTEST {
            return refused("The password must have at least 8 characters.");
        }
        match Passwords::check(password, self.algorithm) {
            Ok(()) => {}
            Err(PasswordError::TooLongForBcrypt) => {
                return refused(
                    "The password must have at most 72 bytes. Letters beyond English take two or more.",
                );
            }
            Err(PasswordError::NulInBcrypt) => return refused("The password must not contain NUL."),
            Err(_) => return refused("The password must have at most 1024 bytes."),
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.matches(text)) {
            let words =
                "The password does not follow the rules of this installation. Ask an administrator for them.";
            return refused(self.hint.clone().map_or(Cow::Borrowed(words), Cow::Owned));
        }
        if is_obvious(&text.trim().to_lowercase(), email.as_str()) {
            return refused(
                "This password is among the first that an attacker tries. Choose another; three unrelated words are a good start.",
            );
        }
        soon_guessed(text, name, email).map_or(Ok(()), refused)
    }
}

fn refused(words: impl Into<Cow<'static, str>>) -> Result<(), IdentityError> {
    Err(IdentityError::Password(words.into()))
}

/// Why a password would be found within a million guesses, in words for the person who chose it.
fn soon_guessed(password: &str, name: &str, email: &Email) -> Option<String> {
    let beginning: String = password.chars().take(ESTIMATED).collect();
    let about_them: Vec<&str> =
        email.as_str().split(['@', '.']).chain(name.split_whitespace()).chain(["wardroom"]).collect();
    let estimate = zxcvbn(&beginning, &about_them);
    if estimate.score() >= Score::Two {
        return None;
    }
    let feedback = estimate.feedback();
    let why = feedback.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| format!(" {warning}"));
    let how = feedback
        .and_then(|feedback| feedback.suggestions().first())
        .map_or_else(|| "Three unrelated words are a good start.".to_owned(), ToString::to_string);
    Some(format!("This password would soon be guessed.{} {how}", why.unwrap_or_default()))
}

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

fn is_obvious(password: &str, email: &str) -> bool {
    let local = email.split('@').next().unwrap_or_default();
    let is_one_character = password.chars().all(|c| password.starts_with(c));
    is_one_character || password == email || password == local || COMMON.contains(&password)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use settings::Sources;

    use super::*;

    fn rules(environment: &[(&str, &str)]) -> PasswordRules {
        let environment: BTreeMap<_, _> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources {
            environment: &environment,
            file: &BTreeMap::new(),
            stored: &BTreeMap::new(),
            open: &|_| unreachable!("no setting of these tests names a file"),
        };
        PasswordRules::of(&settings::read(&sources).unwrap())
    }

    fn verdict_by(environment: &[(&str, &str)], password: &str) -> Result<(), String> {
        let email = Email::parse("ada.lovelace@example.com").unwrap();
        rules(environment)
            .check(&password.into(), "Countess Byron", &email)
            .map_err(|error| error.to_string())
    }

    fn verdict(password: &str) -> Result<(), String> {
        verdict_by(&[], password)
    }

    #[test]
    fn length_is_enough_and_no_kind_of_character_is_demanded() {
        for fine in ["anchovy lamp", "zvdkqwpt", "пароль моряка", &"anchovy lamp post ".repeat(50)]
        {
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
            "lovelace1",
            "countess1",
            "abcabcabcabc",
            "qwertyuiop123",
            "Summer2024",
            &"anchovy ".repeat(129),
        ] {
            assert!(verdict(weak).is_err(), "{weak:.20}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let words = verdict("Tr0ub4dour").unwrap_err();
        assert!(words.starts_with("This password would soon be guessed."), "{words}");
        assert!(words.len() > 60 && words.ends_with('.') && !words.contains("ub4d"), "{words}");
    }

    #[test]
    fn the_operators_pattern_counts_when_it_is_switched_on_and_its_hint_is_said() {
        let pattern = ("PASSWORD_VALIDATION_REGEX_PATTERN", r"(?=.*\d).{12,}$");
        let on = ("ENABLE_PASSWORD_VALIDATION", "true");
        let hint = ("PASSWORD_VALIDATION_HINT", "Twelve characters and a digit, please.");
        assert_eq!(verdict_by(&[pattern, hint], "anchovy lamp post"), Ok(()));
        assert_eq!(verdict_by(&[pattern, on, hint], "anchovy lamp post"), Err(hint.1.to_owned()));
        assert_eq!(verdict_by(&[pattern, on, hint], "anchovy lamp 7"), Ok(()));
        assert!(verdict_by(&[pattern, on], "anchovy lamp post").unwrap_err().contains("rules of this"));
        assert!(verdict_by(&[on], "anchovy lamp post").is_err(), "there is a pattern by default");
        assert_eq!(verdict_by(&[on], "Velvet-Harbour-7"), Ok(()));
    }

    #[test]
    fn where_bcrypt_is_chosen_72_bytes_are_the_limit_and_it_is_named() {
        let bcrypt = [("PASSWORD_HASH_ALGORITHM", "bcrypt")];
        let (fits, exceeds) = ("anchovy lamp post ".repeat(4), "anchovy lamp post ".repeat(4) + "!");
        assert_eq!((verdict_by(&bcrypt, &fits), fits.len()), (Ok(()), 72));
        assert!(verdict_by(&bcrypt, &exceeds).unwrap_err().contains("72 bytes"));
        assert_eq!(verdict(&exceeds), Ok(()));
    }

    #[test]
    fn every_entry_of_the_list_could_be_typed_and_would_be_found() {
        for entry in COMMON {
            assert!(entry.len() >= SHORTEST, "{entry}");
            assert!(is_obvious(&entry.to_lowercase(), "x@y"), "{entry}");
        }
    }
}
