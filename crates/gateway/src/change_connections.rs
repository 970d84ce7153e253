//! How administrators add, edit, order and remove connections.
//!
//! A key is sealed for exactly its row before it is stored, and belongs to the base URL it was entered for:
//! another base URL clears it. What the environment says about a connection is changed there and not here.

use std::time::Duration;

use futures_util::future::join_all;
use kernel::{
    BaseUrl, Connection, ConnectionId, ConnectionKind, ConnectionSource, Kind, ManageConnections, Permit,
    Refusal, Secret,
};
use store::StoreError;

use crate::{
    Gateway, Inner, admin::AdminError, connections, provider::Credential, show_connections::ConnectionView,
};

/// The longest name of a connection, in characters.
const LONGEST_NAME: usize = 100;
/// The longest prefix, in bytes.
const LONGEST_PREFIX: usize = 64;
/// The longest provider key, in bytes; signed tokens of some providers have more than a thousand.
const LONGEST_KEY: usize = 8192;
/// How long an answer waits for the models of a connection that was just made or changed. A slower
/// provider's list comes later.
const MODELS_PATIENCE: Duration = Duration::from_secs(2);

/// A connection that an administrator adds.
#[derive(Debug, Default)]
pub struct NewConnection {
    /// As shown to people; the provider's name when left out.
    pub name: Option<String>,
    /// Where the provider is.
    pub base_url: String,
    /// Its key.
    pub api_key: Option<Secret<String>>,
    /// Put before the provider's model names.
    pub prefix: Option<String>,
    /// Whether to use it; yes when left out.
    pub is_enabled: Option<bool>,
}

/// A change to a connection: `None` leaves a field alone; the inner `None` clears it.
#[derive(Debug, Default)]
pub struct ConnectionChange {
    /// New name.
    pub name: Option<String>,
    /// New base URL. It clears the key, unless a new one comes with it.
    pub base_url: Option<String>,
    /// New key.
    pub api_key: Option<Option<Secret<String>>>,
    /// New prefix.
    pub prefix: Option<Option<String>>,
    /// Use it or not.
    pub is_enabled: Option<bool>,
}

impl Gateway {
    /// Adds a connection as the last one, and asks it for its models.
    pub async fn add_connection(
        &self,
        new: NewConnection,
        permit: &Permit<ManageConnections>,
    ) -> Result<ConnectionView, AdminError> {
        let inner = &*self.0;
        let mut row = drawn_up(inner, new)?;

        let turn = inner.connections.changing.lock().await;
        let rows = store::connections::list(&inner.db).await?;
        refuse_twin(&rows, &row)?;
        row.position = rows.iter().map(|row| row.position).max().map_or(0, |last| last + 1);
        store::connections::insert(&inner.db, &row, permit).await?;
        drop(turn);
        let fetch = row.is_enabled.then_some(row.clone());
        self.take_over(fetch.into_iter().collect()).await?;
        self.connection_view(&row.id).await
    }

    /// Changes a connection. 404 when there is none, 409 for what the environment decides about it.
    pub async fn change_connection(
        &self,
        id: &ConnectionId,
        change: ConnectionChange,
        permit: &Permit<ManageConnections>,
    ) -> Result<ConnectionView, AdminError> {
        let inner = &*self.0;
        let turn = inner.connections.changing.lock().await;
        let before = self.connection_row(id).await?;
        let Edited { row, is_worth_asking, .. } = edited(inner, &before, change)?;
        if row.prefix != before.prefix || row.base_url != before.base_url {
            refuse_twin(&store::connections::list(&inner.db).await?, &row)?;
        }
        self.carry_decisions(&before, &row, permit).await?;
        match store::connections::update(&inner.db, &row, Some(before.updated_at), permit).await {
            Ok(true) => drop(turn),
            Ok(false) => return Err(Refusal::not_found("connection").into()),
            Err(error) => return Err(meanwhile(error)),
        }
        let fetch = is_worth_asking.then(|| row.clone());
        self.take_over(fetch.into_iter().collect()).await?;
        self.connection_view(&row.id).await
    }

    /// Removes a connection with what was decided about its models. Answers that it is giving go on.
    pub async fn remove_connection(
        &self,
        id: &ConnectionId,
        permit: &Permit<ManageConnections>,
    ) -> Result<(), AdminError> {
        let row = self.connection_row(id).await?;
        refuse_removal(&row)?;
        if !store::connections::delete(&self.0.db, id, permit).await? {
            return Err(Refusal::not_found("connection").into());
        }
        self.reload_connections().await
    }

    /// Puts the connections into this order; those that are not named follow in their old one.
    pub async fn order_connections(
        &self,
        order: &[ConnectionId],
        permit: &Permit<ManageConnections>,
    ) -> Result<Vec<ConnectionView>, AdminError> {
        store::connections::reorder(&self.0.db, order, permit).await?;
        self.reload_connections().await?;
        self.list_connections(permit).await
    }

    /// Makes changes effective in this process, and asks the providers in `fetch` for their models.
    pub(crate) async fn take_over(&self, fetch: Vec<Connection>) -> Result<(), AdminError> {
        self.reload_connections().await?;
        if fetch.is_empty() {
            return Ok(());
        }
        let gateway = self.clone();
        let fetching = self.0.tasks.spawn(async move {
            let all = join_all(fetch.iter().map(|row| gateway.fetch_and_reload(row)));
            let Some(fetched) = gateway.0.serving.run_until_cancelled(all).await else { return };
            for (row, fetched) in fetch.iter().zip(fetched) {
                if let Err(error) = fetched {
                    tracing::warn!(connection.id = %row.id, %error, "the models of a connection could not be noted");
                }
            }
        });
        // When time is over the task goes on by itself.
        drop(tokio::time::timeout(MODELS_PATIENCE, fetching).await);
        Ok(())
    }
}

/// The row of a new connection. Its place in the list is the caller's to decide.
pub(crate) fn drawn_up(inner: &Inner, new: NewConnection) -> Result<Connection, Refusal> {
    let base_url = allowed(inner, &new.base_url)?;
    let now = inner.world.now();
    let mut row = Connection {
        id: ConnectionId::new(&inner.world),
        name: new.name.as_deref().map_or_else(|| Ok(settings::provider_name(&base_url)), name)?,
        base_url,
        kind: ConnectionKind::OpenAi,
        source: ConnectionSource::Stored,
        is_enabled: new.is_enabled.unwrap_or(true),
        position: 0,
        prefix: prefix(new.prefix.as_deref())?,
        sealed_key: None,
        key_tail: None,
        created_at: now,
        updated_at: now,
    };
    seal(inner, &mut row, new.api_key)?;
    Ok(row)
}

/// A row as a change makes it.
pub(crate) struct Edited {
    /// The whole row.
    pub(crate) row: Connection,
    /// Whether anything of it is different.
    pub(crate) is_different: bool,
    /// Whether the provider's list of models may be another one now.
    pub(crate) is_worth_asking: bool,
}

/// What a change makes of a row, as far as one row can tell; twins are for the caller to look for.
pub(crate) fn edited(
    inner: &Inner,
    before: &Connection,
    change: ConnectionChange,
) -> Result<Edited, Refusal> {
    let mut row = before.clone();
    if let Some(text) = &change.name {
        row.name = name(text)?;
    }
    if let Some(text) = &change.prefix {
        row.prefix = prefix(text.as_deref())?;
    }
    row.is_enabled = change.is_enabled.unwrap_or(row.is_enabled);
    let is_elsewhere = move_to(inner, &mut row, change.base_url.as_deref())?;
    let is_new_key = change.api_key.is_some();
    if let Some(key) = change.api_key {
        refuse_environments(before, "api_key")?;
        seal(inner, &mut row, key)?;
    }
    if row.prefix != before.prefix && row.kind == ConnectionKind::Demo {
        refuse_environments(before, "prefix")?;
    }
    row.updated_at = inner.world.now();
    let is_different = is_elsewhere
        || is_new_key
        || row.name != before.name
        || row.prefix != before.prefix
        || row.is_enabled != before.is_enabled;
    let is_worth_asking = row.is_enabled
        && row.kind == ConnectionKind::OpenAi
        && (is_elsewhere || is_new_key || !before.is_enabled);
    Ok(Edited { row, is_different, is_worth_asking })
}

/// Says in words for a reader that another change was faster.
pub(crate) fn meanwhile(error: StoreError) -> AdminError {
    if error.is_conflict_of("connection", "updated_at") {
        let words = "Somebody else changed this connection at the same moment. Look at it and try again.";
        return Refusal::new(Kind::Conflict, "changed_meanwhile", words).into();
    }
    error.into()
}

/// Moves the row to another base URL and clears its key; whether anything changed.
fn move_to(inner: &Inner, row: &mut Connection, text: Option<&str>) -> Result<bool, Refusal> {
    let Some(text) = text else { return Ok(false) };
    if BaseUrl::parse(text).is_ok_and(|url| url == row.base_url) {
        return Ok(false);
    }
    refuse_environments(row, "base_url")?;
    row.base_url = allowed(inner, text)?;
    row.sealed_key = None;
    row.key_tail = None;
    Ok(true)
}

/// Seals the key for this row; `None` clears it.
fn seal(inner: &Inner, row: &mut Connection, key: Option<Secret<String>>) -> Result<(), Refusal> {
    let Some(key) = key else {
        row.sealed_key = None;
        row.key_tail = None;
        return Ok(());
    };
    let key = checked_key(&key)?;
    let place = connections::key_place(&row.id);
    row.sealed_key = Some(inner.ring.seal(&place, key.expose().as_bytes(), &inner.world));
    row.key_tail = Some(inner.ring.fingerprint(key.expose()));
    Ok(())
}

/// A provider key without the spaces that pasting leaves around it.
pub(crate) fn checked_key(key: &Secret<String>) -> Result<Secret<String>, Refusal> {
    let key = Secret::from(key.expose().trim());
    let refuse = |words| Err(Refusal::field("api_key", "invalid_api_key_format", words));
    if key.expose().is_empty() {
        return refuse("The key is empty. Leave it out to keep the one there is, or send null to clear it.");
    }
    if key.expose().len() > LONGEST_KEY {
        return refuse("The key is longer than 8192 characters. Check that only the key was pasted.");
    }
    match Credential::bearer(key.clone()) {
        Ok(_) => Ok(key),
        Err(_) => {
            refuse("The key has characters that cannot be sent: it may hold visible ASCII characters only.")
        }
    }
}

/// Reads a base URL and refuses one that the operator does not allow.
pub(crate) fn allowed(inner: &Inner, text: &str) -> Result<BaseUrl, Refusal> {
    let url = BaseUrl::parse(text)
        .map_err(|error| Refusal::field("base_url", "invalid_base_url", sentence(&error.to_string())))?;
    if !inner.config.base_urls.allows(&url) {
        let list: Vec<&str> = inner.config.base_urls.allowed.iter().map(BaseUrl::as_str).collect();
        let words = format!(
            "This base URL is not allowed here. Allowed are {} and what is below. An operator can allow others in \
             OPENAI_ALLOWED_API_BASE_URLS.",
            list.join(", ")
        );
        return Err(Refusal::field("base_url", "base_url_not_allowed", words));
    }
    match connections::destination(inner, &url) {
        Ok(_) => Ok(url),
        Err(obstacle) => Err(Refusal::field("base_url", "base_url_not_allowed", sentence(&obstacle))),
    }
}

fn name(text: &str) -> Result<String, Refusal> {
    let words = "The name must have 1 to 100 characters, and none that are invisible or change the direction of text.";
    kernel::plain_line(text, LONGEST_NAME).ok_or_else(|| Refusal::field("name", "invalid_name", words))
}

fn prefix(text: Option<&str>) -> Result<Option<String>, Refusal> {
    let text = text.map(str::trim).unwrap_or_default();
    if text.len() > LONGEST_PREFIX || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    {
        let words = "The prefix must have at most 64 letters, digits, '-', '_' or '.'. It is put before each \
             model's name with a slash.";
        return Err(Refusal::field("prefix", "invalid_prefix", words));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A second connection with the same address and prefix would never serve anything: the first one has all
/// its names.
pub(crate) fn refuse_twin(rows: &[Connection], row: &Connection) -> Result<(), Refusal> {
    let is_twin = |other: &&Connection| {
        other.id != row.id && other.base_url == row.base_url && other.prefix == row.prefix
    };
    let Some(twin) = rows.iter().find(is_twin) else { return Ok(()) };
    let words = format!(
        "The connection '{}' has this base URL already. Change that one, or give this one another prefix to tell \
         their models apart.",
        twin.name
    );
    let refusal = Refusal::new(Kind::Conflict, "duplicate_connection", words);
    Err(Refusal { field: Some("base_url".into()), ..refusal })
}

/// Refuses to remove what would be back at the next start.
pub(crate) fn refuse_removal(row: &Connection) -> Result<(), Refusal> {
    if row.source == ConnectionSource::Stored {
        return Ok(());
    }
    let words = format!(
        "The connection '{}' at {} comes from the environment and would be back at the next start. Disable it \
         here, or remove it from the environment.",
        row.name, row.base_url
    );
    Err(Refusal::new(Kind::Conflict, "set_by_environment", words))
}

/// Refuses to change what belongs to the environment.
fn refuse_environments(row: &Connection, field: &'static str) -> Result<(), Refusal> {
    let words = match (row.source, row.kind) {
        (ConnectionSource::Stored, _) => return Ok(()),
        (_, ConnectionKind::Demo) => {
            "The demo provider is built in: it can be renamed, ordered and disabled, no more."
        }
        (ConnectionSource::Environment, _) => {
            "Base URL and key of this connection come from the environment. Change OPENAI_API_BASE_URLS and \
             OPENAI_API_KEYS there and start again."
        }
    };
    let refusal = Refusal::new(Kind::Conflict, "set_by_environment", words);
    Err(Refusal { field: Some(field.into()), ..refusal })
}

/// A cause as a sentence.
fn sentence(cause: &str) -> String {
    let mut letters = cause.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_word_and_an_empty_one_is_none() {
        assert_eq!(prefix(Some(" local ")).unwrap().as_deref(), Some("local"));
        assert_eq!(prefix(Some("  ")).unwrap(), None);
        for wrong in ["a/b", "a b", "ä", "a\nb", &"x".repeat(65)] {
            assert_eq!(prefix(Some(wrong)).unwrap_err().field.as_deref(), Some("prefix"), "{wrong:?}");
        }
    }

    #[test]
    fn a_pasted_key_loses_its_spaces_and_a_line_break_inside_is_refused() {
        assert_eq!(checked_key(&" sk-abc\n".into()).unwrap().expose(), "sk-abc");
        for wrong in ["", "  ", "sk-a\r\nx-evil: 1", "sk-ä", &"x".repeat(8193)] {
            let refusal = checked_key(&wrong.into()).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("api_key"));
            assert!(
                wrong.trim().is_empty() || !refusal.detail.contains(wrong.trim()),
                "the key was repeated"
            );
        }
    }

    #[test]
    fn a_name_is_one_line_of_at_most_a_hundred_characters() {
        assert_eq!(name("  My provider ").unwrap(), "My provider");
        assert_eq!(name(&"ä".repeat(100)).unwrap().chars().count(), 100);
        for wrong in ["", " ", "a\nb", &"x".repeat(101)] {
            assert_eq!(name(wrong).unwrap_err().field.as_deref(), Some("name"), "{wrong:?}");
        }
    }
}
