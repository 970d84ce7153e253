//! The real binary, running on a stage of its own.

use std::{
    fs::OpenOptions,
    net::{Ipv4Addr, SocketAddr},
    ops::Deref,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::json;
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    Admin, Anonymous, Caller, PATIENCE, Person, Stage, Usage, actors::KeyDraft, eventually, free_port,
};

/// A running server. Killed when dropped. It has the methods of its [`Stage`] too.
pub struct TestApp {
    // Declared first, so that it is dropped, and killed, before its files and its database go.
    process: Process,
    address: SocketAddr,
    stage: Stage,
    keeper: OnceCell<Admin>,
}

struct Process(Option<Child>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Deref for TestApp {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl TestApp {
    pub(crate) async fn launch(mut stage: Stage) -> Self {
        loop {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port::find()));
            let mut app = Self { process: Process(None), address, stage, keeper: OnceCell::new() };
            if app.try_start().await {
                return app;
            }
            stage = app.stage;
        }
    }

    /// False when somebody else took the port in between.
    async fn try_start(&mut self) -> bool {
        let open = || {
            let opened = OpenOptions::new().create(true).append(true).open(self.stage.log_file());
            opened.expect("the directory is ours")
        };
        let mut command = self.stage.serve_command(self.address.port());
        command.stdin(Stdio::null()).stdout(open()).stderr(open());
        self.process = Process(Some(command.spawn().expect("the binary starts")));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.anonymous().draft("GET", "/health").try_send().await.is_ok_and(|it| it.status == 200) {
                return true;
            }
            if let Some(status) = self.ended() {
                let log = self.log();
                assert!(log.contains("cannot listen"), "the server ended with {status}:\n{log}");
                return false;
            }
            assert!(Instant::now() < deadline, "the server does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until `/ready` says yes. Panics with its reason when it does not.
    pub async fn is_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ready = self.anonymous().get("/ready").await;
            if ready.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "never ready: {}\n{}", ready.text(), self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.0.as_ref().map_or(0, Child::id)
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.0.as_mut()?.try_wait().expect("the child is ours")
    }

    /// SIGKILL: no goodbye.
    pub fn kill(&mut self) {
        drop(std::mem::replace(&mut self.process, Process(None)));
    }

    /// SIGTERM: asks the server to end. See [`TestApp::wait`].
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "the server was gone already");
    }

    /// Lets files grow again after [`Stage::disk_of`].
    pub fn make_space(&self) {
        let pid = self.pid().to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status();
        assert!(lifted.is_ok_and(|status| status.success()), "prlimit (util-linux) lifts the limit");
    }

    /// Waits until the process has ended.
    pub async fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the server in order.
    pub async fn stop(&mut self) {
        self.terminate();
        let status = self.wait().await;
        assert!(status.success(), "the server ended with {status}:\n{}", self.log());
        self.process.0 = None;
    }

    /// Starts the server again on the same data, after [`TestApp::kill`] or [`TestApp::stop`].
    pub async fn start_again(&mut self) {
        assert!(self.try_start().await, "somebody took the port:\n{}", self.log());
        self.is_ready().await;
    }

    /// Starts the server again where its keys do not fit its data, so that it will never be ready.
    pub async fn start_sealed(&mut self) {
        assert!(self.try_start().await, "somebody took the port:\n{}", self.log());
    }

    /// Changes a variable for the next start.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.stage.set(name, value);
    }

    /// Ends the server in order and starts it again.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Everything the server has logged, over all starts.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.stage.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends the server and proves that no file of it, no table and no log line holds this secret.
    pub async fn stop_and_search_for(mut self, secret: &str) {
        self.stop().await;
        self.must_not_hold(secret);
    }

    /// Proves that at this moment no file of the server, no table and no log line holds this secret.
    #[track_caller]
    pub fn must_not_hold(&self, secret: &str) {
        assert!(!self.log().contains(secret), "the log holds the secret");
        for (place, bytes) in self.stage.all_data() {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{place} holds the secret");
        }
    }

    /// Waits for a log line that holds this text, and returns it.
    pub async fn log_line(&self, part: &str) -> String {
        let find = || async { self.log().lines().find(|line| line.contains(part)).map(str::to_owned) };
        eventually(&format!("a log line with {part:?}"), find).await
    }

    /// Waits until the ledger has this many rows, and returns them, oldest first.
    pub async fn usage(&self, count: usize) -> Vec<Usage> {
        let mut rows = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while rows.len() < count {
            assert!(Instant::now() < deadline, "{} usage rows instead of {count}: {rows:#?}", rows.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
            rows = self.stage.sql(crate::usage::ALL).into_iter().map(Usage::of).collect();
        }
        assert_eq!(rows.len(), count, "{rows:#?}");
        rows
    }

    /// Somebody without a credential.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous(Caller::new(self.address))
    }

    /// Whoever holds the master key.
    pub fn master(&self) -> Caller {
        Caller::new(self.address).bearer(crate::stage::MASTER_KEY)
    }

    /// Signs up the first person, who becomes the administrator, or signs the same one in again.
    pub async fn admin(&self) -> Admin {
        Admin(self.sign_up_or_in("Ada Admin").await)
    }

    /// Signs a person up, or in when they have an account. The app must have an administrator before, because
    /// the first account becomes one.
    pub async fn person(&self, name: &str) -> Person {
        self.sign_up_or_in(name).await
    }

    async fn sign_up_or_in(&self, name: &str) -> Person {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let password = format!("Correct-{name}-9-Battery");
        let account = json!({ "name": name, "email": email, "password": password });
        let stranger = self.anonymous();
        let up = stranger.post("/api/v1/auths/signup", account.clone()).await;
        let session = match up.status {
            200 => up,
            _ => stranger.post("/api/v1/auths/signin", account).await.expect(200),
        };
        Person::of(&Caller::new(self.address), &session.json(), email, password)
    }

    /// A virtual key that is about to be made.
    pub fn key(&self) -> KeyDraft<'_> {
        KeyDraft::of(self)
    }

    /// The administrator who makes keys, signed in once.
    pub(crate) async fn keeper(&self) -> &Admin {
        self.keeper.get_or_init(async || self.admin().await).await
    }
}
