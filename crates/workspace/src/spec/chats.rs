//! Chats: whose they are, what a change writes, how they are copied and deleted.

use kernel::{MessageRole, Timestamp};
use serde_json::json;

use super::{Room, code};
use crate::{ChatChange, ListFilter, MessageDraft, UNTITLED};

fn draft(id: &str, parent: Option<&str>) -> MessageDraft {
    MessageDraft {
        id: id.parse().unwrap(),
        parent: parent.map(|parent| parent.parse().unwrap()),
        role: MessageRole::User,
        content: format!("words of {id}"),
        model: None,
        timestamp: None,
        reasoning: None,
        tool_calls: Vec::new(),
        error: None,
        is_stopped: false,
        extra: serde_json::Map::new(),
    }
}

/// `q` with the answers `a1` and `a2`, and `q2` below `a2`.
fn branched() -> ChatChange {
    let messages =
        vec![draft("q", None), draft("a1", Some("q")), draft("a2", Some("q")), draft("q2", Some("a2"))];
    ChatChange { messages, title: Some("Branches".to_owned()), ..ChatChange::default() }
}

fn titled(title: &str) -> ChatChange {
    ChatChange { title: Some(title.to_owned()), ..ChatChange::default() }
}

#[tokio::test]
async fn a_strangers_chat_is_answered_like_a_missing_one_and_stays_as_it_is() {
    let room = Room::new().await;
    let (ada, bob) = (room.desk("ada"), room.desk("bob"));
    let chat = ada.create(&branched()).await.unwrap().row.head.id;
    let missing = "chat_nowhere".parse().unwrap();
    let message = "q".parse().unwrap();

    for id in [&chat, &missing] {
        assert_eq!(code(bob.open(id).await), "not_found");
        assert_eq!(code(bob.update(id, &titled("Mine")).await), "not_found");
        assert_eq!(code(bob.delete(id).await), "not_found");
        assert_eq!(code(bob.toggle_pinned(id).await), "not_found");
        assert_eq!(code(bob.is_pinned(id).await), "not_found");
        assert_eq!(code(bob.toggle_archived(id).await), "not_found");
        assert_eq!(code(bob.copy(id).await), "not_found");
        assert_eq!(code(bob.edit_message(id, &message, "mine".to_owned()).await), "not_found");
        assert_eq!(code(bob.delete_message(id, &message).await), "not_found");
    }
    bob.delete_all().await.unwrap();

    assert_eq!(bob.list(ListFilter::default(), None).await.unwrap().len(), 0);
    assert_eq!(bob.search("words", 1).await.unwrap().len(), 0);
    let open = ada.open(&chat).await.unwrap();
    assert_eq!(open.row.head.title, "Branches");
    assert!(!open.row.head.is_pinned && !open.row.head.is_archived);
    assert_eq!(open.contents(), ["words of a1", "words of a2", "words of q", "words of q2"]);
}

#[tokio::test]
async fn a_change_merges_by_field_and_leaves_the_rest() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let extra = |value: serde_json::Value| value.as_object().unwrap().clone();
    let first = ChatChange { extra: extra(json!({ "params": { "seed": 1 }, "tags": ["x"] })), ..branched() };
    let chat = ada.create(&first).await.unwrap().row.head.id;

    let second = ChatChange {
        models: Some(vec!["m".to_owned()]),
        extra: extra(json!({ "params": {} })),
        messages: vec![MessageDraft { content: "other words".to_owned(), ..draft("a1", Some("q")) }],
        ..ChatChange::default()
    };
    let open = ada.update(&chat, &second).await.unwrap();

    assert_eq!(open.row.head.title, "Branches");
    assert_eq!(open.row.models, ["m"]);
    let stored: serde_json::Value = serde_json::from_str(&open.row.extra).unwrap();
    assert_eq!(stored, json!({ "params": {}, "tags": ["x"] }));
    assert_eq!(open.messages.len(), 4);
    assert_eq!(open.message(&"a1".parse().unwrap()).content, "other words");
}

#[tokio::test]
async fn the_branch_that_is_shown_is_remembered_and_must_exist() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.create(&branched()).await.unwrap();
    assert_eq!(chat.row.current.unwrap().as_str(), "q2");
    let id = chat.row.head.id;

    let show = |leaf: &str| ChatChange { current: Some(leaf.parse().unwrap()), ..ChatChange::default() };
    let open = ada.update(&id, &show("a1")).await.unwrap();
    assert_eq!(open.row.current.unwrap().as_str(), "a1");
    assert_eq!(open.row.head.updated_at, chat.row.head.updated_at);
    assert_eq!(code(ada.update(&id, &show("nobody")).await), "invalid_value");
    assert_eq!(ada.open(&id).await.unwrap().row.current.unwrap().as_str(), "a1");
    assert_eq!(code(ada.create(&show("nobody")).await), "invalid_value");
}

#[tokio::test]
async fn a_change_that_leaves_no_tree_changes_nothing() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.create(&branched()).await.unwrap().row.head.id;
    let circle =
        ChatChange { messages: vec![draft("new", None), draft("q", Some("q2"))], ..titled("Circle") };
    assert_eq!(code(ada.update(&chat, &circle).await), "invalid_tree");
    let open = ada.open(&chat).await.unwrap();
    assert_eq!((open.messages.len(), open.row.head.title.as_str()), (4, "Branches"));
}

#[tokio::test]
async fn editing_a_message_moves_the_chat_up_and_editing_it_into_itself_does_not() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let before = ada.create(&branched()).await.unwrap();
    let (chat, message) = (before.row.head.id, "a1".parse().unwrap());
    let same = ada.edit_message(&chat, &message, "words of a1".to_owned()).await.unwrap();
    assert_eq!(same.row.head.updated_at, before.row.head.updated_at);
    let edited = ada.edit_message(&chat, &message, "other words".to_owned()).await.unwrap();
    assert!(edited.row.head.updated_at > before.row.head.updated_at);
    assert_eq!(edited.message(&message).content, "other words");
}

#[tokio::test]
async fn a_message_is_deleted_with_everything_said_after_it() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.create(&branched()).await.unwrap().row.head.id;
    let open = ada.delete_message(&chat, &"a2".parse().unwrap()).await.unwrap();
    assert_eq!(open.contents(), ["words of a1", "words of q"]);
    assert_eq!(open.row.current.unwrap().as_str(), "q");
    assert_eq!(code(ada.delete_message(&chat, &"a2".parse().unwrap()).await), "not_found");
}

#[tokio::test]
async fn a_copy_has_ids_of_its_own_and_the_same_shape() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.create(&branched()).await.unwrap();
    let copy = ada.copy(&chat.row.head.id).await.unwrap();

    assert_eq!(copy.row.head.title, "Copy of Branches");
    let mut contents = copy.contents();
    contents.sort_unstable();
    assert_eq!(contents, ["words of a1", "words of a2", "words of q", "words of q2"]);
    assert!(copy.messages.iter().all(|message| chat.messages.iter().all(|it| it.id != message.id)));
    let leaf = copy.message(copy.row.current.as_ref().unwrap());
    assert_eq!(leaf.content, "words of q2");
    assert_eq!(copy.message(leaf.parent.as_ref().unwrap()).content, "words of a2");

    ada.delete(&copy.row.head.id).await.unwrap();
    assert_eq!(ada.open(&chat.row.head.id).await.unwrap().messages.len(), 4);
}

#[tokio::test]
async fn pins_archives_and_lists_go_together() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let (one, two) = (ada.new_chat().await, ada.new_chat().await);
    assert!(ada.toggle_pinned(&one).await.unwrap().row.head.is_pinned);
    assert!(ada.is_pinned(&one).await.unwrap());
    assert!(ada.toggle_archived(&two).await.unwrap().row.head.is_archived);

    let ids = |heads: Vec<kernel::ChatHead>| heads.into_iter().map(|head| head.id).collect::<Vec<_>>();
    let with = |is_archived, is_pinned| ListFilter { is_archived: Some(is_archived), is_pinned };
    assert_eq!(ids(ada.list(with(false, None), Some(1)).await.unwrap()), std::slice::from_ref(&one));
    assert_eq!(ids(ada.list(with(false, Some(true)), None).await.unwrap()), std::slice::from_ref(&one));
    assert_eq!(ids(ada.list(with(false, Some(false)), None).await.unwrap()), []);
    assert_eq!(ids(ada.list(with(true, None), None).await.unwrap()), std::slice::from_ref(&two));

    assert!(!ada.toggle_archived(&two).await.unwrap().row.head.is_archived);
    assert!(!ada.toggle_pinned(&one).await.unwrap().row.head.is_pinned);
    assert_eq!(ada.list(with(false, None), None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_sixty_first_chat_is_on_the_second_page() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    for _ in 0..61 {
        ada.new_chat().await;
    }
    let page = async |page| ada.list(ListFilter::default(), page).await.unwrap().len();
    assert_eq!((page(Some(1)).await, page(Some(2)).await, page(None).await), (60, 1, 61));
}

#[tokio::test]
async fn a_new_chat_is_untitled_and_a_rename_does_not_move_it_up() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.create(&titled("  ")).await.unwrap();
    assert_eq!(chat.row.head.title, UNTITLED);
    let renamed = ada.update(&chat.row.head.id, &titled("A name")).await.unwrap();
    assert_eq!(renamed.row.head.title, "A name");
    assert_eq!(renamed.row.head.updated_at, chat.row.head.updated_at);
    assert!(renamed.row.head.created_at > Timestamp::from_seconds(0));
}
