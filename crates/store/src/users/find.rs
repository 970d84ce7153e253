//! Lists of accounts.

use kernel::{Role, Timestamp, User, UserId};

use super::{COLUMNS, Standing, count_of, user};
use crate::{
    Page, StoreError,
    db::Db,
    page::containing,
    value::{Value, values},
};

/// Which accounts.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// A part of the name or, where [`Filter::within`] says so, of the address; in any case.
    pub text: Option<&'a str>,
    /// What is looked through.
    pub within: Within,
    /// Those that may do this at large.
    pub role: Option<Role>,
    /// Those that are switched on, or off.
    pub standing: Option<Standing>,
}

/// What is looked through for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Within {
    /// For administrators.
    #[default]
    NamesAndAddresses,
    /// For everybody else: a search must not find out addresses letter by letter.
    Names,
}

/// By what a list is sorted; equal ones by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// When the account was made.
    #[default]
    Age,
    /// The name, in any case.
    Name,
    /// The address.
    Email,
    /// Administrators, people who wait, users: by the word.
    Role,
    /// When they were last seen; those who never were, when the account was made.
    LastActive,
}

/// In which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sorting {
    /// Oldest first, A to Z.
    #[default]
    Ascending,
    /// Newest first, Z to A.
    Descending,
}

impl Order {
    const fn column(self) -> &'static str {
        match self {
            Self::Age => "created_at",
            Self::Name => "LOWER(name)",
            Self::Email => "email",
            Self::Role => "role",
            Self::LastActive => "COALESCE(last_active_at, created_at)",
        }
    }
}

/// How many sign-ins of a person are not over.
pub async fn count_sessions(db: &Db, id: &UserId, now: Timestamp) -> Result<u64, StoreError> {
    let sql =
        "SELECT COUNT(*) FROM session WHERE account_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    count_of(db.query_one(sql, values![id, now]).await?)
}

/// One page of the accounts, and how many there are in all.
pub async fn list(
    db: &Db,
    filter: Filter<'_>,
    (order, sorting): (Order, Sorting),
    page: Page,
) -> Result<(Vec<User>, u64), StoreError> {
    let text = match filter.within {
        Within::NamesAndAddresses => "(LOWER(name) LIKE $1 ESCAPE '!' OR LOWER(email) LIKE $1 ESCAPE '!')",
        Within::Names => "LOWER(name) LIKE $1 ESCAPE '!'",
    };
    let standing = match filter.standing {
        None => "",
        Some(Standing::Active) => " AND deactivated_at IS NULL",
        Some(Standing::Deactivated) => " AND deactivated_at IS NOT NULL",
    };
    let role = filter.role.map_or_else(String::new, |role| format!(" AND role = '{}'", role.as_str()));
    let matches = format!("{text}{standing}{role}");
    let pattern = containing(filter.text.unwrap_or_default());
    let count = format!("SELECT COUNT(*) FROM account WHERE {matches}");
    let total = count_of(db.query_one(count, vec![Value::from(&pattern)]).await?)?;
    let direction = match sorting {
        Sorting::Ascending => "ASC",
        Sorting::Descending => "DESC",
    };
    let column = order.column();
    let sql = format!(
        "SELECT {COLUMNS} FROM account WHERE {matches}
         ORDER BY {column} {direction}, created_at {direction}, id {direction} LIMIT $2 OFFSET $3"
    );
    let rows = db.query(sql, vec![Value::from(&pattern), page.limit(), page.offset()]).await?;
    let users = rows.into_iter().map(|row| user(&mut row.fields("account")));
    Ok((users.collect::<Result<_, _>>()?, total))
}
