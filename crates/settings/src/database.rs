//! Where the data is: one URL, or the parts of one.

use std::{fmt::Write, path::PathBuf, time::Duration};

use kernel::Secret;
use serde_json::json;
use url::Url;

use crate::{
    Entry, Grammar, Problem, Settings, Source,
    choice::choice,
    report::Shown,
    setting::{Setting, Wrong},
};

/// The database in force.
#[derive(Debug, Clone)]
pub enum Database {
    /// Embedded, in this file.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgresql://user:password@host:port/name?options`.
        url: Secret<String>,
        /// The schema to keep the tables in.
        schema: Option<String>,
        /// How many connections, and for how long.
        pool: Pool,
    },
}

/// Connections to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many are kept.
    pub size: u32,
    /// How many more may be opened under load.
    pub overflow: u32,
    /// How long a request waits for a free one.
    pub timeout: Duration,
    /// After how long one is replaced.
    pub recycle: Option<Duration>,
}

/// The value of `DATABASE_URL`.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// `sqlite:///path`.
    Sqlite(PathBuf),
    /// `postgresql://...`, whatever driver the original named.
    Postgres(Secret<String>),
}

choice! {
    /// The value of `DATABASE_TYPE`.
    DatabaseKind {
        /// Embedded.
        Sqlite = "sqlite",
        /// A server.
        Postgres = "postgresql" | "postgres",
    }
}

/// The name of a schema: it becomes part of SQL, so it is letters, digits and `_` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaName(String);

impl SchemaName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for SchemaName {
    const GRAMMAR: Grammar = Grammar::SchemaName;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let is_name = text.len() <= 63
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name { Ok(Self(text.to_owned())) } else { Err(Wrong::PLAIN) }
    }

    fn show(&self) -> Shown<'_> {
        Shown::Plain(json!(self.0))
    }
}

impl Setting for DatabaseUrl {
    const GRAMMAR: Grammar = Grammar::Database;

    /// The spelling of `SQLAlchemy`, which operators bring along: three slashes begin a relative path, four an
    /// absolute one, and a driver may follow `postgresql` after a plus sign.
    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(Wrong::PLAIN)?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.split_once('+').map_or(scheme.as_str(), |(kind, _)| kind) {
            "sqlite" if scheme.contains("sqlcipher") => {
                Err(Wrong::because("encrypted database files are not supported; use plain sqlite"))
            }
            "sqlite" => sqlite_path(rest).map(Self::Sqlite),
            "postgresql" | "postgres" => postgres_url(rest).map(Self::Postgres),
            _ => Err(Wrong::because("only SQLite and PostgreSQL are supported")),
        }
    }

    fn show(&self) -> Shown<'_> {
        match self {
            Self::Sqlite(path) => Shown::Plain(json!(format!("sqlite:///{}", path.display()))),
            Self::Postgres(url) => Shown::Plain(json!(without_password(url.expose()))),
        }
    }
}

fn sqlite_path(rest: &str) -> Result<PathBuf, Wrong> {
    match rest.strip_prefix('/') {
        None => Err(Wrong::because("a relative path follows three slashes, an absolute one four")),
        Some("" | ":memory:") => Err(Wrong::because("a database in memory would be lost at every start")),
        Some(path) if path.contains(['?', '\0']) => Err(Wrong::because("options after ? are not supported")),
        Some(path) => Ok(PathBuf::from(path)),
    }
}

fn postgres_url(rest: &str) -> Result<Secret<String>, Wrong> {
    let text = format!("postgresql://{rest}");
    let url = Url::parse(&text).map_err(|_| Wrong::PLAIN)?;
    if url.fragment().is_some() {
        return Err(Wrong::because("a # in the password must be written %23"));
    }
    let names_host = url.host_str().is_some_and(|host| !host.is_empty())
        || url.query_pairs().any(|(name, value)| name == "host" && !value.is_empty());
    if names_host { Ok(Secret::new(text)) } else { Err(Wrong::because("it names no host")) }
}

/// The URL for people: passwords, also those in options, are starred out.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return "postgresql://…".to_owned() };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "postgresql://…".to_owned();
    }
    if url.query_pairs().any(|(name, _)| name.to_ascii_lowercase().contains("password")) {
        url.set_query(None);
    }
    url.into()
}

/// The database that the settings mean.
pub(crate) fn resolve(settings: &Settings) -> Result<Database, Problem> {
    let postgres = |url| Database::Postgres {
        url,
        schema: settings.database_schema.value.as_ref().map(|schema| schema.0.clone()),
        pool: Pool {
            size: settings.database_pool_size.value,
            overflow: settings.database_pool_max_overflow.value,
            timeout: settings.database_pool_timeout.value,
            recycle: settings.database_pool_recycle.value.limit(),
        },
    };
    let parts = [
        settings.database_user.source,
        settings.database_password.source,
        settings.database_host.source,
        settings.database_port.source,
        settings.database_name.source,
    ];
    let has_part = parts.iter().any(|source| *source != Source::Default);
    match (&settings.database_url.value, settings.database_type.value) {
        (Some(_), None) if has_part => Err(Problem::together(
            "DATABASE_URL",
            "is set together with DATABASE_USER, _PASSWORD, _HOST, _PORT or _NAME; remove one or the other",
        )),
        (Some(_), Some(_)) => Err(Problem::together(
            "DATABASE_URL",
            "is set together with DATABASE_TYPE; remove one or the other",
        )),
        (Some(DatabaseUrl::Sqlite(path)), None) => Ok(Database::Sqlite { path: path.clone() }),
        (Some(DatabaseUrl::Postgres(url)), None) => Ok(postgres(url.clone())),
        (None, Some(DatabaseKind::Postgres)) => from_parts(settings).map(postgres),
        (None, None) if has_part => Err(Problem::together(
            "DATABASE_TYPE",
            "is not set, although parts of a PostgreSQL address are; add DATABASE_TYPE=postgresql",
        )),
        (None, Some(DatabaseKind::Sqlite) | None) => {
            Ok(Database::Sqlite { path: settings.data_dir.value.join("wardroom.db") })
        }
    }
}

fn from_parts(settings: &Settings) -> Result<Secret<String>, Problem> {
    let (Some(user), Some(password), Some(host), Some(port), Some(name)) = (
        &settings.database_user.value,
        &settings.database_password.value,
        &settings.database_host.value,
        settings.database_port.value,
        &settings.database_name.value,
    ) else {
        return Err(Problem::together(
            "DATABASE_TYPE",
            "is postgresql, which needs all of DATABASE_USER, DATABASE_PASSWORD, DATABASE_HOST, DATABASE_PORT \
             and DATABASE_NAME",
        ));
    };
    let host = if host.contains(':') { format!("[{host}]") } else { percent_encoded(host) };
    let (user, password) = (percent_encoded(user), percent_encoded(password.expose()));
    Ok(Secret::new(format!("postgresql://{user}:{password}@{host}:{port}/{}", percent_encoded(name))))
}

/// RFC 3986 section 2.1: everything but unreserved characters is encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DatabaseUrl, Wrong> {
        DatabaseUrl::read(text, &Entry::new("DATABASE_URL"))
    }

    #[test]
    fn three_slashes_begin_a_relative_path_and_four_an_absolute_one() {
        for (text, expected) in
            [("sqlite:///data/w.db", "data/w.db"), ("sqlite:////app/data/w.db", "/app/data/w.db")]
        {
            assert!(matches!(read(text).unwrap(), DatabaseUrl::Sqlite(path) if path == *expected));
        }
        for text in
            ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://host/x", "sqlite:///a?mode=ro"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_driver_of_another_program_is_dropped() {
        for text in [
            "postgres://ada:pw@db:5432/chat",
            "postgresql://ada:pw@db:5432/chat",
            "postgresql+asyncpg://ada:pw@db:5432/chat",
        ] {
            let DatabaseUrl::Postgres(url) = read(text).unwrap() else { panic!("{text}") };
            assert_eq!(url.expose(), "postgresql://ada:pw@db:5432/chat");
        }
        assert!(read("postgresql:///chat?host=/var/run/postgresql").is_ok());
        for text in
            ["postgresql://", "postgresql:///chat", "mysql://db/chat", "chat", "postgresql://u:p#w@db/c"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_password_is_shown_to_nobody() {
        for text in [
            "postgresql://ada:s3cret-pw@db:5432/chat",
            "postgresql://db/chat?user=ada&password=s3cret-pw",
            "postgresql://db/chat?sslpassword=s3cret-pw",
        ] {
            let url = read(text).unwrap();
            let Shown::Plain(shown) = url.show() else { panic!("a database address is shown") };
            assert!(!shown.to_string().contains("s3cret-pw"), "{shown}");
            assert!(shown.to_string().contains("db"), "{shown}");
            assert!(!format!("{url:?}").contains("s3cret-pw"));
        }
    }

    #[test]
    fn a_schema_name_cannot_carry_sql() {
        let entry = Entry::new("DATABASE_SCHEMA");
        assert!(SchemaName::read("wardroom_1", &entry).is_ok());
        for text in ["1a", "a b", "a;drop", "a\"", "ä", &"a".repeat(64)] {
            assert!(SchemaName::read(text, &entry).is_err(), "{text}");
        }
    }
}
