//! Chats and their messages.

use kernel::{
    Caller, ChatHead, ChatId, ChatRow, Message, MessageId, MessagePatch, MessageRole, Money, Permit,
    Provenance, Role, TokenCount, ToolCall, TurnError, UseWorkspace, UserId, WriteChat,
};
use tokio::task::JoinSet;

use super::{Home, at, on_both, person};
use crate::{
    Db, Page, StoreError,
    chats::{self, BegunTurn, ChatUpdate, ListFilter, Unfinished, Updated},
    value::values,
};

on_both! {
    a_chat_comes_back_with_its_messages_in_order;
    an_answer_that_grows_in_a_chat_of_a_thousand_messages_writes_one_row;
    a_finished_answer_moves_its_chat_to_the_top;
    a_question_and_its_answer_begin_together_or_not_at_all;
    only_the_given_messages_are_replaced;
    a_deleted_message_takes_its_descendants_along_and_the_branch_ends_in_its_parent;
    a_tree_with_a_cycle_can_be_deleted;
    only_a_message_of_the_chat_can_be_shown;
    a_title_that_a_person_wrote_is_not_replaced;
    chats_are_listed_by_last_change_and_filter;
    the_last_page_is_not_full_and_the_next_is_empty;
    text_is_found_in_titles_and_messages_of_ones_own_chats_in_any_case;
    pinning_and_archiving_turn_on_and_off;
    the_row_changes_only_where_told;
    unfinished_answers_are_found_and_interrupted_unless_somebody_writes_them;
    deleting_an_account_or_a_chat_leaves_no_messages;
    writers_of_one_chat_do_not_block_each_other_for_ever;
}

fn ada() -> UserId {
    "user_ada".parse().unwrap()
}

fn may_use() -> Permit<UseWorkspace> {
    caller().may_use_workspace().unwrap().1
}

fn may_write() -> Permit<WriteChat> {
    caller().may_write_chat(&ada()).unwrap()
}

fn caller() -> Caller {
    super::signed_in("ada", Role::User)
}

fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

fn message(name: &str, parent: Option<&str>, second: i64) -> Message {
    Message {
        id: id(name),
        parent: parent.map(id),
        role: MessageRole::User,
        content: format!("content of {name}"),
        model: None,
        is_done: true,
        reasoning: None,
        tool_calls: Vec::new(),
        error: None,
        is_stopped: false,
        provenance: None,
        extra: "{}".to_owned(),
        created_at: at(second),
    }
}

fn row(name: &str, title: &str, second: i64) -> ChatRow {
    ChatRow {
        head: ChatHead {
            id: name.parse().unwrap(),
            owner: ada(),
            title: title.to_owned(),
            is_pinned: false,
            is_archived: false,
            created_at: at(second),
            updated_at: at(second),
        },
        current: None,
        models: vec!["demo/echo".to_owned()],
        extra: "{\"tags\":[]}".to_owned(),
        meta: "{}".to_owned(),
    }
}

/// A chat of Ada's with these messages.
async fn chat(db: &Db, name: &str, messages: &[Message]) -> ChatId {
    if crate::users::by_id(db, &ada()).await.unwrap().is_none() {
        person(db, "ada", Role::User).await;
    }
    let mut row = row(name, &format!("Title of {name}"), 0);
    row.current = messages.last().map(|message| message.id.clone());
    chats::create(db, &row, messages, &may_use()).await.unwrap();
    row.head.id
}

async fn update(db: &Db, chat: &ChatId, change: &ChatUpdate, second: i64) -> Updated {
    chats::update(db, chat, change, at(second), &may_write()).await.unwrap()
}

async fn ids(db: &Db, chat: &ChatId) -> Vec<String> {
    chats::messages_of(db, chat).await.unwrap().into_iter().map(|message| message.id.to_string()).collect()
}

async fn current(db: &Db, chat: &ChatId) -> Option<String> {
    chats::row_by_id(db, chat).await.unwrap().unwrap().current.map(|id| id.to_string())
}

fn full(name: &str, second: i64) -> Message {
    Message {
        role: MessageRole::Assistant,
        model: Some("demo/tools".to_owned()),
        reasoning: Some("hm".to_owned()),
        tool_calls: vec![ToolCall { id: "t".to_owned(), name: "f".to_owned(), arguments: "{".to_owned() }],
        error: Some(TurnError { content: "It broke.".to_owned(), code: "provider_unreachable".to_owned() }),
        is_stopped: true,
        provenance: Some(Provenance {
            tokens: TokenCount { prompt: 1, cached: 0, completion: 2, reasoning: 1 },
            is_estimated: true,
            cost: Some(Money::from_nanos(3)),
            milliseconds: 4,
            first_token_milliseconds: None,
            connection: "Demo".to_owned(),
        }),
        extra: "{\"files\":[1]}".to_owned(),
        ..message(name, Some("m1"), second)
    }
}

async fn a_chat_comes_back_with_its_messages_in_order(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    let mut stored = row("c1", "Überschrift", 5);
    stored.head.is_pinned = true;
    stored.current = Some(id("m2"));
    // Given in another order than they were written.
    let messages = [full("m2", 2), message("m1", None, 1), message("m3", Some("m1"), 2)];
    chats::create(&db, &stored, &messages, &may_use()).await.unwrap();

    let found = chats::row_by_id(&db, &stored.head.id).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{stored:?}"));
    let head = chats::head_by_id(&db, &stored.head.id).await.unwrap().unwrap();
    assert_eq!(format!("{head:?}"), format!("{:?}", stored.head));
    let [m2, m1, m3] = messages;
    assert_eq!(chats::messages_of(&db, &stored.head.id).await.unwrap(), [m1, m2.clone(), m3]);
    assert_eq!(chats::message(&db, &stored.head.id, &id("m2")).await.unwrap(), Some(m2));
    assert_eq!(chats::message(&db, &stored.head.id, &id("m9")).await.unwrap(), None);

    let again = chats::create(&db, &stored, &[], &may_use()).await.unwrap_err();
    assert!(again.is_conflict_of("chat", "id"), "{again:?}");
    assert!(chats::row_by_id(&db, &"c9".parse().unwrap()).await.unwrap().is_none());
}

/// Something that changes for every row that is written: the versions of all rows of both tables on
/// PostgreSQL, the count of changes on SQLite's writing connection.
async fn writes(db: &Db) -> Vec<String> {
    let mut tx = db.begin().await.unwrap();
    let sql = match db.backend_name() {
        "sqlite" => "SELECT CAST(total_changes() AS TEXT)",
        _ => {
            "SELECT CONCAT('m', id, ctid) FROM chat_message UNION ALL SELECT CONCAT('c', id, ctid) FROM chat \
             ORDER BY 1"
        }
    };
    let rows = tx.query(sql, Vec::new()).await.unwrap();
    rows.into_iter().map(|row| row.single("writes").unwrap()).collect()
}

async fn an_answer_that_grows_in_a_chat_of_a_thousand_messages_writes_one_row(home: Home) {
    let db = home.ready().await;
    let mut messages = vec![message("m0", None, 0)];
    for n in 1..1000 {
        messages.push(message(&format!("m{n}"), Some(&format!("m{}", n - 1)), n));
    }
    let chat = chat(&db, "c1", &messages).await;
    let before = writes(&db).await;
    let patch = MessagePatch { content: "grows".to_owned(), ..MessagePatch::default() };
    assert!(chats::patch_message(&db, &chat, &id("m500"), &patch, at(9), &may_write()).await.unwrap());
    let after = writes(&db).await;
    let written = match db.backend_name() {
        "sqlite" => after[0].parse::<usize>().unwrap() - before[0].parse::<usize>().unwrap(),
        _ => after.iter().zip(&before).filter(|(after, before)| after != before).count(),
    };
    assert_eq!(written, 1);
    let saved = chats::message(&db, &chat, &id("m500")).await.unwrap().unwrap();
    assert_eq!((saved.content.as_str(), saved.is_done), ("grows", false));
}

async fn a_finished_answer_moves_its_chat_to_the_top(home: Home) {
    let db = home.ready().await;
    let mut answer = full("m1", 1);
    (answer.is_done, answer.parent) = (false, None);
    let one = chat(&db, "c1", &[answer]).await;
    chat(&db, "c2", &[]).await;
    let mut patch = MessagePatch {
        content: "done".to_owned(),
        reasoning: Some("thought".to_owned()),
        is_stopped: true,
        provenance: full("m1", 1).provenance,
        ..MessagePatch::default()
    };
    let save = async |patch: &MessagePatch, second| {
        assert!(chats::patch_message(&db, &one, &id("m1"), patch, at(second), &may_write()).await.unwrap());
        chats::head_by_id(&db, &one).await.unwrap().unwrap().updated_at
    };
    assert_eq!(save(&patch, 5).await, at(0));
    patch.is_done = true;
    assert_eq!(save(&patch, 6).await, at(6));
    let saved = chats::message(&db, &one, &id("m1")).await.unwrap().unwrap();
    assert_eq!((saved.is_done, saved.is_stopped, saved.error.is_none()), (true, true, true));
    assert_eq!((saved.reasoning, saved.provenance), (patch.reasoning.clone(), patch.provenance.clone()));

    for gone in ["c1", "c9"] {
        let gone = gone.parse().unwrap();
        assert!(!chats::patch_message(&db, &gone, &id("m9"), &patch, at(7), &may_write()).await.unwrap());
    }
}

async fn a_question_and_its_answer_begin_together_or_not_at_all(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &[message("m1", None, 1)]).await;
    let begin = async |question: Message, answer: Message, second| {
        let models = ["demo/new".to_owned()];
        let id = "turn_1".parse().unwrap();
        let turn = BegunTurn { id: &id, question: Some(&question), answer: &answer, models: Some(&models) };
        chats::begin_turn(&db, &one, &turn, at(second), &may_write()).await
    };
    begin(message("q", Some("m1"), 2), message("a", Some("q"), 3), 3).await.unwrap();
    assert_eq!(current(&db, &one).await.as_deref(), Some("a"));
    assert_eq!(chats::row_by_id(&db, &one).await.unwrap().unwrap().models, ["demo/new"]);

    let refused = begin(message("q2", Some("a"), 4), message("a", Some("q2"), 5), 5).await.unwrap_err();
    assert!(refused.is_conflict_of("chat_message", "id"), "{refused:?}");
    assert_eq!(ids(&db, &one).await, ["m1", "q", "a"]);
    assert_eq!(chats::head_by_id(&db, &one).await.unwrap().unwrap().updated_at, at(3));

    chats::insert_message(&db, &one, &message("m4", None, 9), at(9), &may_write()).await.unwrap();
    assert_eq!(current(&db, &one).await.as_deref(), Some("a"));
    let orphan = ("c9".parse().unwrap(), message("m", None, 1));
    let refused = chats::insert_message(&db, &orphan.0, &orphan.1, at(9), &may_write()).await;
    assert_eq!(refused, Err(StoreError::Orphan));
}

async fn only_the_given_messages_are_replaced(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &[message("m1", None, 1), message("m2", Some("m1"), 2)]).await;
    let two = chat(&db, "c2", &[message("m2", None, 1)]).await;
    let changed = full("m2", 2);
    let new = message("m3", Some("m2"), 3);
    let given = ChatUpdate { messages: vec![changed.clone(), new.clone()], ..ChatUpdate::default() };
    assert_eq!(update(&db, &one, &given, 4).await, Updated::Done);
    assert_eq!(chats::messages_of(&db, &one).await.unwrap(), [message("m1", None, 1), changed, new]);
    assert_eq!(chats::messages_of(&db, &two).await.unwrap(), [message("m2", None, 1)]);
    assert_eq!(update(&db, &"c9".parse().unwrap(), &given, 4).await, Updated::NoChat);
}

/// m1 - m2 - m3 - m4, and m5 beside m2.
fn tree() -> [Message; 5] {
    [
        message("m1", None, 1),
        message("m2", Some("m1"), 2),
        message("m5", Some("m1"), 3),
        message("m3", Some("m2"), 4),
        message("m4", Some("m3"), 5),
    ]
}

async fn a_deleted_message_takes_its_descendants_along_and_the_branch_ends_in_its_parent(home: Home) {
    let db = home.ready().await;
    let (one, other) = (chat(&db, "c1", &tree()).await, chat(&db, "c2", &tree()).await);
    let delete = async |name: &str| {
        let gone =
            chats::delete_message_with_descendants(&db, &one, &id(name), at(9), &may_write()).await.unwrap();
        let mut gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
        gone.sort();
        gone
    };
    assert_eq!(delete("m9").await, [""; 0]);
    assert_eq!(delete("m2").await, ["m2", "m3", "m4"]);
    assert_eq!(ids(&db, &one).await, ["m1", "m5"]);
    assert_eq!(current(&db, &one).await.as_deref(), Some("m1"));
    assert_eq!(delete("m5").await, ["m5"], "a message beside the shown branch leaves that branch alone");
    assert_eq!(current(&db, &one).await.as_deref(), Some("m1"));
    assert_eq!(delete("m1").await, ["m1"]);
    assert_eq!(current(&db, &one).await, None);
    assert_eq!(ids(&db, &other).await.len(), 5);
}

async fn a_tree_with_a_cycle_can_be_deleted(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &[message("m1", Some("m2"), 1), message("m2", Some("m1"), 2)]).await;
    let gone = chats::delete_message_with_descendants(&db, &one, &id("m1"), at(9), &may_write()).await;
    assert_eq!(gone.unwrap().len(), 2);
    assert_eq!(current(&db, &one).await, None);
}

async fn only_a_message_of_the_chat_can_be_shown(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &tree()).await;
    chat(&db, "c2", &[message("x", None, 1)]).await;
    let show = |name| ChatUpdate { current: Some(id(name)), ..ChatUpdate::default() };
    assert_eq!(update(&db, &one, &show("m5"), 9).await, Updated::Done);
    let with_more = ChatUpdate { title: Some("lost".to_owned()), ..show("x") };
    assert_eq!(update(&db, &one, &with_more, 9).await, Updated::NoMessage);
    let ChatRow { head, current, .. } = chats::row_by_id(&db, &one).await.unwrap().unwrap();
    assert_eq!((current, head.updated_at, head.title.as_str()), (Some(id("m5")), at(0), "Title of c1"));
}

async fn a_title_that_a_person_wrote_is_not_replaced(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &[]).await;
    let title = async || chats::head_by_id(&db, &one).await.unwrap().unwrap().title;
    assert!(chats::set_title_if(&db, &one, "Title of c1", "By the model", &may_write()).await.unwrap());
    assert_eq!(title().await, "By the model");
    let by_ada = ChatUpdate { title: Some("By Ada".to_owned()), ..ChatUpdate::default() };
    assert_eq!(update(&db, &one, &by_ada, 9).await, Updated::Done);
    assert!(!chats::set_title_if(&db, &one, "By the model", "Too late", &may_write()).await.unwrap());
    assert_eq!(title().await, "By Ada");
}

async fn stored(db: &Db, name: &str, title: &str, second: i64) -> ChatId {
    let row = row(name, title, second);
    chats::create(db, &row, &[], &may_use()).await.unwrap();
    row.head.id
}

async fn names(db: &Db, filter: ListFilter) -> String {
    let chats = chats::list(db, &ada(), filter, None).await.unwrap();
    chats.iter().map(|chat| chat.id.to_string()).collect::<Vec<_>>().join(" ")
}

async fn chats_are_listed_by_last_change_and_filter(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    person(&db, "bob", Role::User).await;
    for (name, second) in [("c1", 1), ("c2", 3), ("c3", 2), ("c4", 2)] {
        stored(&db, name, "T", second).await;
    }
    let mut bobs = row("c5", "T", 9);
    bobs.head.owner = "user_bob".parse().unwrap();
    chats::create(&db, &bobs, &[], &may_use()).await.unwrap();
    chats::toggle_archived(&db, &"c1".parse().unwrap(), &may_write()).await.unwrap();
    chats::toggle_pinned(&db, &"c3".parse().unwrap(), &may_write()).await.unwrap();

    let filter = |is_archived, is_pinned| ListFilter { is_archived, is_pinned };
    assert_eq!(names(&db, filter(None, None)).await, "c2 c4 c3 c1");
    assert_eq!(names(&db, filter(Some(false), None)).await, "c2 c4 c3");
    assert_eq!(names(&db, filter(Some(true), None)).await, "c1");
    assert_eq!(names(&db, filter(Some(false), Some(true))).await, "c3");
    assert_eq!(names(&db, filter(None, Some(false))).await, "c2 c4 c1");
    assert_eq!(chats::count(&db, &ada()).await.unwrap(), 4);
    assert_eq!(chats::delete_all(&db, &ada(), &may_use()).await.unwrap(), 4);
    assert!(chats::head_by_id(&db, &bobs.head.id).await.unwrap().is_some());
}

async fn the_last_page_is_not_full_and_the_next_is_empty(home: Home) {
    let db = home.ready().await;
    person(&db, "ada", Role::User).await;
    for n in 0..5 {
        stored(&db, &format!("c{n}"), "T", n).await;
    }
    let page = async |number| {
        let page = Some(Page::new(number, 2));
        let chats = chats::list(&db, &ada(), ListFilter::default(), page).await.unwrap();
        chats.iter().map(|chat| chat.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let expected = [(0, "c4 c3"), (1, "c4 c3"), (2, "c2 c1"), (3, "c0"), (4, "")];
    for (number, chats) in expected {
        assert_eq!(page(number).await, chats, "page {number}");
    }
}

async fn text_is_found_in_titles_and_messages_of_ones_own_chats_in_any_case(home: Home) {
    let db = home.ready().await;
    person(&db, "bob", Role::User).await;
    let long = format!("{} Die GRÖSSE 100% zählt\n\n{}", "vorher ".repeat(20), "nachher ".repeat(40));
    let mut speaks = message("m1", None, 1);
    speaks.content = long;
    chat(&db, "c1", &[message("m0", None, 0), speaks.clone()]).await;
    stored(&db, "c2", "Größe und Maß", 5).await;
    let archived = stored(&db, "c3", "Größe", 6).await;
    chats::toggle_archived(&db, &archived, &may_write()).await.unwrap();
    let mut bobs = row("c4", "Größe", 9);
    bobs.head.owner = "user_bob".parse().unwrap();
    chats::create(&db, &bobs, &[speaks], &may_use()).await.unwrap();

    let find = async |text: &str| {
        let found = chats::search(&db, &ada(), text, Page::new(1, 60)).await.unwrap();
        found.into_iter().map(|found| (found.head.id.to_string(), found.snippet)).collect::<Vec<_>>()
    };
    assert_eq!(find("größe").await, [("c2".to_owned(), None)]);
    let found = find("grösse 100%").await;
    let snippet = found[0].1.clone().unwrap();
    assert_eq!((found.len(), found[0].0.as_str()), (1, "c1"));
    assert!(snippet.starts_with('…') && snippet.ends_with('…'), "{snippet}");
    assert!(snippet.contains("Die GRÖSSE 100% zählt nachher"), "{snippet}");
    assert!(snippet.chars().count() <= 162, "{snippet}");
    for nothing in ["100_", "%%", "vorher  vorher", "!"] {
        assert_eq!(find(nothing).await, [], "{nothing}");
    }
}

async fn pinning_and_archiving_turn_on_and_off(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &[]).await;
    let state = |head: Option<ChatHead>| head.map(|head| (head.is_pinned, head.is_archived));
    let pin = async || state(chats::toggle_pinned(&db, &one, &may_write()).await.unwrap());
    let archive = async || state(chats::toggle_archived(&db, &one, &may_write()).await.unwrap());
    assert_eq!(pin().await, Some((true, false)));
    assert_eq!(archive().await, Some((false, true)));
    assert_eq!(archive().await, Some((false, false)));
    assert!(chats::delete(&db, &one, &may_write()).await.unwrap());
    assert!(!chats::delete(&db, &one, &may_write()).await.unwrap());
    assert_eq!(pin().await, None);
}

async fn the_row_changes_only_where_told(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &tree()).await;
    let mut expected = chats::row_by_id(&db, &one).await.unwrap().unwrap();
    let read = async || format!("{:?}", chats::row_by_id(&db, &one).await.unwrap().unwrap());
    expected.models = vec!["a".into(), "b".into()];
    let change = ChatUpdate { models: Some(expected.models.clone()), ..ChatUpdate::default() };
    assert_eq!(update(&db, &one, &change, 4).await, Updated::Done);
    expected.head.updated_at = at(4);
    assert_eq!(read().await, format!("{expected:?}"));

    let change = ChatUpdate {
        title: Some("New".into()),
        extra: Some("{}".into()),
        meta: Some("{\"x\":1}".into()),
        ..ChatUpdate::default()
    };
    assert_eq!(update(&db, &one, &change, 5).await, Updated::Done);
    expected.head.title = "New".into();
    (expected.extra, expected.meta) = ("{}".into(), "{\"x\":1}".into());
    expected.head.updated_at = at(5);
    assert_eq!(read().await, format!("{expected:?}"));
    assert_eq!(update(&db, &"c9".parse().unwrap(), &change, 5).await, Updated::NoChat);
}

async fn unfinished_answers_are_found_and_interrupted_unless_somebody_writes_them(home: Home) {
    let db = home.ready().await;
    let open = |name| Message { is_done: false, ..message(name, None, 1) };
    let one = chat(&db, "c1", &[open("m1"), open("m2"), message("m3", None, 1)]).await;
    let listed = chats::unfinished_messages(&db).await.unwrap();
    let expected = |name| Unfinished { chat: one.clone(), owner: ada(), message: id(name), saved_at: at(0) };
    assert_eq!(listed, [expected("m1"), expected("m2")]);

    let patch = MessagePatch { content: "alive".into(), ..MessagePatch::default() };
    chats::patch_message(&db, &one, &id("m2"), &patch, at(5), &may_write()).await.unwrap();
    let error = TurnError { content: "Interrupted.".into(), code: "interrupted".into() };
    assert!(chats::interrupt(&db, &listed[0], &error, at(9)).await.unwrap());
    assert!(!chats::interrupt(&db, &listed[0], &error, at(9)).await.unwrap());
    assert!(!chats::interrupt(&db, &listed[1], &error, at(9)).await.unwrap());
    let ended = chats::message(&db, &one, &id("m1")).await.unwrap().unwrap();
    assert_eq!(ended, Message { is_done: true, error: Some(error), ..open("m1") });
    assert_eq!(chats::unfinished_messages(&db).await.unwrap().len(), 1);
}

async fn deleting_an_account_or_a_chat_leaves_no_messages(home: Home) {
    let db = home.ready().await;
    let one = chat(&db, "c1", &tree()).await;
    chat(&db, "c2", &tree()).await;
    let left = async || {
        let row = db.query_one("SELECT COUNT(*) FROM chat_message", Vec::new()).await.unwrap();
        row.unwrap().single::<u64>("chat_message").unwrap()
    };
    chats::delete(&db, &one, &may_write()).await.unwrap();
    assert_eq!(left().await, 5);
    db.execute("DELETE FROM account WHERE id = $1", values![&ada()]).await.unwrap();
    assert_eq!(left().await, 0);
}

async fn writers_of_one_chat_do_not_block_each_other_for_ever(home: Home) {
    let (here, there) = (home.ready().await, home.open().await);
    let one = chat(&here, "c1", &tree()).await;
    let mut running = JoinSet::new();
    for n in 0..30 {
        let (db, one) = (if n % 2 == 0 { here.clone() } else { there.clone() }, one.clone());
        running.spawn(async move {
            let new = message(&format!("n{n}"), Some("m1"), n);
            chats::insert_message(&db, &one, &new, at(n), &may_write()).await.unwrap();
            let patch = MessagePatch { is_done: true, content: "x".into(), ..MessagePatch::default() };
            for target in [&new.id, &id("m3")] {
                chats::patch_message(&db, &one, target, &patch, at(n), &may_write()).await.unwrap();
            }
            let gone = chats::delete_message_with_descendants(&db, &one, &new.id, at(n), &may_write()).await;
            assert_eq!(gone.unwrap(), [new.id]);
        });
    }
    running.join_all().await;
    assert_eq!(ids(&here, &one).await.len(), 5);
}
