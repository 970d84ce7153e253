//! A real nginx, as an operator puts one in front of the server.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    PATIENCE,
    client::{Way, Wire},
    free_port, tls,
};

/// A running nginx with a folder of its own. Killed when dropped.
pub struct Nginx {
    // Declared first, so that it is killed before its files go.
    process: Process,
    folder: TempDir,
    address: SocketAddr,
    wire: Wire,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Nginx {
    /// Starts one with these `server` blocks, which are made for the address on which they shall listen. They find a
    /// certificate for `localhost` in `chat.pem` with its key in `chat.key`.
    ///
    /// Panics with what nginx says when it does not start, and where it is not installed.
    pub async fn start(sites: impl Fn(SocketAddr) -> String) -> Self {
        loop {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port::find()));
            let mut nginx = Self::launch(address, &sites(address));
            if nginx.listens().await {
                return nginx;
            }
        }
    }

    fn launch(address: SocketAddr, sites: &str) -> Self {
        let folder = tempfile::tempdir().expect("the directory for temporary files can be written");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the directory is ours");
        };
        let (certificate, key) = tls::pem();
        write("chat.pem", &certificate);
        write("chat.key", &key);
        // One process, so that killing it leaves nobody behind, and nobody changes to another user.
        write(
            "nginx.conf",
            &format!(
                "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\n\
                 access_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
                 uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n{sites}\n}}\n"
            ),
        );
        let spawn = |program: &str| {
            let mut command = Command::new(program);
            command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        // Debian keeps it where only root's PATH leads.
        let child = spawn("nginx").or_else(|_| spawn("/usr/sbin/nginx"));
        let child = child.expect("nginx must be installed: scripts/setup test does it");
        let wire = if sites.contains("ssl_certificate") { Wire::Tls } else { Wire::Plain };
        Self { process: Process(child), folder, address, wire }
    }

    /// False when somebody else took the port in between.
    async fn listens(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.process.0.try_wait().expect("the child is ours");
            if let Some(status) = ended {
                let said = self.said();
                assert!(said.contains("Address already in use"), "nginx ended with {status}:\n{said}");
                return false;
            }
            // Its own file says that it is past binding: a connection alone could be answered by somebody else.
            if self.folder.path().join("nginx.pid").exists() && TcpStream::connect(self.address).await.is_ok()
            {
                return true;
            }
            assert!(Instant::now() < deadline, "nginx does not listen:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What nginx complained about.
    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn way(&self) -> Way {
        Way { wire: self.wire, ..Way::to(self.address) }
    }
}
