//! The one path to a model. Programs with a virtual key and people in the browser take the same stops:
//!
//! [`parse`] → [`authorise`] → [`limit`] → [`route`] → [`reserve`] → [`call`] → [`stream`] or [`whole`] →
//! [`receipt`] (settle). From the third on [`presence`] watches that whoever pays still may.
//!
//! Each stop is one function in a file named after it, and takes what the stop before returned. Bytes that
//! need no change travel on as they came. Nothing on the way asks the database: keys, money and models are
//! in memory, and the [`ledger`] writes behind the answer's back.

mod access;
mod account;
mod admin;
mod arrange_connections;
mod authorise;
mod call;
mod catalog;
mod change_access;
mod change_connections;
mod change_keys;
mod change_models;
mod connections;
mod demo;
mod keybook;
pub mod keys;
mod ledger;
mod limit;
mod parse;
mod pass_through;
mod presence;
mod provider;
mod receipt;
mod refresh;
mod reserve;
mod route;
mod show_connections;
mod show_usage;
mod stream;
mod try_connection;
mod whole;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use egress::Egress;
use http::Response;
use kernel::{
    ApiKeyId, Caller, Endpoint, KeyTail, Kind, Permit, Program, Refusal, RequestId, Secret, Timestamp,
    UsageRecord, UseModel, UserId, Who, World,
};
use llm::{Estimate, Prices, UsageChunk};
use settings::{BaseUrls, Live};
use store::Db;
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vault::KeyRing;

pub use access::{Asker, ModelReason};
pub use admin::AdminError;
pub use arrange_connections::{ArrangeError, WantedConnection};
pub use catalog::{Catalog, PriceSource, Target};
pub use change_connections::{ConnectionChange, NewConnection};
pub use change_keys::{KeyOwner, KeyView};
pub use change_models::{CatalogEntry, ModelChange};
pub use connections::EnvironmentConnection;
pub use keybook::HeldKey;
pub use pass_through::Passage;
pub use presence::SameCaller;
pub use receipt::Closed;
pub use show_connections::ConnectionView;
pub use show_usage::UsagePage;
pub use stream::AnswerBody;
pub use try_connection::Trial;

/// Takes rows of usage once they are in the database.
pub type UsageSeen = Arc<dyn Fn(Vec<UsageRecord>) + Send + Sync>;

/// What the gateway is made of.
pub struct GatewayParts {
    /// Clock and dice.
    pub world: World,
    /// Where keys, connections and usage live.
    pub db: Db,
    /// Seals provider keys and digests virtual keys.
    pub ring: Arc<KeyRing>,
    /// The way out.
    pub egress: Egress,
    /// The price table with the operator's overrides.
    pub prices: Prices,
    /// Told of usage that is written, behind the answers' back. It must not wait for anything.
    pub usage_seen: UsageSeen,
    /// The settings in force, for those that change while the gateway runs.
    pub settings: Live,
    /// Rung whenever somebody may have lost access; the gateway rings it too.
    pub news: watch::Sender<()>,
    /// Who a caller is while the answer lasts.
    pub same_caller: SameCaller,
    /// The rest.
    pub config: GatewayConfig,
    /// Every task the gateway starts is tracked here.
    pub tasks: TaskTracker,
    /// Ends the tasks that make new work.
    pub serving: CancellationToken,
    /// Ends the ledger, once no request can settle any more.
    pub settling: CancellationToken,
}

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// `LITELLM_MASTER_KEY`.
    pub master_key: Option<Secret<String>>,
    /// Which base URLs connections may have, and which of them may be private.
    pub base_urls: BaseUrls,
    /// Connections from the environment.
    pub environment: Vec<EnvironmentConnection>,
    /// Whether the demo provider is on.
    pub demo: Demo,
    /// Longest silence in the middle of an answer.
    pub idle_timeout: Duration,
    /// Longest wait for reservations of other requests when a budget is nearly spent.
    pub budget_patience: Duration,
    /// The status of a spent budget: 402, 422 or 429.
    pub budget_status: u16,
    /// The most requests to models at once, over all callers.
    pub max_concurrent: usize,
    /// The largest answer that is read whole, in bytes.
    pub max_answer: usize,
    /// How often model lists are fetched anew.
    pub refresh_interval: Duration,
}

/// Whether the provider inside the binary answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    /// `serve --demo`.
    On,
    /// The normal case.
    Off,
}

/// The gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) db: Db,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) egress: Egress,
    pub(crate) prices: Prices,
    pub(crate) settings: Live,
    pub(crate) config: GatewayConfig,
    pub(crate) news: watch::Sender<()>,
    pub(crate) same_caller: SameCaller,
    pub(crate) access: access::AccessBook,
    pub(crate) keys: Arc<keybook::KeyBook>,
    pub(crate) ledger: ledger::Ledger,
    pub(crate) catalog: ArcSwap<Catalog>,
    pub(crate) connections: connections::Connections,
    pub(crate) slots: limit::Slots,
    pub(crate) tasks: TaskTracker,
    pub(crate) serving: CancellationToken,
    master_digest: Option<[u8; 32]>,
}

/// Who pays for a request.
#[derive(Debug, Clone)]
pub enum Payer {
    /// A person, the master key or the operator: nobody's budget limits them.
    Caller(Caller),
    /// A program with a virtual key.
    Key(Arc<HeldKey>),
}

/// How the caller wants the answer.
enum Form {
    Whole,
    Stream(UsageChunk),
}

/// A provider that began to answer.
struct Reached {
    response: Response<call::ProviderBody>,
    plan: route::Plan,
    form: Form,
}

/// An answer that has begun, on its way to whoever asked.
struct Answering<'a> {
    inner: &'a Inner,
    response: Response<call::ProviderBody>,
    endpoint: Endpoint,
    plan: route::Plan,
    receipt: receipt::Receipt,
    leaving: Option<presence::Leaving>,
}

impl HeldKey {
    /// Whom this key makes of a program.
    pub fn who(&self) -> Who {
        Who::Program(Program { key: self.key.id.clone(), owner: self.key.owner.clone() })
    }
}

impl Payer {
    /// How logs name it.
    pub fn label(&self) -> String {
        match self {
            Self::Caller(caller) => caller.label(),
            Self::Key(held) => held.key.id.to_string(),
        }
    }

    /// The API key with which a person asks.
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match self {
            Self::Caller(caller) => caller.person()?.api_key().cloned(),
            Self::Key(_) => None,
        }
    }

    /// The person who asks or who owns the key.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Caller(caller) => caller.person().map(|person| person.user.clone()),
            Self::Key(held) => held.key.owner.clone(),
        }
    }
}

/// One request to a model, as the surface hands it over.
#[derive(Debug)]
pub struct Call {
    /// Its id in log and ledger.
    pub id: RequestId,
    /// When it came in.
    pub at: Timestamp,
    /// The same moment, for measuring.
    pub started: Instant,
    /// What is called.
    pub endpoint: Endpoint,
    /// Who pays.
    pub payer: Payer,
    /// The JSON as it came.
    pub body: Bytes,
    /// A model named in the path, as in `/openai/deployments/{model}/...`; it goes before the body's.
    pub model_in_path: Option<String>,
    /// Told what the request took when it is over.
    pub on_close: Option<tokio::sync::oneshot::Sender<Closed>>,
}

impl Gateway {
    /// Starts the gateway: loads keys and connections from the database, takes over the environment's
    /// connections, and begins to fetch model lists in the background.
    pub async fn start(parts: GatewayParts) -> Result<Self, AdminError> {
        let keys = Arc::new(keybook::KeyBook::new(parts.news.clone()));
        let ledger = ledger::Ledger::start(
            parts.db.clone(),
            keys.clone(),
            parts.usage_seen.clone(),
            &parts.tasks,
            parts.settling.clone(),
        );
        let master_digest = parts.config.master_key.as_ref().map(|key| parts.ring.digest_key(key.expose()));
        let gateway = Self(Arc::new(Inner {
            slots: limit::Slots::new(parts.config.max_concurrent),
            connections: connections::Connections::default(),
            catalog: ArcSwap::default(),
            world: parts.world,
            db: parts.db,
            ring: parts.ring,
            egress: parts.egress,
            prices: parts.prices,
            settings: parts.settings,
            config: parts.config,
            news: parts.news,
            same_caller: parts.same_caller,
            access: access::AccessBook::default(),
            tasks: parts.tasks,
            serving: parts.serving,
            keys,
            ledger,
            master_digest,
        }));
        gateway.0.ledger.reload_keys().await?;
        gateway.access_changed().await?;
        gateway.adopt_environment().await?;
        gateway.reload_connections().await?;
        gateway.keep_models_fresh();
        Ok(gateway)
    }

    /// Takes a request through all stops.
    ///
    /// The answer's body settles the request when it ends, fails or is dropped.
    pub async fn serve(&self, mut call: Call) -> Result<Response<AnswerBody>, Refusal> {
        let inner = &*self.0;
        let mut receipt = receipt::Receipt::open(inner, &mut call);
        let body = match named_body(&call) {
            Ok(body) => body,
            Err(refusal) => return Err(receipt.refuse(refusal)),
        };
        let (ask, permit) = match self.admit(&call, &body, &mut receipt) {
            Ok(admitted) => admitted,
            Err(refusal) => return Err(receipt.refuse(refusal)),
        };
        let mut leaving = self.leaving(&call.payer, call.endpoint, &ask.model);
        let reached = tokio::select! {
            biased;
            reached = self.reach(&call, &ask, permit, &mut receipt) => reached,
            refusal = presence::of(&mut leaving) => return Err(receipt.cut(refusal)),
        };
        let Reached { response, plan, form } = match reached {
            Ok(reached) => reached,
            Err(refusal) => return Err(receipt.refuse(refusal)),
        };
        let endpoint = call.endpoint;
        // The prompt is the provider's now; a long stream must not keep it in memory.
        drop(ask);
        drop((call, body));
        let answering = Answering { inner, response, endpoint, plan, receipt, leaving };
        match form {
            Form::Whole => whole::answer(answering).await,
            Form::Stream(usage) => stream::answer(answering, usage).await,
        }
    }

    /// What is asked, and that it may be.
    fn admit<'a>(
        &self,
        call: &Call,
        body: &'a Bytes,
        receipt: &mut receipt::Receipt,
    ) -> Result<(parse::Ask<'a>, Permit<UseModel>), Refusal> {
        let ask = parse::parse(call.endpoint, body)?;
        receipt.asked(&ask);
        let permit = authorise::authorise(self, &call.payer, &ask)?;
        Ok((ask, permit))
    }

    /// The stops up to the head of the provider's answer.
    async fn reach(
        &self,
        call: &Call,
        ask: &parse::Ask<'_>,
        permit: Permit<UseModel>,
        receipt: &mut receipt::Receipt,
    ) -> Result<Reached, Refusal> {
        let inner = &*self.0;
        let slot = limit::enter(inner)?;
        let plan = route::plan(self, ask, permit).await?;
        let estimate = Estimate::of(&ask.envelope, plan.limits);
        receipt.planned(&plan, &estimate);
        let reservation = reserve::reserve(inner, &call.payer, ask, &plan, &estimate).await?;
        let outgoing = call::prepare(ask, &plan, &reservation, &estimate);
        receipt.reserved(slot, reservation);
        let form = match (ask.envelope.is_stream, ask.envelope.includes_usage) {
            (false, _) => Form::Whole,
            (true, true) => Form::Stream(UsageChunk::Pass),
            (true, false) => Form::Stream(UsageChunk::Hide),
        };
        let response = call::send(inner, &plan, call.endpoint, outgoing).await?;
        receipt.first_byte();
        Ok(Reached { response, plan, form })
    }

    /// Whether this is the master key; always false when none is configured. Takes the same time for all.
    pub fn is_master_key(&self, presented: &str) -> bool {
        let digest = self.0.ring.digest_key(presented);
        self.0.master_digest.is_some_and(|master| vault::constant_time_eq(&master, &digest))
    }

    /// Whether there is a master key, and with it LiteLLM's management API for programs.
    pub fn has_master_key(&self) -> bool {
        self.0.master_digest.is_some()
    }

    /// Whether the demo provider is on.
    pub fn has_demo(&self) -> bool {
        self.0.config.demo == Demo::On
    }

    /// The virtual key that a program presents: `None` when there is none like it, an error when it does
    /// not work at this moment.
    pub fn known_key(&self, presented: &str) -> Option<Result<Arc<HeldKey>, Refusal>> {
        let held = self.key_presented(presented)?;
        Some(held.key.is_usable(self.0.world.now()).map(|()| held.clone()).map_err(Refusal::from))
    }

    /// The virtual key that a program presents, whether it works or not; never a revoked one.
    pub fn key_presented(&self, presented: &str) -> Option<Arc<HeldKey>> {
        self.0.keys.find(&self.0.ring.digest_key(presented))
    }

    /// The virtual key that a program presents, if it works at this moment.
    pub fn program(&self, presented: &str) -> Result<Arc<HeldKey>, Refusal> {
        self.known_key(presented).unwrap_or_else(|| Err(unknown_key()))
    }

    /// What may be shown of a secret.
    pub fn fingerprint(&self, secret: &Secret<String>) -> KeyTail {
        self.0.ring.fingerprint(secret.expose())
    }

    /// The models on offer.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.catalog.load_full()
    }

    /// The models on offer once every provider was asked after the start, for callers who would take an
    /// empty list for the truth.
    pub async fn settled_catalog(&self) -> Arc<Catalog> {
        self.first_fetch_done().await;
        self.catalog()
    }

    /// Another process changed keys: reads them anew.
    pub async fn keys_changed(&self) -> Result<(), AdminError> {
        // The owners first: a key whose owner is not known yet reaches nothing.
        self.read_access().await?;
        Ok(self.0.ledger.reload_keys().await?)
    }

    /// Another process changed connections: reads them anew.
    pub async fn connections_changed(&self) -> Result<(), AdminError> {
        self.reload_connections().await
    }

    /// Waits until everything that was settled is in the database.
    pub async fn flush(&self) {
        self.0.ledger.flush().await;
    }
}

/// The JSON as the provider gets it, with the model in it.
fn named_body(call: &Call) -> Result<Bytes, Refusal> {
    match &call.model_in_path {
        Some(model) => parse::name_model(&call.body, model),
        None => Ok(call.body.clone()),
    }
}

fn unknown_key() -> Refusal {
    let words = "This API key is not known here. Check that it was copied whole, or ask for a new one.";
    Refusal::new(Kind::Unauthenticated, "invalid_api_key", words)
}
