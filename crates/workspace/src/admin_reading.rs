//! Administrators who read other people's chats: only where the operator allows it, never without a trace, and
//! never more than reading.

use kernel::{Caller, ChatHead, ChatId, Permission, Timestamp, UserId};
use store::{
    Page,
    chats::{self, ListFilter, Of},
    shares::{self, Reading},
};

use crate::{Desk, OpenChat, Workspace, WorkspaceError};

/// Chats on one page of a list.
const PAGE: u32 = 60;
/// Chats that are read at once for an export.
const BATCH: u32 = 50;

/// Which chats are exported.
#[derive(Debug, Clone)]
pub enum Export {
    /// This person's own.
    Of(UserId),
    /// Everybody's.
    Everybodys {
        /// When the export was noted in them, see [`Workspace::begin_export`].
        noted: Timestamp,
    },
}

impl Workspace {
    /// Somebody else's chat, for an administrator. The reading is noted for the owner to see before anything of
    /// the chat is shown.
    pub async fn read_as_admin(&self, caller: &Caller, id: &ChatId) -> Result<OpenChat, WorkspaceError> {
        let missing = || WorkspaceError::Missing("chat");
        let permit = caller.may_read_others_chat()?;
        let reader = caller.person().ok_or_else(missing)?;
        let inner = self.inner();
        chats::head_by_id(&inner.db, id).await?.ok_or_else(missing)?;
        let reading = Reading {
            at: inner.world.now(),
            reader: reader.user.clone(),
            reader_name: reader.name.to_string(),
        };
        shares::note_reading(&inner.db, id, &reading, &permit).await?;
        let row = chats::row_by_id(&inner.db, id).await?.ok_or_else(missing)?;
        Desk::open_row(inner, row).await
    }

    /// The titles of a person's chats, for an administrator, the one changed last first; 60 a page.
    pub async fn chats_of(
        &self,
        caller: &Caller,
        owner: &UserId,
        page: Option<u32>,
    ) -> Result<Vec<ChatHead>, WorkspaceError> {
        caller.may_read_others_chat()?;
        let page = page.map(|number| Page::new(number, PAGE));
        Ok(chats::list(&self.inner().db, owner, ListFilter::default(), page).await?)
    }

    /// Begins an export of everybody's chats: notes it in each of them, for their owners to see. Returns when that
    /// was: chats that are begun later are not noted, and so not exported.
    pub async fn begin_export(&self, caller: &Caller) -> Result<Timestamp, WorkspaceError> {
        let permit = caller.may_read_others_chat()?;
        let reader = caller.person().ok_or(WorkspaceError::Missing("account"))?;
        let inner = self.inner();
        let reading = Reading {
            at: inner.world.now(),
            reader: reader.user.clone(),
            reader_name: reader.name.to_string(),
        };
        shares::note_export(&inner.db, &reading, &permit).await?;
        Ok(reading.at)
    }

    /// The next chats of an export, in the order of their ids, those after `last`; none when it is over.
    pub async fn export_next(
        &self,
        what: &Export,
        last: Option<&ChatId>,
    ) -> Result<Vec<OpenChat>, WorkspaceError> {
        let inner = self.inner();
        let of = match what {
            Export::Of(owner) => Of::Person(owner),
            Export::Everybodys { noted } => Of::EverybodyUntil(*noted),
        };
        let rows = chats::rows_after(&inner.db, of, last, BATCH).await?;
        let mut open = Vec::with_capacity(rows.len());
        for row in rows {
            open.push(Desk::open_row(inner, row).await?);
        }
        Ok(open)
    }
}

impl Desk {
    /// Asks whether I may export my chats.
    pub fn may_export(&self) -> Result<&UserId, WorkspaceError> {
        self.require(Permission::ChatExport)?;
        Ok(&self.person().user)
    }

    /// Which administrators read one of my chats, the latest first.
    pub async fn readings(&self, id: &ChatId) -> Result<Vec<Reading>, WorkspaceError> {
        self.own(id).await?;
        Ok(shares::readings(&self.inner().db, id).await?)
    }
}
