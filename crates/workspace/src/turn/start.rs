//! Begins a turn: checks the question, adds it and the empty answer to the chat, and starts to write.

use std::sync::Arc;

use bytes::Bytes;
use kernel::{Caller, ChatRow, Message, MessageId, MessageRole, ModelId, Permit, TurnId, WriteChat};
use serde_json::json;
use store::chats::BegunTurn;
use tokio::sync::oneshot;

use super::{
    live::Turn,
    prompt,
    registry::Seat,
    run::{self, Work},
};
use crate::{
    WorkspaceError,
    change::LONGEST_CONTENT,
    rights::may_instruct,
    title::UNTITLED,
    tree::{DEEPEST, MOST_MESSAGES, MOST_TEXT, Tree, TreeError, text_of},
    workspace::Inner,
};

/// What to begin.
#[derive(Debug, Clone)]
pub enum NewTurn {
    /// Ask something new below a message, or at the root.
    Ask {
        /// The public name of the model.
        model: String,
        /// What the question hangs below.
        parent: Option<MessageId>,
        /// The question.
        content: String,
    },
    /// Ask an old question again, for another answer beside the ones it has.
    Again {
        /// The public name of the model.
        model: String,
        /// The question.
        question: MessageId,
    },
}

/// A turn that began.
#[derive(Debug, Clone)]
pub struct StartedTurn {
    /// Which.
    pub id: TurnId,
    /// The new question, when there is one.
    pub question: Option<Message>,
    /// The answer, still empty.
    pub answer: Message,
}

/// A turn that is ready to begin.
struct Draft {
    turn: Arc<Turn>,
    seat: Seat,
    question: Option<Message>,
    answer: Message,
    /// The chat's models, when they are to change.
    models: Option<Vec<String>>,
    body: Bytes,
    untitled: Option<String>,
}

/// Begins a turn in this chat, which is the caller's.
pub(crate) async fn start(
    inner: &Arc<Inner>,
    chat: ChatRow,
    permit: Permit<WriteChat>,
    new: NewTurn,
) -> Result<StartedTurn, WorkspaceError> {
    if inner.shutdown.is_cancelled() {
        return Err(WorkspaceError::ShuttingDown);
    }
    let messages = store::chats::messages_of(&inner.db, &chat.head.id).await?;
    let draft = draft(inner, &chat, &messages, new, permit.by())?;
    let (tell, told) = oneshot::channel();
    // From here on in a task of its own: whoever asked may go away between the two halves, and an answer
    // without a turn would stay unfinished.
    inner.tasks.spawn(begin(inner.clone(), permit, draft, tell));
    told.await.map_err(|_| WorkspaceError::Failed)?
}

async fn begin(
    inner: Arc<Inner>,
    permit: Permit<WriteChat>,
    draft: Draft,
    tell: oneshot::Sender<Result<StartedTurn, WorkspaceError>>,
) {
    // Before the messages are there, so that nobody ever reads an unfinished answer without its turn.
    inner.turns.enter(draft.turn.clone());
    if let Err(error) = add(&inner, &draft, &permit).await {
        inner.turns.leave(&draft.turn.id);
        // Whoever asked may be gone.
        drop(tell.send(Err(error)));
        return;
    }
    let Draft { turn, seat, question, answer, body, untitled, .. } = draft;
    drop(tell.send(Ok(StartedTurn { id: turn.id.clone(), question, answer })));
    run::run(Work { inner, turn, seat, permit, body, untitled }).await;
}

/// Two rows, however long the chat is, and the chat's own.
async fn add(inner: &Inner, draft: &Draft, permit: &Permit<WriteChat>) -> Result<(), WorkspaceError> {
    let turn = BegunTurn {
        id: &draft.turn.id,
        question: draft.question.as_ref(),
        answer: &draft.answer,
        models: draft.models.as_deref(),
    };
    let (chat, now) = (&draft.turn.chat, draft.answer.created_at);
    Ok(store::chats::begin_turn(&inner.db, chat, &turn, now, permit).await?)
}

fn draft(
    inner: &Inner,
    chat: &ChatRow,
    messages: &[Message],
    new: NewTurn,
    by: &Caller,
) -> Result<Draft, WorkspaceError> {
    let tree = Tree::of(messages);
    if messages.len() + 2 > MOST_MESSAGES {
        return Err(TreeError::TooMany.into());
    }
    if text_of(messages) > MOST_TEXT {
        return Err(TreeError::TooLarge.into());
    }
    let now = inner.world.now();
    let (model, question, is_new) = match new {
        NewTurn::Ask { model, parent, content } => {
            check_question(&content)?;
            check_parent(inner, chat, &tree, parent.as_ref())?;
            let id = MessageId::new(&inner.world);
            let message = blank(id, parent, MessageRole::User, &model, now);
            (model, Message { content, is_done: true, ..message }, true)
        }
        NewTurn::Again { model, question } => {
            let question = tree.get(&question).filter(|message| message.role == MessageRole::User);
            (model, question.ok_or(WorkspaceError::Missing("question"))?.clone(), false)
        }
    };
    if ModelId::parse(&model).is_none() {
        return input("model", "The model name must have 1 to 256 bytes and no control characters.");
    }
    let answer_id = MessageId::new(&inner.world);
    let answer = Message {
        extra: json!({ "modelName": shown_name(inner, &model) }).to_string(),
        ..blank(answer_id, Some(question.id.clone()), MessageRole::Assistant, &model, now)
    };
    let mut branch = question.parent.as_ref().map(|parent| tree.path_to(parent)).unwrap_or_default();
    if branch.len() + 2 > DEEPEST {
        return Err(TreeError::TooDeep.into());
    }
    branch.push(&question);
    // Also what was stored while the person still had the permission.
    if !by.person().is_some_and(|person| may_instruct(&person.rights)) {
        branch.retain(|message| message.role != MessageRole::System);
    }
    let body = prompt::of(&model, &branch, &chat.extra);
    let owner = &chat.head.owner;
    let turn = Turn::new(TurnId::new(&inner.world), chat.head.id.clone(), owner.clone(), answer.id.clone());
    Ok(Draft {
        turn: Arc::new(turn),
        seat: inner.turns.seat(owner)?,
        models: (!chat.models.contains(&model)).then(|| vec![model]),
        body,
        untitled: (chat.head.title == UNTITLED).then(|| question.content.clone()),
        question: is_new.then_some(question),
        answer,
    })
}

fn input<T>(field: &'static str, words: &'static str) -> Result<T, WorkspaceError> {
    Err(WorkspaceError::Input { field, words })
}

fn check_question(content: &str) -> Result<(), WorkspaceError> {
    if content.trim().is_empty() {
        return input("content", "The message is empty. Write something to ask.");
    }
    if content.len() > LONGEST_CONTENT {
        return input("content", "A message has at most 4 MiB of text.");
    }
    Ok(())
}

fn check_parent(
    inner: &Inner,
    chat: &ChatRow,
    tree: &Tree<'_>,
    parent: Option<&MessageId>,
) -> Result<(), WorkspaceError> {
    let Some(parent) = parent else { return Ok(()) };
    if tree.get(parent).is_none() {
        return input("parent_id", "There is no such message in this chat. Load the chat again.");
    }
    // Half an answer is no ground to go on from.
    if inner.turns.is_written(&chat.head.id, parent) {
        return Err(WorkspaceError::StillWritten);
    }
    Ok(())
}

fn blank(
    id: MessageId,
    parent: Option<MessageId>,
    role: MessageRole,
    model: &str,
    created_at: kernel::Timestamp,
) -> Message {
    Message {
        id,
        parent,
        role,
        content: String::new(),
        model: Some(model.to_owned()),
        is_done: false,
        reasoning: None,
        tool_calls: Vec::new(),
        error: None,
        is_stopped: false,
        provenance: None,
        extra: "{}".to_owned(),
        created_at,
    }
}

/// The model's name for people, as it is now.
fn shown_name(inner: &Inner, model: &str) -> String {
    inner.gateway.catalog().find(model).map_or_else(|| model.to_owned(), |target| target.name.clone())
}
