//! Accounts from a list: CSV with the columns `Name,Email,Password,Role` as Open WebUI's form has them. A digest (bcrypt,
//! argon2id) may stand in a column `Password_Hash`, or in the place of the password.
//!
//! A row makes one account or none, and the others do not depend on it. It knows neither files nor uploads.

use csv::{ByteRecord, ReaderBuilder, Trim};
use futures_util::{StreamExt, stream};
use kernel::{Email, ManageUsers, Permit, Refusal, Role, Secret};
use store::users;
use vault::Passwords;

use crate::{
    Identity, NewAccount,
    error::{IdentityError, while_making},
    form,
    provision::Applicant,
};

/// Rows of the longest list.
const MOST_ROWS: usize = 5000;
/// Rows that are worked on at once: as many as passwords are hashed at once.
const AT_ONCE: usize = 4;

/// What became of a list.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// How many accounts were made.
    pub made: usize,
    /// The rows that made none, in the order of the list.
    pub refused: Vec<RefusedRow>,
}

/// A row that made no account.
#[derive(Debug)]
pub struct RefusedRow {
    /// Where it begins in the text; the header is line 1.
    pub line: u64,
    /// Why.
    pub why: Refusal,
}

/// One row, as typed.
struct Row {
    line: u64,
    name: String,
    email: String,
    password: Option<Secret<String>>,
    digest: Option<String>,
    role: String,
}

impl Identity {
    /// Makes an account of each row. Refuses the whole with `invalid_list` when the columns are not there, there
    /// are more than 5000 rows, or nobody administrates yet; then nothing was made.
    pub async fn import(&self, list: &[u8], permit: &Permit<ManageUsers>) -> Result<ImportReport, Refusal> {
        let rows = read(list)?;
        if !self.has_accounts().await? {
            let words = "there is no administrator yet. Make one first: wardroom users create-admin.";
            return Err(IdentityError::List(words.into()).into());
        }
        // Passwords are hashed side by side; accounts are made one after the other, so that of two rows with one
        // address the first has it.
        let outcomes: Vec<(u64, Result<(), Refusal>)> = stream::iter(rows)
            .map(|row| async {
                let (line, row) = match row {
                    Ok(row) => (row.line, row),
                    Err(RefusedRow { line, why }) => return (line, Err(why)),
                };
                (line, self.judge(row).await)
            })
            .buffered(AT_ONCE)
            .then(|(line, judged)| async move {
                let made = match judged {
                    Ok((applicant, role)) => self.import_one(applicant, role, permit).await,
                    Err(why) => Err(why),
                };
                (line, made)
            })
            .collect()
            .await;
        self.0.bcrypt.forget();
        let mut report = ImportReport::default();
        for (line, outcome) in outcomes {
            match outcome {
                Ok(()) => report.made += 1,
                Err(why) => report.refused.push(RefusedRow { line, why }),
            }
        }
        tracing::info!(made = report.made, refused = report.refused.len(), "a list of accounts was imported");
        Ok(report)
    }

    /// What the row asks for, its password hashed.
    async fn judge(&self, row: Row) -> Result<(Applicant, Role), Refusal> {
        let role = match row.role.to_ascii_lowercase().as_str() {
            "" => self.rules().default_role,
            word => Role::parse(word).ok_or(IdentityError::Role)?,
        };
        let applicant = if let Some(digest) = row.digest {
            Passwords::is_digest(&digest).map_err(|_| IdentityError::PasswordHash)?;
            Applicant {
                name: form::name(&row.name)?,
                email: Email::parse(&row.email).map_err(IdentityError::from)?,
                password: Some(digest),
                profile_image_url: String::new(),
            }
        } else {
            let form = NewAccount {
                name: &row.name,
                email: &row.email,
                password: row.password.unwrap_or_else(|| Secret::from("")),
                profile_image_url: "",
            };
            self.applicant(form.check(&self.password_rules())?).await?
        };
        Ok((applicant, role))
    }

    async fn import_one(
        &self,
        applicant: Applicant,
        role: Role,
        permit: &Permit<ManageUsers>,
    ) -> Result<(), Refusal> {
        let user = self.account_of(applicant, role);
        let group = self.default_group();
        users::import(&self.0.db, &user, group.as_ref(), permit).await.map_err(while_making)?;
        self.take_in(&user).await;
        Ok(())
    }
}

/// Where the columns are.
struct Columns {
    name: usize,
    email: usize,
    password: Option<usize>,
    digest: Option<usize>,
    role: Option<usize>,
}

impl Columns {
    fn of(header: &ByteRecord) -> Result<Self, IdentityError> {
        let at = |name: &str| {
            let is_it = |cell: &[u8]| cell.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            header.iter().position(is_it)
        };
        let missing = |name| {
            IdentityError::List(
                format!("it has no column {name}. The first line must name them: Name,Email,Password,Role.")
                    .into(),
            )
        };
        let (password, digest) = (at("Password"), at("Password_Hash"));
        if password.is_none() && digest.is_none() {
            return Err(missing("Password"));
        }
        Ok(Self {
            name: at("Name").ok_or_else(|| missing("Name"))?,
            email: at("Email").ok_or_else(|| missing("Email"))?,
            password,
            digest,
            role: at("Role"),
        })
    }

    fn row(&self, record: &ByteRecord, line: u64) -> Result<Row, RefusedRow> {
        let refused =
            |words: &'static str| RefusedRow { line, why: IdentityError::List(words.into()).into() };
        let cell = |at: usize| {
            let bytes = record.get(at).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| refused("this row is not UTF-8."))
        };
        let given = |at: Option<usize>| {
            let text = at.map(cell).transpose()?;
            Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let (mut password, mut digest) = (given(self.password)?, given(self.digest)?);
        // Nobody types a digest for a password. Were it taken for one, whoever saw the old list could sign in with it.
        if digest.is_none()
            && password.as_deref().is_some_and(|text| Passwords::is_digest(text.trim()).is_ok())
        {
            digest = password.take();
        }
        Ok(Row {
            line,
            name: cell(self.name)?.to_owned(),
            email: cell(self.email)?.to_owned(),
            password: password.map(Secret::new),
            digest: digest.map(|text| text.trim().to_owned()),
            role: given(self.role)?.unwrap_or_default().trim().to_owned(),
        })
    }
}

/// Counts lines. The parser does too, but takes the second half of a `\r\n` for part of the next line.
struct Lines<'a> {
    list: &'a [u8],
    seen: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that begins here, or behind the line break here. Ask in rising order.
    fn at(&mut self, begin: u64) -> u64 {
        let begin = usize::try_from(begin).unwrap_or(usize::MAX).min(self.list.len());
        let breaks = self.list[begin..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let upto = &self.list[self.seen..begin + breaks];
        self.line += memchr::memchr_iter(b'\n', upto).count() as u64;
        self.seen = begin + breaks;
        self.line
    }
}

fn read(list: &[u8]) -> Result<Vec<Result<Row, RefusedRow>>, IdentityError> {
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    // Rows with too few or too many cells are rows; what they lack is said cell by cell. A password keeps its spaces.
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::None).from_reader(list);
    let unreadable = |_| IdentityError::List("it is not CSV.".into());
    let columns = Columns::of(reader.byte_headers().map_err(unreadable)?)?;
    let (mut rows, mut lines) = (Vec::new(), Lines { list, seen: 0, line: 1 });
    for record in reader.byte_records() {
        let record = record.map_err(unreadable)?;
        let begin = record.position().map_or(0, csv::Position::byte);
        rows.push(columns.row(&record, lines.at(begin)));
        if rows.len() > MOST_ROWS {
            return Err(IdentityError::List("it has more than 5000 rows. Divide it.".into()));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(list: &str) -> Vec<(u64, String, String, String)> {
        let read = read(list.as_bytes()).unwrap();
        read.into_iter()
            .map(|row| {
                let row = row.unwrap();
                let password = row.password.map(|password| password.expose().clone()).unwrap_or_default();
                (row.line, row.name, password, row.role)
            })
            .collect()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_case_behind_a_byte_order_mark() {
        let list = "\u{feff}role,EMAIL,Password,name\r\nuser,ada@x,pass word ,Ada\r\n";
        assert_eq!(rows(list), [(2, "Ada".into(), "pass word ".into(), "user".into())]);
    }

    #[test]
    fn a_cell_in_quotes_may_hold_commas_quotes_and_lines_and_the_next_row_knows_its_line() {
        let list = "Name,Email,Password,Role\n\"Love\"\"lace, Ada\",a@x,\"a,b\nc\",admin\nBob,b@x,hunter\n";
        assert_eq!(
            rows(list),
            [
                (2, "Love\"lace, Ada".into(), "a,b\nc".into(), "admin".into()),
                (4, "Bob".into(), "hunter".into(), String::new())
            ]
        );
    }

    #[test]
    fn a_list_without_its_columns_or_with_too_many_rows_is_refused_whole() {
        let words =
            |list: &str| read(list.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(words("").contains("no column Password"));
        assert!(words("Name,Password\n").contains("no column Email"));
        assert!(words("Name;Email;Password;Role\n").contains("no column"));
        let header = "Name,Email,Password\n";
        assert!(read(format!("{header}{}", "a,b,c\n".repeat(5000)).as_bytes()).is_ok());
        assert!(words(&format!("{header}{}", "a,b,c\n".repeat(5001))).contains("5000 rows"));
    }

    #[test]
    fn a_digest_in_the_place_of_a_password_is_one_and_a_text_that_begins_like_one_is_not() {
        const BCRYPT: &str = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
        let list = format!("Name,Email,Password\nAda,a@x,{BCRYPT}\nBob,b@x,$2a$06$short\n");
        let read: Vec<Row> = read(list.as_bytes()).unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!((read[0].digest.as_deref(), read[0].password.is_none()), (Some(BCRYPT), true));
        assert_eq!((read[1].digest.as_deref(), read[1].password.is_some()), (None, true));
    }

    #[test]
    fn a_row_that_is_not_utf_8_is_refused_alone() {
        let read = read(b"Name,Email,Password\n\xff,b@x,c\nBob,b@x,c\n").unwrap();
        assert_eq!(read[0].as_ref().err().map(|row| row.line), Some(2));
        assert!(read[1].is_ok());
    }
}
