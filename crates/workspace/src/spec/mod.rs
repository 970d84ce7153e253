//! The specification of chats and turns, on a real database with the demo provider behind the real gateway.

mod chats;
mod turns;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use egress::{Egress, EgressConfig};
use gateway::{Demo, Gateway, GatewayConfig, GatewayParts};
use kernel::{
    Caller, ChatId, Clock, Email, Message, MessageId, MessageRole, PermissionSet, Person, PersonCredential,
    Random, Refusal, Rights, Role, SessionId, Timestamp, User, UserId, Who, World, audit::Level,
};
use settings::Live;
use store::{DatabaseConfig, Db, audit::Recorder};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vault::{KeyRing, Previous, RootKeys, Roots};

use crate::{ChatChange, Desk, NewTurn, OpenChat, StartedTurn, TurnEvent, Workspace, WorkspaceParts};

/// A message of a person, for tests of trees.
pub(crate) fn said(id: &str, parent: Option<&str>) -> Message {
    Message {
        id: id.parse().unwrap(),
        parent: parent.map(|parent| parent.parse().unwrap()),
        role: MessageRole::User,
        content: format!("words of {id}"),
        model: None,
        is_done: true,
        reasoning: None,
        tool_calls: Vec::new(),
        error: None,
        is_stopped: false,
        provenance: None,
        extra: "{}".to_owned(),
        created_at: Timestamp::from_seconds(1_000),
    }
}

/// Real time of this machine: turns are about pace.
struct Now(tokio::time::Instant);
impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000).plus(self.0.elapsed())
    }
}

struct Counting(AtomicU64);
impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // The multiplier of Knuth's MMIX generator: consecutive counts share no pattern.
            let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A workspace with a database of its own.
pub(crate) struct Room {
    pub(crate) workspace: Workspace,
    pub(crate) db: Db,
    pub(crate) world: World,
    settings: BTreeMap<String, String>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    directory: TempDir,
}

impl Room {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A workspace with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = World::new(Now(tokio::time::Instant::now()), Counting(AtomicU64::new(1)));
        let db = open(&directory, &world).await;
        store::migrate(&db, world.now()).await.unwrap();
        for name in ["ada", "bob"] {
            let permit = &Caller::operator().may_manage_users().unwrap();
            store::users::insert(&db, &user(name, world.now()), None, permit).await.unwrap();
        }
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::start(db, world, settings, directory).await
    }

    async fn start(db: Db, world: World, settings: BTreeMap<String, String>, directory: TempDir) -> Self {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let gateway = gateway(&db, &world, &tasks, &shutdown).await;
        let no_file = Box::new(|_: &std::path::Path| Err(io::Error::from(io::ErrorKind::NotFound)));
        let workspace = Workspace::start(WorkspaceParts {
            world: world.clone(),
            db: db.clone(),
            gateway,
            settings: Live::new(settings.clone(), BTreeMap::new(), &BTreeMap::new(), no_file).unwrap(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        Self { workspace, db, world, settings, tasks, shutdown, directory }
    }

    /// Goes down in order: every turn saves what it has.
    pub(crate) async fn shut_down(self) -> Closed {
        self.shutdown.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(10), self.tasks.wait()).await.unwrap();
        self.db.close().await;
        Closed { world: self.world, settings: self.settings, directory: self.directory }
    }

    pub(crate) fn desk(&self, name: &str) -> Desk {
        self.workspace.desk(&caller(name)).unwrap()
    }
}

/// A workspace between two processes.
pub(crate) struct Closed {
    world: World,
    settings: BTreeMap<String, String>,
    directory: TempDir,
}

impl Closed {
    pub(crate) async fn start_again(self) -> Room {
        let db = open(&self.directory, &self.world).await;
        Room::start(db, self.world, self.settings, self.directory).await
    }
}

async fn open(directory: &TempDir, world: &World) -> Db {
    let path: PathBuf = directory.path().join("data/wardroom.db");
    let recorder = Recorder::new(world.clone(), ring(), Level::Metadata);
    Db::open(&DatabaseConfig::Sqlite { path }, recorder).await.unwrap()
}

/// A world in which nothing ever happens: the same dice each time.
fn still() -> World {
    World::new(Now(tokio::time::Instant::now()), Counting(AtomicU64::new(0)))
}

fn ring() -> Arc<KeyRing> {
    let secret = "kQ7vX2mN9pL4wR8tZ1cB6yH3".into();
    let previous = Previous::default();
    let roots = Roots { webui_secret_key: &secret, config_encryption_key: None, previous };
    Arc::new(RootKeys::new(&roots).first(&still()))
}

async fn gateway(db: &Db, world: &World, tasks: &TaskTracker, shutdown: &CancellationToken) -> Gateway {
    egress::install_tls();
    let config = GatewayConfig {
        master_key: None,
        base_urls: settings::BaseUrls { allowed: Vec::new(), named: Vec::new() },
        environment: Vec::new(),
        demo: Demo::On,
        idle_timeout: Duration::from_secs(30),
        budget_patience: Duration::from_secs(1),
        budget_status: 429,
        max_concurrent: 100,
        max_answer: 1 << 20,
        refresh_interval: Duration::from_hours(1),
    };
    Gateway::start(GatewayParts {
        world: world.clone(),
        db: db.clone(),
        ring: ring(),
        egress: Egress::new(EgressConfig::default()),
        prices: llm::Prices::built_in(),
        usage_seen: std::sync::Arc::new(drop),
        settings: settings::Live::new(
            BTreeMap::new(),
            BTreeMap::new(),
            &BTreeMap::new(),
            Box::new(|_| Err(std::io::ErrorKind::NotFound.into())),
        )
        .unwrap(),
        news: tokio::sync::watch::Sender::default(),
        same_caller: Arc::new(|caller| Box::pin(std::future::ready(Ok(caller)))),
        config,
        tasks: tasks.clone(),
        serving: shutdown.clone(),
        settling: shutdown.clone(),
    })
    .await
    .unwrap()
}

fn user(name: &str, now: Timestamp) -> User {
    User {
        id: name.parse().unwrap(),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        name: name.to_owned(),
        role: Role::User,
        profile_image_url: String::new(),
        password: None,
        created_at: now,
        updated_at: now,
        last_active_at: None,
        deactivated_at: None,
    }
}

pub(crate) fn caller(name: &str) -> Caller {
    let session: SessionId = format!("session_{name}").parse().unwrap();
    let user: UserId = name.parse().unwrap();
    Caller::operator().acting_as(Who::Person(Person {
        user,
        role: Role::User,
        name: name.into(),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        credential: PersonCredential::Session(session),
        proved_at: None,
        rights: Rights::new(PermissionSet::of_administrators(), Vec::new()),
    }))
}

/// The stable code of a refusal; what was granted is a failure of the test.
pub(crate) fn code<T>(outcome: Result<T, crate::WorkspaceError>) -> String {
    match outcome {
        Ok(_) => "granted".to_owned(),
        Err(error) => Refusal::from(error).code.into_owned(),
    }
}

impl Desk {
    pub(crate) async fn new_chat(&self) -> ChatId {
        self.create(&ChatChange::default()).await.unwrap().row.head.id
    }

    pub(crate) async fn ask(
        &self,
        chat: &ChatId,
        model: &str,
        parent: Option<&MessageId>,
        content: &str,
    ) -> StartedTurn {
        let new =
            NewTurn::Ask { model: model.to_owned(), parent: parent.cloned(), content: content.to_owned() };
        self.start_turn(chat, new).await.unwrap()
    }

    /// Everything that happens in a turn, to its end.
    pub(crate) async fn watch(&self, chat: &ChatId, turn: &StartedTurn) -> Vec<TurnEvent> {
        let mut follower = self.follow_turn(chat, &turn.id, 0).await.unwrap();
        let mut events = Vec::new();
        let all = async {
            while let Some((_, event)) = follower.next().await {
                events.push(event);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("every turn ends");
        events
    }

    pub(crate) async fn message(&self, chat: &ChatId, id: &MessageId) -> Message {
        self.open(chat).await.unwrap().message(id)
    }
}

impl OpenChat {
    pub(crate) fn message(&self, id: &MessageId) -> Message {
        self.messages.iter().find(|message| message.id == *id).expect("the message is in the chat").clone()
    }

    pub(crate) fn contents(&self) -> Vec<&str> {
        self.messages.iter().map(|message| message.content.as_str()).collect()
    }
}

/// The text that the events add up to.
pub(crate) fn text(events: &[TurnEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::Delta(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
