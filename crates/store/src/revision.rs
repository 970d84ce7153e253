//! Counters by which processes notice each other's changes: each polls [`read_all`] and reloads what moved.
//!
//! A counter is also the lock of its topic. Every change raises it *first* and holds the row until it
//! commits, so two changes of one topic never overlap, on either database. "Is this the first account?"
//! and "is another administrator left?" are answered safely by that.

use crate::{
    StoreError,
    db::{Db, Tx},
    value::values,
};

/// What can change behind another process's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Virtual keys. What they spend does not count.
    Keys,
    /// Connections, their models and the overrides of these.
    Connections,
    /// Accounts and sessions. When somebody was last seen does not count.
    Identity,
    /// People's API keys. When one was last used does not count.
    ApiKeys,
    /// Stored settings.
    Settings,
    /// Groups, their members and grants.
    Access,
}

impl Topic {
    const ALL: [Self; 6] =
        [Self::Keys, Self::Connections, Self::Identity, Self::ApiKeys, Self::Settings, Self::Access];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Connections => "connections",
            Self::Identity => "identity",
            Self::ApiKeys => "api_keys",
            Self::Settings => "settings",
            Self::Access => "access",
        }
    }
}

/// Raises the counter and takes the topic's lock until the transaction ends.
pub async fn bump(tx: &mut Tx, topic: Topic) -> Result<(), StoreError> {
    let sql = "UPDATE revision SET value = value + 1 WHERE topic = $1";
    if tx.execute(sql, values![topic.as_str()]).await? == 1 {
        return Ok(());
    }
    Err(StoreError::Damaged { table: "revision", id: topic.as_str().to_owned() })
}

/// All counters, in one cheap statement.
pub async fn read_all(db: &Db) -> Result<[(Topic, i64); 6], StoreError> {
    let mut counters = Topic::ALL.map(|topic| (topic, None));
    for row in db.query("SELECT topic, value FROM revision", Vec::new()).await? {
        let mut fields = row.fields("revision");
        let (name, value): (String, i64) = (fields.read()?, fields.read()?);
        if let Some(counter) = counters.iter_mut().find(|(topic, _)| topic.as_str() == name) {
            counter.1 = Some(value);
        }
    }
    let missing = |topic: Topic| StoreError::Damaged { table: "revision", id: topic.as_str().to_owned() };
    let mut all = [(Topic::Keys, 0); 6];
    for (slot, (topic, value)) in all.iter_mut().zip(counters) {
        *slot = (topic, value.ok_or_else(|| missing(topic))?);
    }
    Ok(all)
}
