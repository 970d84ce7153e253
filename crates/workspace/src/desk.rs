//! The workspace as one person sees it. Every look and every change goes through here, and finds the
//! person's own chats only: somebody else's is answered exactly like a missing one.

use std::{collections::HashMap, sync::Arc};

use kernel::{
    ChatHead, ChatId, ChatRow, Message, MessageId, Permission, Permit, Person, ShareId, TurnId, UseWorkspace,
    WriteChat,
    audit::{Entry, Event},
};
use store::{
    Page,
    chats::{self, ChatUpdate, Found, ListFilter, Updated},
};

use crate::{
    ChatChange, Follower, NewTurn, StartedTurn, WorkspaceError,
    change::{LONGEST_CONTENT, LONGEST_TITLE},
    title::UNTITLED,
    tree::{MOST_TEXT, TreeError, text_of},
    turn,
    workspace::Inner,
};

/// Chats on one page of a list.
const PAGE: u32 = 60;

/// One person's place in the workspace.
pub struct Desk {
    inner: Arc<Inner>,
    person: Person,
    permit: Permit<UseWorkspace>,
}

/// A chat with its messages, and the turns that write in it.
#[derive(Debug, Clone)]
pub struct OpenChat {
    /// What belongs to no single message.
    pub row: ChatRow,
    /// All messages, oldest first.
    pub messages: Vec<Message>,
    /// Answers being written by this process.
    pub active: Vec<ActiveTurn>,
    /// The link under which a copy of it is shared.
    pub share: Option<ShareId>,
    /// How often administrators read it.
    pub admin_reads: u64,
}

/// A turn that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveTurn {
    /// Which.
    pub id: TurnId,
    /// The answer it writes.
    pub message: MessageId,
}

impl Desk {
    pub(crate) const fn new(inner: Arc<Inner>, person: Person, permit: Permit<UseWorkspace>) -> Self {
        Self { inner, person, permit }
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) const fn person(&self) -> &Person {
        &self.person
    }

    pub(crate) const fn permit(&self) -> &Permit<UseWorkspace> {
        &self.permit
    }

    /// Refuses with 403 `permission_missing` whoever lacks the permission at this moment.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), WorkspaceError> {
        self.person.rights.require(permission).map_err(WorkspaceError::NotAllowed)
    }

    /// My chats, the one changed last first; 60 a page, all of them without a page. Pages count from 1.
    pub async fn list(&self, filter: ListFilter, page: Option<u32>) -> Result<Vec<ChatHead>, WorkspaceError> {
        let page = page.map(|number| Page::new(number, PAGE));
        Ok(chats::list(&self.inner.db, &self.person.user, filter, page).await?)
    }

    /// My chats that have the text in the title or in a message, 60 a page.
    pub async fn search(&self, text: &str, page: u32) -> Result<Vec<Found>, WorkspaceError> {
        let page = Page::new(page, PAGE);
        Ok(chats::search(&self.inner.db, &self.person.user, text.trim(), page).await?)
    }

    /// One of my chats.
    pub async fn open(&self, id: &ChatId) -> Result<OpenChat, WorkspaceError> {
        let (row, _) = self.own(id).await?;
        self.with_messages(row).await
    }

    /// Begins a chat, empty or with messages.
    pub async fn create(&self, change: &ChatChange) -> Result<OpenChat, WorkspaceError> {
        let (row, messages) = self.draft(change)?;
        chats::create(&self.inner.db, &row, &messages, &self.permit).await?;
        self.open(&row.head.id).await
    }

    /// A chat of mine that is not stored yet.
    pub(crate) fn draft(&self, change: &ChatChange) -> Result<(ChatRow, Vec<Message>), WorkspaceError> {
        self.may_keep()?;
        change.check()?;
        self.may_choose(change, "{}")?;
        self.may_say(change, &[])?;
        let now = self.inner.world.now();
        let messages = change.changed_messages(&[], |_| false, now)?;
        self.may_instruct_by(&messages)?;
        if change.current.as_ref().is_some_and(|id| messages.iter().all(|message| message.id != *id)) {
            return Err(no_such_leaf());
        }
        let head = ChatHead {
            id: ChatId::new(&self.inner.world),
            owner: self.person.user.clone(),
            title: change.clean_title().unwrap_or_else(|| UNTITLED.to_owned()),
            is_pinned: false,
            is_archived: false,
            created_at: now,
            updated_at: now,
        };
        let row = ChatRow {
            head,
            current: change.current.clone().or_else(|| messages.last().map(|message| message.id.clone())),
            models: change.models.clone().unwrap_or_default(),
            extra: change.merged_extra("{}").unwrap_or_else(|| "{}".to_owned()),
            meta: "{}".to_owned(),
        };
        Ok((row, messages))
    }

    /// Merges a change into a chat; what does not differ is not written.
    pub async fn update(&self, id: &ChatId, change: &ChatChange) -> Result<OpenChat, WorkspaceError> {
        change.check()?;
        let (row, permit) = self.own(id).await?;
        self.may_choose(change, &row.extra)?;
        let (db, now) = (&self.inner.db, self.inner.world.now());
        let messages = if change.messages.is_empty() {
            Vec::new()
        } else {
            let stored = chats::messages_of(db, id).await?;
            let is_written = |message: &MessageId| self.inner.turns.is_written(id, message);
            let changed = change.changed_messages(&stored, is_written, now)?;
            self.may_say(change, &stored)?;
            self.may_instruct_by(&changed)?;
            changed
        };
        let update = ChatUpdate {
            messages,
            current: change.current.clone().filter(|leaf| row.current.as_ref() != Some(leaf)),
            title: change.clean_title().filter(|title| *title != row.head.title),
            models: change.models.clone().filter(|models| *models != row.models),
            extra: change.merged_extra(&row.extra),
            meta: None,
        };
        self.write(id, &update, &permit).await?;
        self.open(id).await
    }

    async fn write(
        &self,
        id: &ChatId,
        update: &ChatUpdate,
        permit: &Permit<WriteChat>,
    ) -> Result<(), WorkspaceError> {
        match chats::update(&self.inner.db, id, update, self.inner.world.now(), permit).await? {
            Updated::Done => Ok(()),
            Updated::NoChat => Err(WorkspaceError::Missing("chat")),
            Updated::NoMessage => Err(no_such_leaf()),
        }
    }

    /// Deletes a chat and stops what is being written in it.
    pub async fn delete(&self, id: &ChatId) -> Result<(), WorkspaceError> {
        let (_, permit) = self.own(id).await?;
        self.require(Permission::ChatDelete)?;
        let is_deleted = chats::delete(&self.inner.db, id, &permit).await?;
        self.inner.turns.stop(|turn| turn.chat == *id);
        if is_deleted { Ok(()) } else { Err(WorkspaceError::Missing("chat")) }
    }

    /// Deletes all of my chats.
    pub async fn delete_all(&self) -> Result<(), WorkspaceError> {
        self.require(Permission::ChatDelete)?;
        chats::delete_all(&self.inner.db, &self.person.user, &self.permit).await?;
        self.inner.turns.stop(|turn| turn.owner == self.person.user);
        Ok(())
    }

    /// Pins a chat, or unpins it.
    pub async fn toggle_pinned(&self, id: &ChatId) -> Result<OpenChat, WorkspaceError> {
        let (row, permit) = self.own(id).await?;
        let head = chats::toggle_pinned(&self.inner.db, id, &permit).await?;
        self.with_head(row, head).await
    }

    /// Whether a chat is pinned.
    pub async fn is_pinned(&self, id: &ChatId) -> Result<bool, WorkspaceError> {
        Ok(self.own(id).await?.0.head.is_pinned)
    }

    /// Archives a chat, or brings it back.
    pub async fn toggle_archived(&self, id: &ChatId) -> Result<OpenChat, WorkspaceError> {
        let (row, permit) = self.own(id).await?;
        let head = chats::toggle_archived(&self.inner.db, id, &permit).await?;
        self.with_head(row, head).await
    }

    /// Copies a chat with new ids. An answer that is being written is copied as far as it got.
    pub async fn copy(&self, id: &ChatId) -> Result<OpenChat, WorkspaceError> {
        self.may_keep()?;
        let OpenChat { row, mut messages, .. } = self.open(id).await?;
        let (world, now) = (&self.inner.world, self.inner.world.now());
        let renamed: HashMap<MessageId, MessageId> =
            messages.iter().map(|message| (message.id.clone(), MessageId::new(world))).collect();
        for message in &mut messages {
            message.id = renamed[&message.id].clone();
            message.parent = message.parent.as_ref().and_then(|parent| renamed.get(parent)).cloned();
            message.is_stopped |= !message.is_done;
            message.is_done = true;
        }
        let title: String = format!("Copy of {}", row.head.title).chars().take(LONGEST_TITLE).collect();
        let head = ChatHead {
            id: ChatId::new(world),
            title,
            is_pinned: false,
            is_archived: false,
            created_at: now,
            updated_at: now,
            ..row.head
        };
        let current = row.current.as_ref().and_then(|current| renamed.get(current)).cloned();
        let row = ChatRow { head, current, ..row };
        chats::create(&self.inner.db, &row, &messages, &self.permit).await?;
        self.open(&row.head.id).await
    }

    /// Changes the text of a message.
    pub async fn edit_message(
        &self,
        chat: &ChatId,
        message: &MessageId,
        content: String,
    ) -> Result<OpenChat, WorkspaceError> {
        if content.len() > LONGEST_CONTENT {
            return Err(WorkspaceError::Input {
                field: "content",
                words: "A message has at most 4 MiB of text.",
            });
        }
        let (_, permit) = self.own(chat).await?;
        self.require(Permission::ChatEdit)?;
        let stored = chats::message(&self.inner.db, chat, message).await?;
        let stored = stored.ok_or(WorkspaceError::Missing("message"))?;
        if self.inner.turns.is_written(chat, message) {
            return Err(WorkspaceError::StillWritten);
        }
        if stored.content != content {
            let grows = content.len() > stored.content.len();
            if grows && text_of(&chats::messages_of(&self.inner.db, chat).await?) + content.len() > MOST_TEXT
            {
                return Err(TreeError::TooLarge.into());
            }
            let update =
                ChatUpdate { messages: vec![Message { content, ..stored }], ..ChatUpdate::default() };
            self.write(chat, &update, &permit).await?;
        }
        self.open(chat).await
    }

    /// Deletes a message and everything that was said after it, and stops what is being written there.
    pub async fn delete_message(
        &self,
        chat: &ChatId,
        message: &MessageId,
    ) -> Result<OpenChat, WorkspaceError> {
        let (_, permit) = self.own(chat).await?;
        self.require(Permission::ChatDeleteMessage)?;
        let now = self.inner.world.now();
        let gone =
            chats::delete_message_with_descendants(&self.inner.db, chat, message, now, &permit).await?;
        if gone.is_empty() {
            return Err(WorkspaceError::Missing("message"));
        }
        self.inner.turns.stop(|turn| turn.chat == *chat && gone.contains(&turn.message));
        self.open(chat).await
    }

    /// Begins an answer. It is written to its end whether or not anybody watches.
    pub async fn start_turn(&self, chat: &ChatId, new: NewTurn) -> Result<StartedTurn, WorkspaceError> {
        let (mut row, permit) = self.own(chat).await?;
        self.may_keep()?;
        if matches!(new, NewTurn::Again { .. }) {
            self.require(Permission::ChatRegenerateResponse)?;
        }
        row.extra = self.usable(&row.extra);
        turn::start(&self.inner, row, permit, new).await
    }

    /// Stops an answer; what was written stays. One that is just over is left as it is.
    pub async fn stop_turn(&self, chat: &ChatId, turn: &TurnId) -> Result<(), WorkspaceError> {
        let found = self.turn(chat, turn).await?;
        if found.is_over() || found.stop.is_cancelled() {
            return Ok(());
        }
        let entry = Entry::done(Event::TurnStopped, self.permit.by()).on(turn).with("chat", chat.as_str());
        store::audit::record(&self.inner.db, &entry).await?;
        found.stop.cancel();
        Ok(())
    }

    /// Watches an answer from after event `seen` on; 0 is the begin.
    pub async fn follow_turn(
        &self,
        chat: &ChatId,
        turn: &TurnId,
        seen: u64,
    ) -> Result<Follower, WorkspaceError> {
        Ok(self.turn(chat, turn).await?.follow(seen))
    }

    async fn turn(&self, chat: &ChatId, turn: &TurnId) -> Result<Arc<turn::Turn>, WorkspaceError> {
        self.own(chat).await?;
        self.inner.turns.find(chat, turn).ok_or(WorkspaceError::Missing("turn"))
    }

    pub(crate) async fn own(&self, id: &ChatId) -> Result<(ChatRow, Permit<WriteChat>), WorkspaceError> {
        let row = chats::row_by_id(&self.inner.db, id).await?;
        let owned = row.and_then(|row| {
            let permit = self.permit.by().may_write_chat(&row.head.owner)?;
            Some((row, permit))
        });
        owned.ok_or(WorkspaceError::Missing("chat"))
    }

    async fn with_head(&self, row: ChatRow, head: Option<ChatHead>) -> Result<OpenChat, WorkspaceError> {
        let head = head.ok_or(WorkspaceError::Missing("chat"))?;
        self.with_messages(ChatRow { head, ..row }).await
    }

    async fn with_messages(&self, row: ChatRow) -> Result<OpenChat, WorkspaceError> {
        Self::open_row(&self.inner, row).await
    }

    /// A chat with its messages, for somebody who was found to be allowed to see it.
    pub(crate) async fn open_row(inner: &Inner, row: ChatRow) -> Result<OpenChat, WorkspaceError> {
        let messages = chats::messages_of(&inner.db, &row.head.id).await?;
        // A turn may end while the messages are read: whoever is shown half an answer is also told where
        // the rest of it is.
        let is_half = |id: &MessageId| messages.iter().any(|message| message.id == *id && !message.is_done);
        let turns = inner.turns.in_chat(&row.head.id).into_iter();
        let active = turns
            .filter(|turn| !turn.is_over() || is_half(&turn.message))
            .map(|turn| ActiveTurn { id: turn.id.clone(), message: turn.message.clone() })
            .collect();
        let (share, admin_reads) = store::shares::marks_of(&inner.db, &row.head.id).await?;
        Ok(OpenChat { row, messages, active, share, admin_reads })
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.person.user)
    }
}

fn no_such_leaf() -> WorkspaceError {
    WorkspaceError::Input {
        field: "chat.history.currentId",
        words: "There is no such message in this chat. Load the chat again.",
    }
}
