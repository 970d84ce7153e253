//! The ledger as administrators read it.

use std::collections::HashMap;

use kernel::{ConnectionId, Permit, ReadUsage, UsageRecord};
use store::usage::UsageFilter;

use crate::{Gateway, admin::AdminError};

/// Rows of the ledger, and what the connections in them are called.
#[derive(Debug)]
pub struct UsagePage {
    /// Newest first.
    pub records: Vec<UsageRecord>,
    names: HashMap<ConnectionId, String>,
}

impl UsagePage {
    /// The name of the connection that answered; empty when none did or it is gone.
    pub fn provider_of(&self, record: &UsageRecord) -> &str {
        record.connection.as_ref().and_then(|id| self.names.get(id)).map_or("", String::as_str)
    }
}

impl Gateway {
    /// Rows of the ledger that match, newest first, at most `limit` (1 to 1000). What was settled before the
    /// call is in them.
    pub async fn usage(
        &self,
        filter: &UsageFilter,
        limit: u32,
        permit: &Permit<ReadUsage>,
    ) -> Result<UsagePage, AdminError> {
        self.flush().await;
        let records = store::usage::list(&self.0.db, filter, limit, permit).await?;
        let rows = store::connections::list(&self.0.db).await?;
        Ok(UsagePage { records, names: rows.into_iter().map(|row| (row.id, row.name)).collect() })
    }
}
