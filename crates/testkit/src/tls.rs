//! TLS with the certificate of the tests, which is valid for `localhost` and which nobody else trusts.

use std::{io, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const AUTHORITY: &[u8] = include_bytes!("../../egress/tests/data/tls/authority.der");
const CERTIFICATE: &[u8] = include_bytes!("../../egress/tests/data/tls/localhost.der");
const KEY: &[u8] = include_bytes!("../../egress/tests/data/tls/localhost.key.der");

/// Speaks TLS over a connection, with a server that must hold the certificate of the tests.
pub(crate) async fn over(stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from(AUTHORITY)).expect("the tests' authority is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of the default versions")
        .with_root_certificates(authorities)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("localhost is a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Certificate and key as servers read them from files.
pub(crate) fn pem() -> (String, String) {
    let wrap =
        |label: &str, der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines(der));
    (wrap("CERTIFICATE", CERTIFICATE), wrap("PRIVATE KEY", KEY))
}

fn lines(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}
