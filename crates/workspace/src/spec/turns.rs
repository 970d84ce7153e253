//! Turns: an answer is written to its end whoever watches, can be stopped, and is never lost.

use std::time::Duration;

use kernel::{Message, MessageId, MessageRole, Timestamp};

use super::{Room, caller, code, said, text};
use crate::{ChatChange, EndReason, NewTurn, TurnEvent, UNTITLED, WorkspaceError};

/// How it ended; everything before the last event is anything but an end.
fn end(events: &[TurnEvent]) -> EndReason {
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::End { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "{events:?}");
    assert!(matches!(events.last(), Some(TurnEvent::End { .. })));
    ends[0]
}

fn error_code(events: &[TurnEvent]) -> Option<&str> {
    events.iter().find_map(|event| match event {
        TurnEvent::Error(error) => Some(error.code.as_str()),
        _ => None,
    })
}

fn titles<'a>(events: &'a [TurnEvent]) -> Vec<&'a str> {
    let title = |event: &'a TurnEvent| match event {
        TurnEvent::Title(title) => Some(title.as_str()),
        _ => None,
    };
    events.iter().filter_map(title).collect()
}

/// Waits until the answer has some text.
async fn begun(room: &Room, chat: &kernel::ChatId, turn: &crate::StartedTurn) {
    let mut follower = room.desk("ada").follow_turn(chat, &turn.id, 0).await.unwrap();
    while let Some((_, event)) = follower.next().await {
        if matches!(event, TurnEvent::Delta(_)) {
            return;
        }
    }
    panic!("the answer ended before it began");
}

#[tokio::test]
async fn an_answer_is_saved_with_what_it_took() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/echo", None, "Hello again, world").await;
    assert_eq!(ada.open(&chat).await.unwrap().active.len(), 1);
    let events = ada.watch(&chat, &turn).await;

    assert_eq!((end(&events), text(&events).as_str()), (EndReason::Stop, "Hello again, world"));
    let open = ada.open(&chat).await.unwrap();
    assert_eq!(open.active, []);
    assert_eq!(open.row.current.as_ref(), Some(&turn.answer.id));
    assert_eq!(open.row.models, ["demo/echo"]);
    let answer = open.message(&turn.answer.id);
    assert!(answer.is_done && answer.error.is_none() && !answer.is_stopped);
    assert_eq!(answer.content, "Hello again, world");
    assert_eq!(answer.parent.as_ref(), turn.question.as_ref().map(|question| &question.id));
    let took = answer.provenance.unwrap();
    assert_eq!(took.tokens.completion, 3);
    assert!(took.tokens.prompt > 0 && took.cost.is_some() && !took.connection.is_empty());
    assert!(took.first_token_milliseconds.unwrap() <= took.milliseconds);
    let Some(TurnEvent::End { provenance: Some(told), .. }) = events.last() else { panic!("no provenance") };
    assert_eq!(told.tokens, took.tokens);
}

#[tokio::test]
async fn thoughts_and_tools_are_kept_apart_from_the_text() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/reasoning", None, "Why?").await;
    ada.watch(&chat, &turn).await;
    let answer = ada.message(&chat, &turn.answer.id).await;
    assert!(answer.reasoning.unwrap().starts_with("The person wants"));
    assert!(answer.content.contains("Why?") && !answer.content.contains("The person wants"));

    let turn = ada.ask(&chat, "demo/tools", None, "Oslo").await;
    assert_eq!(end(&ada.watch(&chat, &turn).await), EndReason::ToolCalls);
    let calls = ada.message(&chat, &turn.answer.id).await.tool_calls;
    assert_eq!((calls.len(), calls[0].name.as_str()), (1, "get_weather"));
    assert!(calls[0].arguments.contains("Oslo") && calls[0].arguments.ends_with('}'));
}

#[tokio::test]
async fn an_answer_goes_on_when_nobody_watches_and_is_saved_while_it_grows() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    begun(&room, &chat, &turn).await;

    // The watcher is gone; somebody looks into the chat again and again.
    let grown = async {
        loop {
            let message = ada.message(&chat, &turn.answer.id).await;
            if !message.content.is_empty() {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let half = tokio::time::timeout(Duration::from_secs(10), grown).await.unwrap();
    assert!(!half.is_done);
    ada.stop_turn(&chat, &turn.id).await.unwrap();
    let events = ada.watch(&chat, &turn).await;
    assert!(text(&events).starts_with(&half.content));
}

#[tokio::test]
async fn a_stopped_answer_keeps_its_text_and_is_charged_for_it() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    begun(&room, &chat, &turn).await;
    ada.stop_turn(&chat, &turn.id).await.unwrap();
    let events = ada.watch(&chat, &turn).await;

    assert_eq!((end(&events), error_code(&events)), (EndReason::Stopped, None));
    let answer = ada.message(&chat, &turn.answer.id).await;
    assert!(answer.is_done && answer.is_stopped && answer.error.is_none());
    assert_eq!(answer.content, text(&events));
    assert!(!answer.content.is_empty() && answer.content.len() < 200, "{}", answer.content);
    assert!(answer.provenance.unwrap().cost.is_some());
    // Pressed once more, it is stopped already.
    ada.stop_turn(&chat, &turn.id).await.unwrap();
}

#[tokio::test]
async fn a_silent_provider_can_be_stopped_too() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/failing", None, "silent").await;
    ada.stop_turn(&chat, &turn.id).await.unwrap();
    assert_eq!(end(&ada.watch(&chat, &turn).await), EndReason::Stopped);
    assert!(ada.message(&chat, &turn.answer.id).await.is_done);
}

#[tokio::test]
async fn a_failed_answer_says_why_and_keeps_what_came() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let cases = [
        ("demo/failing", "fail", "server_error", false),
        ("demo/failing", "401", "provider_auth_error", false),
        ("demo/failing", "nonsense", "provider_bad_answer", false),
        ("demo/failing", "midway", "provider_bad_answer", true),
        ("no/such-model", "hello", "model_not_found", false),
    ];
    for (model, question, expected, has_text) in cases {
        let turn = ada.ask(&chat, model, None, question).await;
        let events = ada.watch(&chat, &turn).await;
        assert_eq!(end(&events), EndReason::Error, "{question}");
        let answer = ada.message(&chat, &turn.answer.id).await;
        let error = answer.error.unwrap();
        assert_eq!(error_code(&events), Some(error.code.as_str()));
        assert_eq!(error.code, expected, "{question}");
        assert!(!error.content.is_empty() && answer.is_done);
        assert_eq!(!answer.content.is_empty(), has_text, "{question}");
        assert_eq!(answer.provenance.is_some(), has_text, "{question}");
    }
}

#[tokio::test]
async fn regenerating_makes_a_sibling_and_editing_makes_a_branch() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let first = ada.ask(&chat, "demo/echo", None, "one").await;
    ada.watch(&chat, &first).await;
    let question = first.question.unwrap().id;

    let again = NewTurn::Again { model: "demo/echo".to_owned(), question: question.clone() };
    let second = ada.start_turn(&chat, again).await.unwrap();
    ada.watch(&chat, &second).await;
    assert!(second.question.is_none());
    assert_eq!(second.answer.parent.as_ref(), Some(&question));

    let edited = ada.ask(&chat, "demo/echo", None, "two").await;
    ada.watch(&chat, &edited).await;
    let open = ada.open(&chat).await.unwrap();
    assert_eq!(open.row.current.as_ref(), Some(&edited.answer.id));
    let roots: Vec<_> = open.messages.iter().filter(|message| message.parent.is_none()).collect();
    assert_eq!(roots.len(), 2);
    assert_eq!(open.message(&first.answer.id).content, "one");
    assert_eq!(open.message(&second.answer.id).content, "one");
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_adds_nothing() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let ask = |model: &str, parent: Option<&str>, content: &str| NewTurn::Ask {
        model: model.to_owned(),
        parent: parent.map(|parent| parent.parse().unwrap()),
        content: content.to_owned(),
    };
    assert_eq!(code(ada.start_turn(&chat, ask("m", None, " \n")).await), "invalid_value");
    assert_eq!(code(ada.start_turn(&chat, ask("", None, "hi")).await), "invalid_value");
    assert_eq!(code(ada.start_turn(&chat, ask("m", Some("nobody"), "hi")).await), "invalid_value");
    let again = NewTurn::Again { model: "m".to_owned(), question: "nobody".parse().unwrap() };
    assert_eq!(code(ada.start_turn(&chat, again).await), "not_found");
    assert_eq!(code(room.desk("bob").start_turn(&chat, ask("m", None, "hi")).await), "not_found");
    assert_eq!(ada.open(&chat).await.unwrap().messages, []);
}

#[tokio::test]
async fn a_strangers_turn_can_neither_be_watched_nor_stopped() {
    let room = Room::new().await;
    let (ada, bob) = (room.desk("ada"), room.desk("bob"));
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    assert_eq!(code(bob.follow_turn(&chat, &turn.id, 0).await), "not_found");
    assert_eq!(code(bob.stop_turn(&chat, &turn.id).await), "not_found");
    // Nor by way of a chat of one's own.
    let own = bob.new_chat().await;
    assert_eq!(code(bob.follow_turn(&own, &turn.id, 0).await), "not_found");
    assert_eq!(ada.open(&chat).await.unwrap().active.len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_being_written_is_neither_edited_nor_answered() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    let below = NewTurn::Ask {
        model: "demo/echo".to_owned(),
        parent: Some(turn.answer.id.clone()),
        content: "hurry".to_owned(),
    };
    assert_eq!(code(ada.start_turn(&chat, below).await), "still_being_written");
    let edited = ada.edit_message(&chat, &turn.answer.id, "mine".to_owned()).await;
    assert_eq!(code(edited), "still_being_written");
}

#[tokio::test]
async fn deleting_what_is_being_written_ends_the_turn() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "one").await;
    let mut watching = ada.follow_turn(&chat, &turn.id, u64::MAX).await.unwrap();
    ada.delete_message(&chat, &turn.question.unwrap().id).await.unwrap();
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), watching.next()).await, Ok(None));

    let turn = ada.ask(&chat, "demo/slow", None, "two").await;
    let mut watching = ada.follow_turn(&chat, &turn.id, u64::MAX).await.unwrap();
    ada.delete(&chat).await.unwrap();
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), watching.next()).await, Ok(None));
}

#[tokio::test]
async fn a_person_has_sixteen_answers_at_once() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let mut turns = Vec::new();
    for n in 0..16 {
        turns.push(ada.ask(&chat, "demo/slow", None, &format!("question {n}")).await);
    }
    let one_more =
        || NewTurn::Ask { model: "demo/echo".to_owned(), parent: None, content: "one more".to_owned() };
    let refused = ada.start_turn(&chat, one_more()).await.unwrap_err();
    assert_eq!(refused, WorkspaceError::TooManyTurns(16));
    assert_eq!(kernel::Refusal::from(refused).kind.status(), 429);

    ada.stop_turn(&chat, &turns[0].id).await.unwrap();
    ada.watch(&chat, &turns[0]).await;
    assert!(ada.start_turn(&chat, one_more()).await.is_ok());
}

#[tokio::test]
async fn an_untitled_chat_is_called_by_its_first_words() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/echo", None, "# How do **wards** work?\nExplain.").await;
    assert_eq!(titles(&ada.watch(&chat, &turn).await), ["How do wards work?"]);
    assert_eq!(ada.open(&chat).await.unwrap().row.head.title, "How do wards work?");

    let turn = ada.ask(&chat, "demo/echo", None, "Another question").await;
    assert_eq!(titles(&ada.watch(&chat, &turn).await), [""; 0]);
}

#[tokio::test]
async fn a_chat_that_was_renamed_keeps_its_name() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    // The title is found when the answer begins; the rename comes before it.
    let name = ChatChange { title: Some("Mine".to_owned()), ..ChatChange::default() };
    ada.update(&chat, &name).await.unwrap();
    begun(&room, &chat, &turn).await;
    ada.stop_turn(&chat, &turn.id).await.unwrap();
    assert_eq!(titles(&ada.watch(&chat, &turn).await), [""; 0]);
    assert_eq!(ada.open(&chat).await.unwrap().row.head.title, "Mine");
}

#[tokio::test]
async fn the_task_model_names_the_chat_and_when_it_fails_the_first_words_do() {
    // The demo's echo answers with the question, so what it suggests can be told from the first words
    // only by the model that is asked: markdown answers with a page of its own.
    let room = Room::with(&[("TASK_MODEL", "demo/markdown")]).await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/echo", None, "Hello").await;
    assert_eq!(titles(&ada.watch(&chat, &turn).await), ["A tour of Markdown"]);

    let unwanted = [("TASK_MODEL", "demo/markdown"), ("ENABLE_TITLE_GENERATION", "false")];
    let missing = [("TASK_MODEL", "no/such-model"), ("TASK_MODEL_EXTERNAL", "demo/failing")];
    for settings in [unwanted, missing] {
        let room = Room::with(&settings).await;
        let ada = room.desk("ada");
        let chat = ada.new_chat().await;
        let turn = ada.ask(&chat, "demo/echo", None, "Hello").await;
        assert_eq!(titles(&ada.watch(&chat, &turn).await), ["Hello"]);
    }
}

#[tokio::test]
async fn a_server_that_goes_down_saves_what_was_written() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    let turn = ada.ask(&chat, "demo/slow", None, "Take your time").await;
    begun(&room, &chat, &turn).await;
    let mut watching = ada.follow_turn(&chat, &turn.id, 0).await.unwrap();
    let watch = async {
        let mut events = Vec::new();
        while let Some((_, event)) = watching.next().await {
            events.push(event);
        }
        events
    };
    let (events, closed) = tokio::join!(watch, room.shut_down());
    assert_eq!(end(&events), EndReason::Interrupted);

    let room = closed.start_again().await;
    let answer = room.desk("ada").message(&chat, &turn.answer.id).await;
    assert!(answer.is_done && !answer.is_stopped);
    assert_eq!(answer.content, text(&events));
    assert_eq!(answer.error.unwrap().code, "interrupted");
}

#[tokio::test]
async fn what_a_killed_server_left_behind_is_marked_and_keeps_its_text() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let chat = ada.new_chat().await;
    // As a kill leaves it: not done, and saved a while ago.
    let id: MessageId = "left".parse().unwrap();
    let left = Message {
        role: MessageRole::Assistant,
        is_done: false,
        content: "Half an ans".to_owned(),
        ..said("left", None)
    };
    let permit = &caller("ada").may_write_chat(&"ada".parse().unwrap()).unwrap();
    let long_ago = Timestamp::from_seconds(1_700_000_000);
    store::chats::insert_message(&room.db, &chat, &left, long_ago, permit).await.unwrap();
    let fresh = Message { id: "fresh".parse().unwrap(), ..left };
    store::chats::insert_message(&room.db, &chat, &fresh, room.world.now(), permit).await.unwrap();

    let room = room.shut_down().await.start_again().await;
    let ada = room.desk("ada");
    let answer = ada.message(&chat, &id).await;
    assert!(answer.is_done);
    assert_eq!(answer.content, "Half an ans");
    assert_eq!(answer.error.unwrap().code, "interrupted");
    // Another process may still be writing this one; it is looked at again later.
    assert!(!ada.message(&chat, &fresh.id).await.is_done);
    let later = async {
        while !ada.message(&chat, &fresh.id).await.is_done {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), later).await.expect("a leftover is marked in the end");
}

#[tokio::test]
async fn an_answer_in_a_chat_of_a_thousand_messages_adds_two_and_changes_no_other() {
    let room = Room::new().await;
    let ada = room.desk("ada");
    let drafts = (0..1000).map(|n: usize| crate::MessageDraft {
        id: format!("m{n}").parse().unwrap(),
        parent: n.checked_sub(1).map(|n| format!("m{n}").parse().unwrap()),
        role: if n.is_multiple_of(2) { MessageRole::User } else { MessageRole::Assistant },
        content: format!("message {n}"),
        model: None,
        timestamp: Some(1_000 + i64::try_from(n).unwrap()),
        reasoning: None,
        tool_calls: Vec::new(),
        error: None,
        is_stopped: false,
        extra: serde_json::Map::new(),
    });
    let change = ChatChange { messages: drafts.collect(), ..ChatChange::default() };
    let before = ada.create(&change).await.unwrap();
    let chat = before.row.head.id.clone();
    assert_eq!(before.row.head.title, UNTITLED);

    let turn = ada.ask(&chat, "demo/echo", before.row.current.as_ref(), "Still quick?").await;
    ada.watch(&chat, &turn).await;
    let after = ada.open(&chat).await.unwrap();
    assert_eq!(after.messages.len(), 1002);
    assert_eq!(after.messages[..1000], before.messages[..]);
}
