//! A second process on the same data, as behind a load balancer.

use std::{
    fs::OpenOptions,
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Stdio},
};

use tokio::time::{Duration, Instant};

use crate::{Anonymous, Caller, PATIENCE, TestApp, free_port};

/// A server beside a [`TestApp`]. Killed when dropped.
pub struct Twin {
    process: Child,
    address: SocketAddr,
}

impl Drop for Twin {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl TestApp {
    /// Starts another server on the same data and waits until it is ready. Drop it before the app.
    pub async fn twin(&self) -> Twin {
        let deadline = Instant::now() + PATIENCE;
        let mut twin = self.launch_twin();
        loop {
            if twin.anonymous().draft("GET", "/ready").try_send().await.is_ok_and(|it| it.status == 200) {
                return twin;
            }
            // Somebody may have taken the port in between.
            if twin.process.try_wait().expect("the child is ours").is_some() {
                twin = self.launch_twin();
            }
            assert!(Instant::now() < deadline, "the second server is never ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn launch_twin(&self) -> Twin {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port::find()));
        let mut command = self.serve_command(address.port());
        let open = || {
            let opened = OpenOptions::new().create(true).append(true).open(self.log_file());
            opened.expect("the directory is ours")
        };
        command.stdin(Stdio::null()).stdout(open()).stderr(open());
        Twin { process: command.spawn().expect("the binary starts"), address }
    }
}

impl Twin {
    /// Somebody without a credential.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous(Caller::new(self.address))
    }

    /// Somebody whose next requests happen to reach this process.
    pub fn seen(&self, caller: &Caller) -> Caller {
        caller.moved_to(self.address)
    }
}
