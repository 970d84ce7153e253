//! Chats that somebody brings along: from an export, or from a link that was shared with them.

use kernel::{ChatHead, ChatRow, Permission, Timestamp};
use store::chats;

use crate::{ChatChange, Desk, OpenChat, WorkspaceError, change::LONGEST_TITLE};

/// The most chats of one import.
const MOST_CHATS: usize = 1_000;

/// A chat of an export. Whose it was, its id and its links are not taken over.
#[derive(Debug, Clone, Default)]
pub struct ImportedChat {
    /// What is in it.
    pub chat: ChatChange,
    /// Whether it is pinned.
    pub is_pinned: bool,
    /// Whether it is archived.
    pub is_archived: bool,
    /// When it began; the present when nobody says or when that is yet to come.
    pub created_at: Option<Timestamp>,
    /// When it was changed last; not before it began.
    pub updated_at: Option<Timestamp>,
}

impl Desk {
    /// Stores chats as mine, and returns them in their order. All of them are looked at before the first is stored;
    /// what I may not put into a chat of mine comes in no other way either.
    pub async fn import(&self, chats: &[ImportedChat]) -> Result<Vec<OpenChat>, WorkspaceError> {
        self.require(Permission::ChatImport)?;
        if chats.len() > MOST_CHATS {
            let words = "At most 1000 chats are imported at once. Send the others after them.";
            return Err(WorkspaceError::Input { field: "chats", words });
        }
        let now = self.inner().world.now();
        let drafts = chats.iter().map(|chat| {
            let (row, messages) = self.draft(&chat.chat)?;
            Ok((ChatRow { head: chat.head(row.head, now), ..row }, messages))
        });
        let drafts = drafts.collect::<Result<Vec<_>, WorkspaceError>>()?;
        let mut made = Vec::with_capacity(drafts.len());
        for (row, messages) in drafts {
            chats::create(&self.inner().db, &row, &messages, self.permit()).await?;
            made.push(self.open(&row.head.id).await?);
        }
        Ok(made)
    }

    /// Stores a copy of what somebody shared as a chat of mine.
    pub async fn adopt(&self, shared: ChatChange) -> Result<OpenChat, WorkspaceError> {
        let title = format!("Copy of {}", shared.clean_title().unwrap_or_default());
        let title = title.trim_end().chars().take(LONGEST_TITLE).collect();
        self.create(&ChatChange { title: Some(title), ..shared }).await
    }
}

impl ImportedChat {
    fn head(&self, head: ChatHead, now: Timestamp) -> ChatHead {
        let past = |moment: Option<Timestamp>| moment.filter(|moment| *moment <= now);
        let created_at = past(self.created_at).unwrap_or(now);
        ChatHead {
            is_pinned: self.is_pinned,
            is_archived: self.is_archived,
            created_at,
            updated_at: past(self.updated_at).unwrap_or(now).max(created_at),
            ..head
        }
    }
}
