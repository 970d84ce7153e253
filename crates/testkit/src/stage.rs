//! A stage is set: the environment, the data directory and the arguments of a process that does not run yet.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{FakeProvider, Ran, TestApp, backend::Backend, postgres::Database};

/// The model that actors ask for when a test does not say which.
pub const MODEL: &str = "plain-model";
/// The master key of every app, unless the test sets another.
pub const MASTER_KEY: &str = "sk-Yq7mZt3LwXc9Rk2Vd8Hf6Bn4";

/// Where and how a server will run. Starts with signing up open to everybody, so that a test can have people.
pub struct Stage {
    binary: PathBuf,
    /// The embedded database when there is none.
    database: Option<Database>,
    home: TempDir,
    environment: BTreeMap<String, String>,
    prices: BTreeMap<String, (f64, f64)>,
    providers: Vec<(String, String)>,
    arguments: Vec<&'static str>,
    umask: Option<u32>,
    most_file: Option<u32>,
}

impl Stage {
    pub(crate) fn new(backend: Backend) -> Self {
        let Backend { binary, database, home } = backend;
        let mut stage = Self {
            binary,
            database,
            home,
            environment: BTreeMap::new(),
            prices: BTreeMap::new(),
            providers: Vec::new(),
            arguments: vec!["serve"],
            umask: None,
            most_file: None,
        };
        std::fs::create_dir(stage.folder()).expect("the directory is ours");
        let data = stage.data_dir().display().to_string();
        stage.set("DATA_DIR", &data);
        stage.set("LITELLM_MASTER_KEY", MASTER_KEY);
        stage.set("ENABLE_SIGNUP", "true");
        stage.set("DEFAULT_USER_ROLE", "user");
        stage.set("WARDROOM_SHUTDOWN_TIMEOUT", "5s");
        if let Some(url) = stage.database.as_ref().map(Database::url) {
            stage.set("DATABASE_URL", &url);
            stage.set("DATABASE_POOL_SIZE", "4");
        }
        stage
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Removes a variable that every stage begins with.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Adds the demo provider.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.arguments.push("--demo");
        self
    }

    /// Connects a provider through the environment, with its key.
    #[must_use]
    pub fn provider(mut self, provider: &FakeProvider) -> Self {
        self.providers.push((provider.base_url(), provider.key().to_owned()));
        let join = |of: fn(&(String, String)) -> &str| -> String {
            self.providers.iter().map(of).collect::<Vec<_>>().join(";")
        };
        let (urls, keys) = (join(|(url, _)| url), join(|(_, key)| key));
        self.env("OPENAI_API_BASE_URLS", &urls).env("OPENAI_API_KEYS", &keys)
    }

    /// Gives a model a price in US dollars per million tokens.
    #[must_use]
    pub fn priced(mut self, model: &str, prompt: f64, completion: f64) -> Self {
        self.prices.insert(model.to_owned(), (prompt, completion));
        let prices: serde_json::Map<_, _> = self
            .prices
            .iter()
            .map(|(model, (prompt, completion))| {
                (model.clone(), json!({ "prompt": prompt, "completion": completion }))
            })
            .collect();
        let text = serde_json::Value::from(prices).to_string();
        self.env("MODEL_PRICES", &text)
    }

    /// Runs everything under this umask.
    #[must_use]
    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = Some(mask);
        self
    }

    /// Runs the server where no file can grow beyond so many KiB: to it the disk is full then. See
    /// [`TestApp::make_space`].
    #[must_use]
    pub fn disk_of(mut self, kibibytes: u32) -> Self {
        self.most_file = Some(kibibytes);
        self
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(self) -> TestApp {
        let app = self.serve().await;
        app.is_ready().await;
        app
    }

    /// Starts the server and waits only until it answers.
    pub async fn serve(self) -> TestApp {
        TestApp::launch(self).await
    }

    /// Runs `wardroom serve` where it must end by itself.
    pub fn fails(&self) -> Ran {
        let port = crate::free_port::find().to_string();
        let mut command = self.command(&self.arguments);
        command.env("PORT", port);
        Ran::of(command).expect_failure()
    }

    /// Starts a server and kills it this long after, wherever it is then.
    pub fn kill_after(&self, time: Duration) {
        let mut child = self.serve_command(crate::free_port::find()).stdout(Stdio::null()).spawn();
        let child = child.as_mut().expect("the binary starts");
        thread::sleep(time);
        drop(child.kill());
        drop(child.wait());
    }

    /// Runs a command in the same environment.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Runs a command with a variable set for it alone.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Ran::of(command)
    }

    /// Runs a line of shell in the same environment, with the binary as `$0`.
    pub fn shell(&self, line: &str) -> Ran {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).arg(&self.binary);
        shell.env_clear().env("PATH", "/usr/bin:/bin").envs(&self.environment).current_dir(self.folder());
        Ran::of(shell)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.umask {
            None => Command::new(&self.binary),
            Some(mask) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("umask {mask:03o}; exec \"$0\" \"$@\"")]).arg(&self.binary);
                shell
            }
        };
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.folder());
        command
    }

    pub(crate) fn serve_command(&self, port: u16) -> Command {
        let mut command = self.command(&self.arguments);
        if let Some(kibibytes) = self.most_file {
            let mut shell = Command::new("sh");
            // An ignored signal stays ignored in the program, to which a write then fails as on a full disk. The unit
            // of the shell is half a KiB, and the soft limit can be lifted again.
            let line = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", kibibytes * 2);
            shell.args(["-c", &line]).arg(&self.binary).args(&self.arguments);
            shell.env_clear().env("PATH", "/usr/bin:/bin").envs(&self.environment).current_dir(self.folder());
            command = shell;
        }
        command.env("PORT", port.to_string());
        command
    }

    /// The working directory, where a `.env` file would be read.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Whether the embedded database is used.
    pub fn is_sqlite(&self) -> bool {
        self.database.is_none()
    }

    /// Asks the database in SQL, each row as its fields in text; null is empty.
    pub fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.database {
            Some(database) => database.ask(sql),
            None => crate::sql::ask_sqlite(&self.data_dir().join("wardroom.db"), sql),
        }
    }

    /// Removes the PostgreSQL database while the server uses it.
    pub fn drop_database(&self) {
        self.database.as_ref().expect("only PostgreSQL can lose a database").remove();
    }

    /// Every file of the data directory and everything that PostgreSQL holds, for finding what must not be there.
    pub fn all_data(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.data_dir(), &mut found);
        if let Some(database) = &self.database {
            found.push(("the PostgreSQL database".to_owned(), database.dump()));
        }
        found
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }
}

fn collect(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}
