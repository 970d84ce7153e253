//! The guarded connector: look up, check every address, connect to one that was checked.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tower::Service;

use crate::{EgressError, Network, Reach, name};

/// Ports that a public destination may have.
const PUBLIC_PORTS: [u16; 4] = [80, 443, 8080, 8443];

/// The most addresses of one host that are tried.
const MOST_ATTEMPTS: usize = 8;

/// Makes plain TCP connections, but only to addresses that the reach admits.
#[derive(Clone)]
pub(crate) struct Guarded {
    network: Arc<dyn Network>,
    reach: Reach,
    limit: Duration,
}

impl Guarded {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, EgressError> {
        let host = uri.host().ok_or(EgressError::Outside)?;
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if self.reach == Reach::Public && !PUBLIC_PORTS.contains(&port) {
            return Err(EgressError::Port);
        }
        let deadline = Instant::now() + self.limit;
        let addresses = timeout_at(deadline, self.addresses(host, port))
            .await
            .map_err(|_| EgressError::ConnectTimeout)??;
        self.first_open(&addresses, deadline).await
    }

    /// All addresses of the host. One closed address closes the host: a resolver that mixes private and
    /// public answers is an attack, not a preference.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = if let Ok(address) = literal.parse::<IpAddr>() {
            vec![SocketAddr::new(address, port)]
        } else {
            if self.reach == Reach::Public && !name::is_public(host) {
                return Err(EgressError::Refused);
            }
            self.network.resolve(host, port).await.map_err(|cause| {
                tracing::debug!(kind = ?cause.kind(), "a provider's host name did not resolve");
                EgressError::Resolve
            })?
        };
        if addresses.is_empty() {
            return Err(EgressError::Resolve);
        }
        if addresses.iter().all(|address| self.reach.admits(address.ip()) && address.port() == port) {
            Ok(addresses)
        } else {
            Err(EgressError::Refused)
        }
    }

    /// Tries the addresses one after the other, each with an equal share of the time that is left.
    async fn first_open(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TokioIo<TcpStream>, EgressError> {
        let mut failure = EgressError::Connect;
        let count = addresses.len().min(MOST_ATTEMPTS);
        for (tried, &address) in addresses.iter().take(count).enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(count - tried).unwrap_or(1);
            match timeout(share, self.network.dial(address)).await {
                Ok(Ok(stream)) => return Ok(TokioIo::new(stream)),
                Ok(Err(cause)) => {
                    tracing::debug!(kind = ?cause.kind(), "a provider's address did not accept a connection");
                    failure = EgressError::Connect;
                }
                Err(_) => failure = EgressError::ConnectTimeout,
            }
        }
        Err(failure)
    }
}

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// [`Guarded`] with TLS on top, the handshake within the same time limit.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: HttpsConnector<Guarded>,
    limit: Duration,
}

impl Connector {
    /// A connector for one reach. Connections of different reach must not share a pool, so each client
    /// gets a connector of its own.
    pub(crate) fn new(network: Arc<dyn Network>, reach: Reach, limit: Duration, tls: ClientConfig) -> Self {
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(Guarded { network, reach, limit });
        Self { tls, limit }
    }
}

/// TLS 1.2 and 1.3 with the authorities that browsers trust and these, each a DER certificate.
pub(crate) fn trust(authorities: &[&[u8]]) -> Result<ClientConfig, EgressError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for authority in authorities {
        roots.add(CertificateDer::from(authority.to_vec())).map_err(|_| EgressError::Authority)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("AWS-LC supports the default TLS versions");
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.tls.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(cause)) => Err(cause.downcast_ref::<EgressError>().copied().unwrap_or_else(|| {
                    tracing::debug!(%cause, "the TLS handshake with a provider failed");
                    EgressError::Tls
                })),
                Err(_) => Err(EgressError::ConnectTimeout),
            }
        })
    }
}
