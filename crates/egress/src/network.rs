//! The seam between the rules and the operating system: look-up and connect.

use std::{io, net::SocketAddr};

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

/// A look-up under way.
pub type Answer<'a> = BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

/// A connection being made.
pub type Socket<'a> = BoxFuture<'a, io::Result<TcpStream>>;

/// What the connector asks of its surroundings. A test puts a network of its own here.
pub trait Network: Send + Sync + 'static {
    /// All addresses of a host, in the order of preference.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Answer<'a>;

    /// Connects to exactly this address.
    fn dial(&self, address: SocketAddr) -> Socket<'_>;
}

/// The operating system's resolver and sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Network for System {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Answer<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn dial(&self, address: SocketAddr) -> Socket<'_> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // Without this a token waits up to 40 ms for the acknowledgement of the one before it.
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}
