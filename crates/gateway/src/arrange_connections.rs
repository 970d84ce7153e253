//! Taking over a whole list of connections at once, as clients of Open WebUI send it: what is new is added,
//! what is missing is removed, the rest is changed and ordered.
//!
//! Entries and connections belong together by base URL, never by place, so a key stays where it was
//! entered for, whatever becomes of the entries before it. Everything is checked before anything is
//! written, and it is written in one transaction.

use kernel::{
    BaseUrl, Connection, ConnectionId, ConnectionSource, ManageConnections, Permit, Refusal, Secret,
};
use store::connections::Step;

use crate::{
    Gateway, Inner,
    admin::AdminError,
    change_connections::{
        ConnectionChange, Edited, NewConnection, drawn_up, edited, meanwhile, refuse_removal, refuse_twin,
    },
    show_connections::ConnectionView,
};

/// One entry of the list. Of a connection that is there, what is `None` stays.
#[derive(Debug, Default)]
pub struct WantedConnection {
    /// Where the provider is.
    pub base_url: String,
    /// Its key; the inner `None` clears it.
    pub api_key: Option<Option<Secret<String>>>,
    /// Put before the provider's model names; the inner `None` clears it. Also tells two connections with
    /// one base URL apart.
    pub prefix: Option<Option<String>>,
    /// Whether to use it.
    pub is_enabled: Option<bool>,
}

/// Why a list was not taken over. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArrangeError {
    /// One entry cannot be.
    #[error("entry {place} of the list: {refusal}")]
    Entry {
        /// Counted from zero.
        place: usize,
        /// Why; its field is one of `base_url`, `api_key` and `prefix`.
        refusal: Refusal,
    },
    /// The list as a whole cannot be.
    #[error(transparent)]
    Other(#[from] AdminError),
}

/// What is to be done for an entry.
struct Settled {
    /// The row as it shall be.
    row: Connection,
    /// How it gets there; none when it is there already.
    step: Option<Step>,
    /// Whether it can have a twin that it did not have before.
    has_other_name: bool,
    /// Whether the provider is to be asked for its models.
    is_worth_asking: bool,
}

impl Gateway {
    /// Makes the connections those of this list, in its order. 409 for a list that leaves out what the
    /// environment names or changes what it decides.
    pub async fn arrange_connections(
        &self,
        wanted: Vec<WantedConnection>,
        permit: &Permit<ManageConnections>,
    ) -> Result<Vec<ConnectionView>, ArrangeError> {
        let inner = &*self.0;
        let turn = inner.connections.changing.lock().await;
        let rows = store::connections::list(&inner.db).await.map_err(AdminError::from)?;
        let pairs = pair(&rows, &wanted);

        let mut entries = Vec::with_capacity(wanted.len());
        for (place, (wanted, pair)) in wanted.into_iter().zip(&pairs).enumerate() {
            let known = pair.and_then(|index| rows.get(index));
            let entry = settle(inner, known, wanted);
            entries.push(entry.map_err(|refusal| ArrangeError::Entry { place, refusal })?);
        }
        let after: Vec<Connection> = entries.iter().map(|entry| entry.row.clone()).collect();
        for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.has_other_name) {
            refuse_twin(&after, &entry.row).map_err(|refusal| ArrangeError::Entry { place, refusal })?;
        }
        for (entry, pair) in entries.iter().zip(&pairs) {
            if let Some(before) = pair.and_then(|index| rows.get(index)) {
                self.carry_decisions(before, &entry.row, permit).await?;
            }
        }
        let mut steps = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if !pairs.contains(&Some(index)) {
                refuse_removal(row).map_err(AdminError::from)?;
                steps.push(Step::Delete(row.id.clone()));
            }
        }
        let fetch =
            entries.iter().filter(|entry| entry.is_worth_asking).map(|entry| entry.row.clone()).collect();
        steps.extend(entries.into_iter().filter_map(|entry| entry.step));
        let order: Vec<ConnectionId> = after.into_iter().map(|row| row.id).collect();
        store::connections::rearrange(&inner.db, &steps, &order, permit).await.map_err(meanwhile)?;
        drop(turn);
        self.take_over(fetch).await?;
        Ok(self.list_connections(permit).await?)
    }
}

/// Which row each entry means: one with its base URL, and with its prefix where several have that URL.
fn pair(rows: &[Connection], wanted: &[WantedConnection]) -> Vec<Option<usize>> {
    let urls: Vec<Option<BaseUrl>> = wanted.iter().map(|it| BaseUrl::parse(&it.base_url).ok()).collect();
    let mut pairs: Vec<Option<usize>> = vec![None; wanted.len()];
    let mut take = |place: usize, is_meant: &dyn Fn(&Connection) -> bool| {
        if pairs[place].is_none() {
            let is_free = |index: &usize| !pairs.contains(&Some(*index));
            let fits = |row: &Connection| urls[place].as_ref() == Some(&row.base_url) && is_meant(row);
            pairs[place] = (0..rows.len()).filter(is_free).find(|index| fits(&rows[*index]));
        }
    };
    for (place, wanted) in wanted.iter().enumerate() {
        if let Some(prefix) = &wanted.prefix {
            let prefix = prefix.as_deref().map(str::trim).filter(|text| !text.is_empty());
            take(place, &|row| row.prefix.as_deref() == prefix);
        }
    }
    (0..wanted.len()).for_each(|place| take(place, &|_| true));
    pairs
}

/// Checks one entry and decides what it takes.
fn settle(inner: &Inner, known: Option<&Connection>, wanted: WantedConnection) -> Result<Settled, Refusal> {
    let WantedConnection { base_url, api_key, prefix, is_enabled } = wanted;
    let Some(before) = known else {
        let (api_key, prefix) = (api_key.flatten(), prefix.flatten());
        let row = drawn_up(inner, NewConnection { name: None, base_url, api_key, prefix, is_enabled })?;
        return Ok(Settled {
            step: Some(Step::Insert(row.clone())),
            has_other_name: true,
            is_worth_asking: row.is_enabled,
            row,
        });
    };
    let api_key = api_key.filter(|key| is_news(inner, before, key.as_ref()));
    let change = ConnectionChange { name: None, base_url: None, api_key, prefix, is_enabled };
    let Edited { row, is_different, is_worth_asking } = edited(inner, before, change)?;
    let step = is_different.then(|| Step::Update { row: row.clone(), seen: before.updated_at });
    Ok(Settled { has_other_name: row.prefix != before.prefix, step, row, is_worth_asking })
}

/// Whether this key would change anything. A client may send back what the environment itself says; a
/// stored key is sealed anew even when it is the same, in case the old seal no longer opens.
fn is_news(inner: &Inner, row: &Connection, key: Option<&Secret<String>>) -> bool {
    match (key, &row.key_tail) {
        (None, tail) => tail.is_some(),
        (Some(key), Some(tail)) if row.source == ConnectionSource::Environment => {
            inner.ring.fingerprint(key.expose().trim()) != *tail
        }
        (Some(_), _) => true,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ConnectionKind, Timestamp};

    use super::*;

    const A: &str = "https://a.example/v1";
    const B: &str = "https://b.example/v1";

    fn row(url: &str, prefix: Option<&str>) -> Connection {
        Connection {
            id: "conn_1".parse().unwrap(),
            name: "It".to_owned(),
            base_url: BaseUrl::parse(url).unwrap(),
            kind: ConnectionKind::OpenAi,
            source: ConnectionSource::Stored,
            is_enabled: true,
            position: 0,
            prefix: prefix.map(str::to_owned),
            sealed_key: None,
            key_tail: None,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    /// `None` leaves the prefix open.
    fn wanted(url: &str, prefix: Option<&str>) -> WantedConnection {
        let prefix = prefix.map(|text| Some(text.to_owned()));
        WantedConnection { base_url: url.to_owned(), prefix, ..WantedConnection::default() }
    }

    #[test]
    fn an_entry_means_the_connection_with_its_url_wherever_it_stands() {
        let rows = [row(A, None), row(B, None)];
        let list = [wanted("https://B.example/v1/", None), wanted("nonsense", None), wanted(A, Some(""))];
        assert_eq!(pair(&rows, &list), [Some(1), None, Some(0)]);
    }

    #[test]
    fn a_prefix_tells_two_connections_with_one_url_apart() {
        let rows = [row(A, Some("one")), row(A, Some("two"))];
        assert_eq!(pair(&rows, &[wanted(A, Some("two"))]), [Some(1)]);
        assert_eq!(pair(&rows, &[wanted(A, None), wanted(A, Some("one"))]), [Some(1), Some(0)]);
        assert_eq!(pair(&rows, &[wanted(A, Some("new")), wanted(A, Some("one"))]), [Some(1), Some(0)]);
        assert_eq!(
            pair(&rows, &[wanted(A, None), wanted(A, None), wanted(A, None)]),
            [Some(0), Some(1), None]
        );
    }
}
