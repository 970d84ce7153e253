//! Session tokens: JSON Web Tokens (RFC 7519) that Open WebUI's clients understand.
//!
//! A token proves who signed in and in which session. Whether that session still lives is the store's
//! knowledge; nothing here decides it.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation};
use kernel::{Secret, Session, SessionId, SignInMethod, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{KeyRing, Previous};

/// Ours have about 400 bytes; a cookie cannot exceed 4096.
const LONGEST: usize = 4096;

/// Seconds by which the clocks of two replicas may differ.
const CLOCK_SKEW: i64 = 60;

/// What a session token says. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed in.
    pub id: UserId,
    typ: TokenKind,
    /// How. Older tokens do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_method: Option<AuthMethod>,
    /// Another one after each change of what the person signs in with, which is when the session becomes another one.
    /// For Open WebUI's clients; nothing here decides by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_stamp: Option<SessionId>,
    /// When the person proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Whether two factors were shown. Older tokens do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_verified: Option<bool>,
    /// The session that must still be alive.
    pub jti: SessionId,
    /// When the token was made.
    pub iat: i64,
    /// When it ends; a token without it ends only with its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// From when it counts; ours count from the beginning and do not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// How a person signed in, in Open WebUI's words where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// With e-mail address and password, perhaps with a second factor.
    Password,
    /// With a passkey alone.
    Passkey,
    /// By a proxy that the operator trusts.
    TrustedHeader,
}

impl From<SignInMethod> for AuthMethod {
    fn from(method: SignInMethod) -> Self {
        match method {
            SignInMethod::SignUp
            | SignInMethod::Password
            | SignInMethod::PasswordAndTotp
            | SignInMethod::PasswordAndRecoveryCode
            | SignInMethod::PasswordAndPasskey => Self::Password,
            SignInMethod::Passkey => Self::Passkey,
            SignInMethod::TrustedHeader => Self::TrustedHeader,
        }
    }
}

/// The only kind of token that signs anybody in. Any other word does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenKind {
    Session,
}

/// Why a token signs nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of ours.
    #[error("the session token is too long")]
    TooLong,
    /// Not signed by us, not a session, or not a token at all.
    #[error("the session token is not valid. Sign in again.")]
    Invalid,
    /// Its time is over.
    #[error("the session has expired. Sign in again.")]
    Expired,
}

/// Signs session tokens, and reads those of the present and of the former root.
pub(crate) struct Sessions {
    present: SessionSigner,
    /// Until when its tokens are accepted.
    former: Option<(SessionSigner, Timestamp)>,
}

impl Sessions {
    pub(crate) fn new(secret: &Secret<String>, previous: &Previous<'_>) -> Self {
        let former = previous.webui_secret_key.map(SessionSigner::new).zip(previous.sessions_until);
        Self { present: SessionSigner::new(secret), former }
    }

    /// The claims of a token that either of them signed.
    fn read(&self, token: &str, now: Timestamp) -> Option<TokenData<Claims>> {
        let former = || {
            let (signer, until) = self.former.as_ref()?;
            (now < *until).then(|| signer.read(token))?
        };
        self.present.read(token).or_else(former)
    }
}

/// Signs and reads session tokens with the raw bytes of `WEBUI_SECRET_KEY`, as Open WebUI does.
struct SessionSigner {
    signing: EncodingKey,
    reading: DecodingKey,
    rules: Validation,
}

impl SessionSigner {
    fn new(secret: &Secret<String>) -> Self {
        let bytes = secret.expose().as_bytes();
        // The algorithm is ours to choose, never the token's. The library's clock is the system's, so
        // expiry is checked below with the clock that tests can turn.
        let mut rules = Validation::new(Algorithm::HS256);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_aud = false;
        Self { signing: EncodingKey::from_secret(bytes), reading: DecodingKey::from_secret(bytes), rules }
    }

    fn read(&self, token: &str) -> Option<TokenData<Claims>> {
        jsonwebtoken::decode(token, &self.reading, &self.rules).ok()
    }
}

impl KeyRing {
    /// The token of a session.
    pub fn sign_session(&self, session: &Session) -> Secret<String> {
        let began = session.created_at.seconds();
        let claims = Claims {
            id: session.user.clone(),
            typ: TokenKind::Session,
            auth_method: Some(session.method.into()),
            session_stamp: Some(session.id.clone()),
            auth_time: Some(began),
            mfa_verified: Some(session.method.has_two_factors()),
            jti: session.id.clone(),
            iat: began,
            exp: session.expires_at.map(Timestamp::seconds),
            nbf: None,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sessions().present.signing)
            .map(Secret::new)
            .expect("these claims serialise and an HMAC key of any length signs")
    }

    /// Reads a token that somebody presents. The caller must still ask whether the session is alive.
    pub fn read_session(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::TooLong);
        }
        let token = self.sessions().read(token, now).ok_or(TokenError::Invalid)?;
        if !is_plain(&token.header) || token.claims.is_early(now) {
            return Err(TokenError::Invalid);
        }
        match token.claims.exp {
            Some(end) if end <= now.seconds() => Err(TokenError::Expired),
            _ => Ok(token.claims),
        }
    }
}

impl Claims {
    /// Whether it says of itself that its time is still to come.
    fn is_early(&self, now: Timestamp) -> bool {
        let latest = now.seconds().saturating_add(CLOCK_SKEW);
        self.iat > latest || self.nbf.is_some_and(|begin| begin > latest)
    }
}

/// Whether a header says that this is a signed token and nothing else.
///
/// RFC 7515 section 4.1.11: whoever does not understand a critical extension must refuse, and we understand none.
/// RFC 8725 section 3.11: a token of another type is another token. Keys that a header names or carries (kid, jku,
/// jwk, x5u) are never looked at.
fn is_plain(header: &Header) -> bool {
    let is_jwt = header.typ.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("JWT"));
    is_jwt && header.crit.is_none() && header.cty.is_none() && header.enc.is_none() && header.zip.is_none()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        RootKeys, Roots,
        testing::{ring, world},
    };

    const SECRET: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";
    const NOW: Timestamp = Timestamp::from_seconds(1_795_216_400);

    fn session() -> Session {
        Session {
            id: "j".parse().unwrap(),
            user: "u1".parse().unwrap(),
            method: SignInMethod::Password,
            created_at: Timestamp::from_seconds(1_795_216_374),
            expires_at: Some(Timestamp::from_seconds(1_797_635_574)),
            address: String::new(),
            device: String::new(),
            last_used_at: Timestamp::from_seconds(1_795_216_374),
            proved_at: Timestamp::from_seconds(1_795_216_374),
        }
    }

    fn claims() -> Value {
        json!({"id": "u1", "typ": "session", "jti": "j", "iat": 1_795_216_374, "exp": 1_797_635_574})
    }

    /// A token with this header and these claims, correctly signed with HMAC.
    fn forge(header: &Value, claims: &Value, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn read(header: &Value, claims: &Value) -> Result<Claims, TokenError> {
        ring(SECRET, None).read_session(&forge(header, claims, hmac::HMAC_SHA256, SECRET.as_bytes()), NOW)
    }

    #[test]
    fn a_token_recorded_from_open_webui_is_read() {
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6InUxIiwidHlwIjoic2Vzc2lvbiIsImV4cCI6MTc5NzYzNTU3NCwianRpIjoiaiIsImlhdCI6MTc5NTIxNjM3NH0.UqXO1u4zTOHUZLyUDTZYJ22ssXt3yTnWsAf71kYsmZQ";
        let claims = ring("t0p-s3cret", None).read_session(token, NOW).unwrap();
        assert_eq!((claims.id.as_str(), claims.jti.as_str()), ("u1", "j"));
        assert_eq!((claims.iat, claims.exp), (1_795_216_374, Some(1_797_635_574)));
        assert_eq!(ring(SECRET, None).read_session(token, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn what_we_sign_we_read_and_any_hs256_implementation_would_have_signed_the_same() {
        let token = ring(SECRET, None).sign_session(&session());
        let claims = ring(SECRET, None).read_session(token.expose(), NOW).unwrap();
        assert_eq!(claims.id, session().user);
        assert_eq!(claims.jti, session().id);
        assert_eq!(claims.auth_method, Some(AuthMethod::Password));
        assert_eq!(claims.auth_time, Some(1_795_216_374));

        let (signed, tag) = token.expose().rsplit_once('.').unwrap();
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
        assert_eq!(tag, URL_SAFE_NO_PAD.encode(expected));
        let body: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap())
                .unwrap();
        assert_eq!((&body["typ"], &body["auth_method"]), (&json!("session"), &json!("password")));
        assert_eq!(body["mfa_verified"], json!(false));
        let said: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let open_webui =
            ["auth_method", "auth_time", "exp", "iat", "id", "jti", "mfa_verified", "session_stamp", "typ"];
        assert_eq!(said, open_webui, "its claims, no more and no less");
    }

    #[test]
    fn a_token_says_how_its_owner_signed_in() {
        let said = |method| {
            let token = ring(SECRET, None).sign_session(&Session { method, ..session() });
            let claims = ring(SECRET, None).read_session(token.expose(), NOW).unwrap();
            (claims.auth_method, claims.mfa_verified)
        };
        assert_eq!(said(SignInMethod::PasswordAndTotp), (Some(AuthMethod::Password), Some(true)));
        assert_eq!(said(SignInMethod::Passkey), (Some(AuthMethod::Passkey), Some(true)));
        assert_eq!(said(SignInMethod::TrustedHeader), (Some(AuthMethod::TrustedHeader), Some(false)));
    }

    #[test]
    fn a_session_ends_at_its_second_by_our_clock_and_without_exp_never() {
        let ring = ring(SECRET, None);
        let token = ring.sign_session(&session());
        let at = |seconds| ring.read_session(token.expose(), Timestamp::from_seconds(seconds));
        assert!(at(1_797_635_573).is_ok());
        assert_eq!(at(1_797_635_574), Err(TokenError::Expired));

        let endless = ring.sign_session(&Session { expires_at: None, ..session() });
        assert!(ring.read_session(endless.expose(), Timestamp::from_seconds(i64::MAX / 2_000_000)).is_ok());
    }

    #[test]
    fn only_the_kind_session_signs_in() {
        assert!(read(&json!({"alg": "HS256"}), &claims()).is_ok());
        for typ in [json!("automation"), json!("subagent"), json!("Session"), json!(["session"]), Value::Null]
        {
            let mut other = claims();
            other["typ"] = typ;
            assert_eq!(read(&json!({"alg": "HS256"}), &other), Err(TokenError::Invalid), "{other}");
        }
        for missing in ["id", "typ", "jti", "iat"] {
            let mut other = claims();
            other.as_object_mut().unwrap().remove(missing);
            assert_eq!(read(&json!({"alg": "HS256"}), &other), Err(TokenError::Invalid), "without {missing}");
        }
    }

    #[test]
    fn tokens_of_the_former_root_are_accepted_until_the_date_and_not_without_one() {
        let token = ring(SECRET, None).sign_session(&session());
        let read = |sessions_until, now| {
            let (secret, former) = ("another root secret 0192".into(), SECRET.into());
            let previous =
                Previous { webui_secret_key: Some(&former), sessions_until, config_encryption_key: None };
            let roots = Roots { webui_secret_key: &secret, config_encryption_key: None, previous };
            RootKeys::new(&roots).first(&world(0)).read_session(token.expose(), now)
        };
        let until = Timestamp::from_seconds(NOW.seconds() + 60);
        assert_eq!(read(Some(until), NOW).map(|claims| claims.jti), Ok("j".parse().unwrap()));
        assert_eq!(read(Some(until), until), Err(TokenError::Invalid));
        assert_eq!(read(None, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn the_token_does_not_choose_its_algorithm() {
        for alg in ["none", "None", "NONE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256"] {
            let header = json!({"alg": alg, "typ": "JWT"});
            assert_eq!(read(&header, &claims()), Err(TokenError::Invalid), "{alg}");
        }
        let stronger = forge(&json!({"alg": "HS512"}), &claims(), hmac::HMAC_SHA512, SECRET.as_bytes());
        assert_eq!(ring(SECRET, None).read_session(&stronger, NOW), Err(TokenError::Invalid));
        let unsigned = forge(&json!({"alg": "none"}), &claims(), hmac::HMAC_SHA256, b"");
        let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
        assert_eq!(ring(SECRET, None).read_session(&format!("{unsigned}."), NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn a_header_cannot_bring_its_own_key_nor_demand_what_we_do_not_understand() {
        let k = URL_SAFE_NO_PAD.encode("attacker");
        let header = json!({
            "alg": "HS256", "kid": "../../dev/null", "jku": "https://evil.example/keys",
            "jwk": {"kty": "oct", "k": k, "alg": "HS256"}, "x5u": "https://evil.example/cert",
        });
        let forged = forge(&header, &claims(), hmac::HMAC_SHA256, b"attacker");
        assert_eq!(ring(SECRET, None).read_session(&forged, NOW), Err(TokenError::Invalid));

        let critical = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
        assert_eq!(read(&critical, &claims()), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_of_another_type_is_no_session() {
        for header in [
            json!({"alg": "HS256", "typ": "at+jwt"}),
            json!({"alg": "HS256", "typ": "JOSE"}),
            json!({"alg": "HS256", "cty": "JWT"}),
            json!({"alg": "HS256", "zip": "DEF"}),
            json!({"alg": "HS256", "enc": "A128GCM"}),
            json!({"alg": "HS256", "typ": 1}),
            json!({"alg": ["HS256"]}),
            json!({"typ": "JWT"}),
        ] {
            assert_eq!(read(&header, &claims()), Err(TokenError::Invalid), "{header}");
        }
        assert!(read(&json!({"alg": "HS256", "typ": "jwt", "kid": "1"}), &claims()).is_ok());
    }

    #[test]
    fn a_token_whose_time_is_to_come_or_is_no_time_is_refused() {
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            read(&json!({"alg": "HS256"}), &claims)
        };
        let now = NOW.seconds();
        for name in ["iat", "nbf"] {
            assert!(with(name, json!(now + 60)).is_ok(), "{name}: clocks differ a little");
            assert_eq!(with(name, json!(now + 61)), Err(TokenError::Invalid), "{name}");
            assert_eq!(with(name, json!(i64::MAX)), Err(TokenError::Invalid), "{name}");
        }
        for name in ["iat", "nbf", "exp"] {
            for odd in [
                json!("1797635574"),
                json!(1_797_635_574.5),
                json!(1e300),
                json!(u64::MAX),
                json!([1]),
                json!(true),
            ] {
                assert_eq!(with(name, odd.clone()), Err(TokenError::Invalid), "{name}: {odd}");
            }
        }
        for past in [0, -1, i64::MIN, now] {
            assert_eq!(with("exp", json!(past)), Err(TokenError::Expired), "{past}");
        }
    }

    #[test]
    fn a_token_has_one_encoding() {
        let token = ring(SECRET, None).sign_session(&session());
        let token = token.expose().as_str();
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, tag] = parts[..] else { unreachable!("a token has three parts") };
        // The last letter of the tag carries two bits that say nothing; no other value of them is taken.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = alphabet.find(&tag[42..]).unwrap();
        let twins = (0..4).map(|bits| last / 4 * 4 + bits).filter(|it| *it != last);
        for twin in twins {
            let other = format!("{header}.{claims}.{}{}", &tag[..42], &alphabet[twin..=twin]);
            assert_eq!(ring(SECRET, None).read_session(&other, NOW), Err(TokenError::Invalid), "{other}");
        }
        for other in [
            format!("{token}="),
            format!("{header}=.{claims}.{tag}"),
            format!(" {token}"),
            format!("{token}\n"),
            format!("{token}."),
            format!("{header}.{claims}.{tag}.{tag}"),
            format!("{header}..{tag}"),
            token.replace('.', "%2e"),
        ] {
            assert_eq!(ring(SECRET, None).read_session(&other, NOW), Err(TokenError::Invalid), "{other}");
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let token = ring(SECRET, None).sign_session(&session()).expose().clone();
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(ring(SECRET, None).read_session(&changed, NOW), Err(TokenError::Invalid), "at {at}");
        }
    }

    #[test]
    fn what_is_no_token_and_what_is_too_long_is_refused() {
        for text in ["", ".", "..", "a.b.c", "a.b.c.d", "sk-1234", "🔑.🔑.🔑", "null"] {
            assert_eq!(ring(SECRET, None).read_session(text, NOW), Err(TokenError::Invalid), "{text}");
        }
        let mut long = claims();
        long["filler"] = json!("x".repeat(LONGEST));
        assert_eq!(read(&json!({"alg": "HS256"}), &long), Err(TokenError::TooLong));
    }
}
