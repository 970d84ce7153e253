//! Bytes as no HTTP client would send them.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::PATIENCE;

/// Sends bytes and reads until the server closes the connection.
///
/// Panics when it does not within [`crate::PATIENCE`]: then something hangs.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts connections");
    // A server that has refused already may reset the connection while we still write.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server kept a broken connection: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}
