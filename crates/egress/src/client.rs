//! The one HTTP client of the process.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header::HOST};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use crate::{
    Destination, EgressError, Network, Reach, System,
    dial::{Connector, trust},
    lane::lane,
};

/// The largest head of an answer, and the largest read at once, in bytes.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// The most header fields of an answer.
const MOST_HEADERS: usize = 128;

/// Time limits of the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressConfig {
    /// Longest wait for name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Longest wait from sending a request to the head of its answer. Answers that are not streamed come
    /// only when the model has finished, so this is minutes.
    pub head_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many threads have a pool of their own; see [`crate::enter_lane`].
    pub lanes: usize,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_mins(10),
            idle_timeout: Duration::from_mins(1),
            lanes: 0,
        }
    }
}

/// Sends requests to providers. One per process; clones share their connections.
#[derive(Clone)]
pub struct Egress {
    /// The shared one first, then one for each lane. Never empty.
    pools: Arc<[Pools]>,
    head_timeout: Duration,
}

/// Two clients, so that a connection made for a named destination can never serve a public one.
struct Pools {
    public: Client<Connector, Full<Bytes>>,
    named: Client<Connector, Full<Bytes>>,
}

impl Egress {
    /// A client on the operating system's network.
    pub fn new(config: EgressConfig) -> Self {
        Self::on(System, config)
    }

    /// A client on another network, for tests.
    pub fn on(network: impl Network, config: EgressConfig) -> Self {
        Self::trusting(network, config, &[]).expect("the built-in authorities are readable")
    }

    /// A client that trusts further certificate authorities, each a DER certificate, for a provider inside a
    /// company. [`EgressError::Authority`] when one of them cannot be read.
    pub fn trusting(
        network: impl Network,
        config: EgressConfig,
        authorities: &[&[u8]],
    ) -> Result<Self, EgressError> {
        let network: Arc<dyn Network> = Arc::new(network);
        let tls = trust(authorities)?;
        let client = |reach| {
            pool(Connector::new(network.clone(), reach, config.connect_timeout, tls.clone()), &config)
        };
        let pools = || Pools { public: client(Reach::Public), named: client(Reach::Named) };
        Ok(Self { pools: (0..=config.lanes).map(|_| pools()).collect(), head_timeout: config.head_timeout })
    }

    /// Sends a request, whose URI must come from [`Destination::uri`], and waits for the head of the answer.
    ///
    /// Redirects are handed back like any answer. Dropping the future, or later the body, closes the
    /// connection at once, so that the provider stops working. A request that met a connection which the
    /// provider was just closing is sent again; one that may have reached the provider is not.
    pub async fn send(
        &self,
        to: &Destination,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, EgressError> {
        if request.method() == Method::CONNECT || !to.covers(request.uri()) {
            return Err(EgressError::Outside);
        }
        request.headers_mut().remove(HOST);
        let pools = self.pools.get(lane()).unwrap_or(&self.pools[0]);
        let client = match to.reach() {
            Reach::Public => &pools.public,
            Reach::Named => &pools.named,
        };
        match timeout(self.head_timeout, client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(EgressError::from_client(&error)),
            Err(_) => Err(EgressError::HeadTimeout),
        }
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}

fn pool(connector: Connector, config: &EgressConfig) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(config.idle_timeout)
        // A bound below the number of open streams turns into a wall of new connections and failures.
        .pool_max_idle_per_host(usize::MAX)
        .retry_canceled_requests(true)
        .set_host(true)
        .http1_max_buf_size(MOST_HEAD_BYTES)
        .http1_max_headers(MOST_HEADERS)
        .http2_max_header_list_size(u32::try_from(MOST_HEAD_BYTES).expect("64 KiB fit into 32 bits"))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .build(connector)
}
