//! A provider of raw bytes: a listener whose answers the test writes by hand.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use egress::{Destination, Egress, EgressConfig, Reach};
use http::Request;
use http_body_util::Full;
use kernel::BaseUrl;

/// Serves until the test process ends.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Provider {
    /// Gives each connection to `script` on a thread of its own.
    pub(crate) fn start(script: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (script, counter) = (Arc::new(script), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let script = script.clone();
                thread::spawn(move || script(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers every request on every connection with the same bytes.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            while read_request(&mut stream).is_some() {
                if stream.write_all(&answer).is_err() {
                    return;
                }
            }
        })
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The destination of this provider as the operator would name it.
    pub(crate) fn destination(&self) -> Destination {
        destination(&format!("http://{}/v1", self.address), Reach::Named)
    }
}

/// Reads one request and returns its head, or none when the other side has closed.
pub(crate) fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = announced.map_or(0, |text| text.parse::<usize>().unwrap());
            while bytes.len() < end + 4 + length {
                let read = stream.read(&mut piece).ok().filter(|&read| read > 0)?;
                bytes.extend_from_slice(&piece[..read]);
            }
            return Some(head);
        }
        let read = stream.read(&mut piece).ok().filter(|&read| read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

pub(crate) fn destination(base: &str, reach: Reach) -> Destination {
    Destination::new(&BaseUrl::parse(base).unwrap(), reach).unwrap()
}

/// A request for `/models` of this destination.
pub(crate) fn request(to: &Destination) -> Request<Full<Bytes>> {
    Request::get(to.uri("/models", None).unwrap()).body(Full::default()).unwrap()
}

/// A client whose limits are short enough to be met in a test.
pub(crate) fn quick() -> EgressConfig {
    EgressConfig {
        connect_timeout: Duration::from_secs(5),
        head_timeout: Duration::from_secs(5),
        ..EgressConfig::default()
    }
}

pub(crate) fn egress() -> Egress {
    Egress::new(quick())
}
