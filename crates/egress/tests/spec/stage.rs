//! A network in which every host and every address is under the test's control.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use egress::{Answer, Network, Socket};
use tokio::net::TcpStream;

/// Answers look-ups from a table, leads every connection to one canary and records where each was meant to go.
#[derive(Clone)]
pub(crate) struct Stage {
    canary: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The answers of successive look-ups; the last one repeats.
    names: HashMap<String, VecDeque<Vec<IpAddr>>>,
    lookups: usize,
    dialled: Vec<IpAddr>,
}

impl Stage {
    pub(crate) fn with_canary(canary: SocketAddr) -> Self {
        Self { canary, state: Arc::default() }
    }

    /// Adds the next answer of a name.
    pub(crate) fn answers(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.state.lock().unwrap().names.entry(name.to_owned()).or_default().push_back(addresses);
        self
    }

    /// The addresses that connections were opened to, in order.
    pub(crate) fn dialled(&self) -> Vec<String> {
        self.state.lock().unwrap().dialled.iter().map(ToString::to_string).collect()
    }

    /// How often a name was looked up.
    pub(crate) fn lookups(&self) -> usize {
        self.state.lock().unwrap().lookups
    }
}

impl Network for Stage {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Answer<'a> {
        let mut state = self.state.lock().unwrap();
        state.lookups += 1;
        let answers = state.names.get_mut(&host.to_ascii_lowercase());
        let found =
            answers.and_then(
                |answers| {
                    if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
                },
            );
        let answer = found
            .map(|addresses| addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
        Box::pin(async move { answer })
    }

    fn dial(&self, address: SocketAddr) -> Socket<'_> {
        self.state.lock().unwrap().dialled.push(address.ip());
        Box::pin(TcpStream::connect(self.canary))
    }
}
