//! `wardroom serve`: from settings to a listening server, and back down in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use audit::{Outlet, Trail};
use egress::{Egress, EgressConfig};
use gateway::{Demo, EnvironmentConnection, Gateway, GatewayConfig, GatewayParts, SameCaller, UsageSeen};
use identity::{Identity, IdentityParts};
use llm::Prices;
use settings::{Loaded, Settings};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use web::{
    App, Services,
    door::{Closing, House},
};
use workspace::{Workspace, WorkspaceParts};

use crate::{
    audit_log,
    base::{Base, Sealed},
    error::StartError,
    lanes::{self, Lanes},
    sweep, watch as changes,
};

/// How long a request waits for the reservations of others when its budget is nearly spent.
const BUDGET_PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer that is read whole.
const MOST_ANSWER: usize = 64 * 1024 * 1024;
/// What `AIOHTTP_CLIENT_TIMEOUT=0` means: longer than anybody waits.
const FOR_EVER: Duration = Duration::from_hours(365 * 24);

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(base: Base, demo: Demo, stdout: impl FnOnce() -> Outlet) -> Result<(), StartError> {
    egress::install_tls();
    // Before anybody can connect: a signal that nobody hears yet ends the process on the spot.
    let signals = Signals::hear();
    let loaded = base.settings.load_full();
    let listener = listen(&loaded).await?;
    let tasks = TaskTracker::new();
    // Two stages: first no new work and streams end, then the ledger writes what is left.
    let (serving, settling) = (CancellationToken::new(), CancellationToken::new());
    // The audit log ends last: everything else may still have something to tell.
    let (telling, tellers) = (CancellationToken::new(), TaskTracker::new());
    let trail = audit_log::start(&base, stdout, &tellers, telling.clone()).await?;
    let app = wire(&base, demo, trail, &tasks, &serving, &settling).await?;
    welcome(&app, &listener, demo).await;
    tasks.spawn(changes::run(app.clone(), serving.clone()));
    tasks.spawn(sweep::run(app.services().identity.clone(), serving.clone()));
    let router = web::router(app);
    let lanes = Lanes::start(lanes::wanted(&loaded.settings)).map_err(StartError::Runtime)?;
    let patience = loaded.settings.shutdown_timeout.value;
    let house = House { router, world: base.world.clone(), settings: base.settings.clone() };
    let post = Post { listener, house, lanes: lanes.door(), signals, patience };
    answer_until_signal(post, serving).await;

    settling.cancel();
    tasks.close();
    if tokio::time::timeout(loaded.settings.shutdown_timeout.value, tasks.wait()).await.is_err() {
        tracing::error!("not all work could be finished in time; the latest usage may be missing");
    }
    lanes.stop();
    audit_log::stop(&base).await;
    telling.cancel();
    tellers.close();
    tellers.wait().await;
    base.db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The keys are not those of the data: says so until SIGTERM or SIGINT, and does nothing else.
pub(crate) async fn run_sealed(sealed: Sealed) -> Result<(), StartError> {
    let Sealed { settings, world, reason } = sealed;
    let signals = Signals::hear();
    let listener = listen(&settings.load_full()).await?;
    tracing::error!("sealed: {reason}");
    let house = House { router: web::sealed_router(&reason), world, settings };
    let post =
        Post { listener, house, lanes: web::door::Lanes::default(), signals, patience: Duration::ZERO };
    answer_until_signal(post, CancellationToken::new()).await;
    Ok(())
}

/// What answers, and until when.
struct Post {
    listener: TcpListener,
    house: House,
    lanes: web::door::Lanes,
    signals: Signals,
    /// How long running requests may go on after the signal.
    patience: Duration,
}

/// Answers requests until a signal comes, then lets running ones end for a while.
async fn answer_until_signal(post: Post, serving: CancellationToken) {
    let Post { listener, house, lanes, signals, patience } = post;
    let connections = TaskTracker::new();
    let closing = Closing { gently: serving, at_once: CancellationToken::new() };
    let tasks = connections.clone();
    let closed = connections.spawn(web::door::serve(listener, house, lanes, tasks, closing.clone()));
    signals.one().await;
    tracing::info!("shutting down: no new requests, running ones may end");
    closing.gently.cancel();
    drop(closed.await);
    connections.close();
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections are cut because they did not end in time");
        // They settle what they used, before the ledger closes.
        closing.at_once.cancel();
        connections.wait().await;
    }
}

async fn listen(loaded: &Loaded) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(loaded.settings.host.value, loaded.settings.port.value);
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address: address.to_string(), cause: error.to_string() })
}

/// Puts the services together.
async fn wire(
    base: &Base,
    demo: Demo,
    trail: Trail,
    tasks: &TaskTracker,
    serving: &CancellationToken,
    settling: &CancellationToken,
) -> Result<App, StartError> {
    let loaded = base.settings.load();
    // What is being answered asks again when it rings whether it still may be.
    let news = watch::Sender::default();
    let identity = Identity::new(IdentityParts {
        world: base.world.clone(),
        db: base.db.clone(),
        ring: base.ring.clone(),
        settings: base.settings.clone(),
        news: news.clone(),
    });
    if identity.ensure_admin().await?.is_some() {
        tracing::info!("the administrator of WEBUI_ADMIN_EMAIL was made");
    }
    identity.access_changed().await?;
    let gateway = Gateway::start(GatewayParts {
        world: base.world.clone(),
        db: base.db.clone(),
        ring: base.ring.clone(),
        egress: Egress::new(egress_config(&loaded)),
        prices: Prices::built_in().with(loaded.settings.model_prices.value.0.clone()),
        usage_seen: usage_lines(&trail, &loaded.settings),
        settings: base.settings.clone(),
        news,
        same_caller: same_caller(&identity),
        config: gateway_config(&loaded, demo),
        tasks: tasks.clone(),
        serving: serving.clone(),
        settling: settling.clone(),
    })
    .await?;
    let workspace = Workspace::start(WorkspaceParts {
        world: base.world.clone(),
        db: base.db.clone(),
        gateway: gateway.clone(),
        settings: base.settings.clone(),
        tasks: tasks.clone(),
        shutdown: serving.clone(),
    })
    .await?;
    Ok(App::new(Services {
        world: base.world.clone(),
        settings: base.settings.clone(),
        db: base.db.clone(),
        gateway,
        identity,
        workspace,
        trail,
    }))
}

fn same_caller(identity: &Identity) -> SameCaller {
    let identity = identity.clone();
    Arc::new(move |caller| {
        let identity = identity.clone();
        Box::pin(async move { identity.same_caller(&caller).await })
    })
}

/// Who gets the rows that the ledger has written: the audit log's lines, where they are wanted.
fn usage_lines(trail: &Trail, settings: &Settings) -> UsageSeen {
    if !settings.enable_audit_model_usage.value {
        return Arc::new(drop);
    }
    let trail = trail.clone();
    Arc::new(move |rows| trail.usage(rows))
}

fn egress_config(loaded: &Loaded) -> EgressConfig {
    let settings = &loaded.settings;
    EgressConfig {
        connect_timeout: settings.provider_connect_timeout.value,
        head_timeout: settings.aiohttp_client_timeout.value.limit().unwrap_or(FOR_EVER),
        lanes: lanes::wanted(&loaded.settings),
        ..EgressConfig::default()
    }
}

fn gateway_config(loaded: &Loaded, demo: Demo) -> GatewayConfig {
    let settings = &loaded.settings;
    let environment = loaded.providers.iter().map(|provider| EnvironmentConnection {
        name: provider.name.clone(),
        base_url: provider.base_url.clone(),
        key: provider.key.clone(),
    });
    GatewayConfig {
        master_key: settings.litellm_master_key.value.clone(),
        base_urls: loaded.base_urls.clone(),
        environment: if settings.enable_openai_api.value { environment.collect() } else { Vec::new() },
        demo,
        idle_timeout: settings.provider_idle_timeout.value,
        budget_patience: BUDGET_PATIENCE,
        budget_status: settings.budget_exceeded_status.value.code(),
        max_concurrent: usize::try_from(settings.max_concurrent_requests.value).unwrap_or(usize::MAX),
        max_answer: MOST_ANSWER,
        refresh_interval: settings.model_refresh_interval.value,
    }
}

/// Where to go and what to do first, for the person who just started the server.
async fn welcome(app: &App, listener: &TcpListener, demo: Demo) {
    let Ok(address) = listener.local_addr() else { return };
    let services = app.services();
    let loaded = services.settings.load();
    let url = loaded
        .settings
        .webui_url
        .value
        .as_ref()
        .map_or_else(|| format!("http://{address}"), ToString::to_string);
    tracing::info!(%address, "listening on http://{address}");
    let first = match services.identity.has_accounts().await {
        Ok(false) => "Open it and sign up: the first account becomes the administrator.",
        _ => "Open it and sign in.",
    };
    let second = match (demo, loaded.providers.is_empty()) {
        (Demo::On, _) => "The demo provider is on: choose a model that begins with \"demo/\".",
        (Demo::Off, true) => {
            "No provider is configured yet: add one under Connections, or start with --demo to look around."
        }
        (Demo::Off, false) => "Providers are configured: choose a model and chat.",
    };
    tracing::info!("{} is ready at {url}. {first} {second}", loaded.settings.webui_name.value);
    for notice in &loaded.notices {
        tracing::warn!("{notice}");
    }
}

/// SIGTERM and SIGINT; none where the system does not let us hear them.
struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// From now on they are heard and no longer end the process.
    fn hear() -> Self {
        Self(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    /// Waits for either.
    async fn one(self) {
        let Some((mut term, mut int)) = self.0 else {
            // Without signals nothing but SIGKILL ends the process; serving on is the best that is left.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}
