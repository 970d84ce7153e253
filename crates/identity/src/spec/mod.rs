//! The specification of accounts and sign-ins, on a real database with a clock that tests turn.

mod accounts;
mod sign_in;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use kernel::{
    Caller, Clock, HttpFacts, ManageUsers, Permit, Random, Refusal, RequestFacts, Role, Timestamp, User,
    UserId, Who, World, audit::Level,
};
use settings::Live;
use store::{DatabaseConfig, Db, audit::Recorder};
use tempfile::TempDir;
use vault::{KeyRing, Previous, RootKeys, Roots};

use crate::{AccountChange, Identity, IdentityParts, NewAccount, SessionView, SignIn, SignInForm};

/// A house with a database of its own.
pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) db: Db,
    pub(crate) ring: Arc<KeyRing>,
    clock: Arc<AtomicI64>,
    environment: BTreeMap<String, String>,
    directory: TempDir,
}

pub(crate) const GOOD: &str = "anchovy lamp post";
pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

struct Turned(Arc<AtomicI64>);
impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
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

impl House {
    /// An empty house with the default settings.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// An empty house whose sign-up the operator fixed open.
    pub(crate) async fn open_to_all() -> Self {
        Self::with(&[("ENABLE_SIGNUP", "true")]).await
    }

    /// An empty house with this environment; a session lasts an hour unless it says otherwise.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_800_000_000));
        let environment: BTreeMap<_, _> = [("JWT_EXPIRES_IN", "1h")]
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let secret = "kQ7vX2mN9pL4wR8tZ1cB6yH3".into();
        let previous = Previous::default();
        let roots = Roots { webui_secret_key: &secret, config_encryption_key: None, previous };
        let ring = Arc::new(RootKeys::new(&roots).first(&world(&clock, 0)));
        let world = world(&clock, 2_000_000);
        let db = open(&directory, &ring, world).await;
        store::migrate(&db, Timestamp::from_seconds(1_800_000_000)).await.unwrap();
        let identity = process(db.clone(), &ring, &clock, &environment, 1);
        Self { identity, db, ring, clock, environment, directory }
    }

    /// A second process on the same database.
    pub(crate) async fn another_process(&self) -> Identity {
        process(
            open(&self.directory, &self.ring, world(&self.clock, 3_000_000)).await,
            &self.ring,
            &self.clock,
            &self.environment,
            1_000_000,
        )
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) async fn sign_up(&self, name: &str) -> Result<SessionView, Refusal> {
        let email = format!("{name}@example.com");
        self.identity.sign_up(account(name, &email, GOOD), &stranger(HOME)).await.map(done)
    }

    pub(crate) async fn sign_in(
        &self,
        name: &str,
        password: &str,
        client: IpAddr,
    ) -> Result<SessionView, Refusal> {
        let email = format!("{name}@example.com");
        let form = SignInForm { email: &email, password: password.into(), device: None };
        self.identity.sign_in(form, &stranger(client)).await.map(done)
    }

    pub(crate) async fn set_role(&self, id: &UserId, role: Role) -> Result<User, Refusal> {
        let change = AccountChange { role: Some(role), ..AccountChange::default() };
        self.identity.change(id, change, &permit()).await
    }

    pub(crate) async fn rename(&self, id: &UserId, name: &str) -> Result<User, Refusal> {
        let change = AccountChange { name: Some(name), ..AccountChange::default() };
        self.identity.change(id, change, &permit()).await
    }

    pub(crate) async fn role(&self, view: &SessionView) -> Result<Role, Refusal> {
        self.identity.person(view.token.expose()).await.map(|person| person.role)
    }
}

fn world(clock: &Arc<AtomicI64>, dice: u64) -> World {
    World::new(Turned(clock.clone()), Counting(AtomicU64::new(dice)))
}

async fn open(directory: &TempDir, ring: &Arc<KeyRing>, world: World) -> Db {
    let path = directory.path().join("data/wardroom.db");
    let recorder = Recorder::new(world, ring.clone(), Level::Metadata);
    Db::open(&DatabaseConfig::Sqlite { path }, recorder).await.unwrap()
}

/// The session of a sign-in that needed a password only.
pub(crate) fn done(signed_in: SignIn) -> SessionView {
    match signed_in {
        SignIn::Done(view) => *view,
        SignIn::Next(step) => panic!("{step:?} is still to come"),
    }
}

/// Somebody who is not signed in, at this address.
pub(crate) fn stranger(address: IpAddr) -> Caller {
    let facts = RequestFacts::http(&HttpFacts {
        id: "req_1".parse().unwrap(),
        method: "POST",
        scheme: "http",
        host: "localhost",
        path: "/api/v1/auths/signin",
        query: None,
        address,
        peer: address,
        agent: "test",
        success_status: 200,
    });
    Caller::new(Who::Anonymous, Arc::new(facts))
}

fn process(
    db: Db,
    ring: &Arc<KeyRing>,
    clock: &Arc<AtomicI64>,
    environment: &BTreeMap<String, String>,
    dice: u64,
) -> Identity {
    let no_file = Box::new(|_: &std::path::Path| Err(io::Error::from(io::ErrorKind::NotFound)));
    Identity::new(IdentityParts {
        news: tokio::sync::watch::Sender::default(),
        world: world(clock, dice),
        db,
        ring: ring.clone(),
        settings: Live::new(environment.clone(), BTreeMap::new(), &BTreeMap::new(), no_file).unwrap(),
    })
}

pub(crate) fn account<'a>(name: &'a str, email: &'a str, password: &str) -> NewAccount<'a> {
    NewAccount { name, email, password: password.into(), profile_image_url: "" }
}

pub(crate) fn permit() -> Permit<ManageUsers> {
    Caller::operator().may_manage_users().unwrap()
}

/// The stable code of a refusal; what was granted is a failure of the test.
pub(crate) fn code<T>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Ok(_) => "granted".to_owned(),
        Err(refusal) => refusal.code.into_owned(),
    }
}
