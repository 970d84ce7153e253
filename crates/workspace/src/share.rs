//! Shared chats: a copy under a link that nobody can guess, for everybody who is signed in.
//!
//! What is shared is the chat as it was at that moment. A link ends at once when its owner takes it back, when
//! the chat is deleted, and when the owner may no longer share; and none works while sharing is switched off.

use std::fmt::Write as _;

use kernel::{ChatId, Permission, ShareId, World};
use store::{
    Page,
    shares::{self, Share},
};

use crate::{Desk, Workspace, WorkspaceError};

/// Links on one page of a list.
const PAGE: u32 = 60;
/// The largest snapshot, in bytes.
const MOST_SNAPSHOT: usize = 32 << 20;

impl Desk {
    /// Shares a chat as it is now, under the link that it has already or a new one. `snapshot` is what readers
    /// get to see, a JSON object.
    pub async fn share(&self, id: &ChatId, snapshot: String) -> Result<ShareId, WorkspaceError> {
        self.require(Permission::ChatShare)?;
        let (row, permit) = self.own(id).await?;
        if snapshot.len() > MOST_SNAPSHOT {
            let words = "The chat is too large to be shared: its texts have more than 32 MiB together.";
            return Err(WorkspaceError::Input { field: "chat", words });
        }
        let inner = self.inner();
        let now = inner.world.now();
        let share = Share {
            id: secret_id(&inner.world),
            chat: id.clone(),
            owner: row.head.owner,
            title: row.head.title,
            snapshot,
            created_at: now,
            updated_at: now,
        };
        Ok(shares::put(&inner.db, &share, &permit).await?)
    }

    /// Ends the link of a chat; `false` when it had none.
    pub async fn unshare(&self, id: &ChatId) -> Result<bool, WorkspaceError> {
        let (_, permit) = self.own(id).await?;
        Ok(shares::revoke(&self.inner().db, id, &permit).await?)
    }

    /// Ends all of my links.
    pub async fn unshare_all(&self) -> Result<(), WorkspaceError> {
        shares::revoke_all(&self.inner().db, &self.person().user, self.permit()).await?;
        Ok(())
    }

    /// What I share, the latest first, 60 a page, without what is in it.
    pub async fn shared(&self, page: u32) -> Result<Vec<Share>, WorkspaceError> {
        Ok(shares::list(&self.inner().db, &self.person().user, Page::new(page, PAGE)).await?)
    }
}

impl Workspace {
    /// What is shared under a link. Whether its owner may still share is the caller's to ask.
    pub async fn shared(&self, id: &ShareId) -> Result<Option<Share>, WorkspaceError> {
        Ok(shares::by_id(&self.inner().db, id).await?)
    }
}

/// The link is the only thing that opens the copy, so it has 192 random bits and no time in it.
fn secret_id(world: &World) -> ShareId {
    let text = world.bytes::<24>().iter().fold(String::with_capacity(48), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    });
    text.parse().expect("hexadecimal digits are an identifier")
}
