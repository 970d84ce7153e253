//! A throw-away PostgreSQL server, shared by all test processes of a user and gone soon after the last.
//!
//! Every test process holds a shared lock on a file for as long as it lives; the operating system lets
//! go of it even when the process is killed. A watcher, started with the server, stops the server and
//! removes its files as soon as it gets that lock for itself.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File, OpenOptions, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh database of a test's own; dropped with this value.
pub struct Database {
    name: String,
    server: &'static Server,
}

impl Database {
    /// A new database, or `None` where PostgreSQL is not installed: the test is then left out, and says
    /// so. With `CI=true` nothing may be left out, so there it panics instead.
    pub fn create() -> Option<Self> {
        let server = Server::shared()?;
        let name = format!("t_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        server.sql(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        Some(Self { name, server })
    }

    /// Where to connect, for `DATABASE_URL`.
    pub fn url(&self) -> String {
        let mut host = String::new();
        for byte in self.server.home.as_os_str().as_encoded_bytes() {
            write!(host, "%{byte:02x}").expect("writing to a String cannot fail");
        }
        format!("postgres://wardroom@{host}/{}?sslmode=disable", self.name)
    }

    /// Runs a statement as the owner of the server, outside of the connections under test.
    pub fn sql(&self, sql: &str) {
        self.server.psql(&self.name, sql);
    }

    /// Asks a question in SQL and returns the answer, each row as its fields in text; null is empty.
    pub fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let answer = self.server.psql(&self.name, sql);
        answer.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Everything in it as a script, for finding what must not be there.
    pub fn dump(&self) -> Vec<u8> {
        let mut dump = Command::new(self.server.bin.join("pg_dump"));
        dump.args(["-U", "wardroom", "-h"]).arg(&self.server.home).arg(&self.name);
        let done = dump.output().expect("pg_dump starts");
        assert!(done.status.success(), "pg_dump: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Removes it at once, whoever is connected.
    pub fn remove(&self) {
        self.server.sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }

    /// Cuts all connections to this database, as a restart of the server would.
    pub fn cut_connections(&self) {
        let name = &self.name;
        self.server
            .sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The running server.
struct Server {
    home: PathBuf,
    bin: PathBuf,
    /// The shared lock that keeps the watcher away.
    _in_use: File,
}

impl Server {
    fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start_or_join).as_ref()
    }

    fn start_or_join() -> Option<Self> {
        let Some(bin) = find_binaries() else {
            #[expect(
                clippy::disallowed_methods,
                reason = "the kit has no settings; CI decides what may be missing"
            )]
            let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "PostgreSQL is not installed, and with CI=true no test may be left out");
            say("left out on PostgreSQL: it is not installed (apt-get install postgresql)");
            return None;
        };
        // Short, because the path of a unix socket is limited to 107 bytes.
        let base = env::temp_dir().join(format!("wardroom-pg-{}", whoami()));
        fs::create_dir_all(&base).expect("the directory for temporary files can be written");
        fs::set_permissions(&base, Permissions::from_mode(0o755)).expect("the directory is ours");
        let (start, in_use) = (lock_file(&base.join("start.lock")), lock_file(&base.join("use.lock")));
        let home = base.join("server");
        start.lock().expect("the file system has locks");
        if !answers(&bin, &home) {
            start_server(&bin, &home);
            watch(&base);
        }
        in_use.lock_shared().expect("the file system has locks");
        drop(start);
        Some(Self { home, bin, _in_use: in_use })
    }

    fn sql(&self, sql: &str) {
        self.psql("postgres", sql);
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-U", "wardroom", "-h"])
            .arg(&self.home);
        let done = psql.args(["-d", database, "-c", sql]).output().expect("psql starts");
        assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

#[expect(clippy::print_stderr, reason = "a test that leaves something out says so where tests speak")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The newest installed version.
fn find_binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| bin.iter().rev().nth(1)?.to_str()?.parse::<u32>().ok())
}

fn whoami() -> String {
    let id = Command::new("id").arg("-u").output().expect("id starts");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

fn lock_file(path: &Path) -> File {
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    opened.expect("the directory for temporary files can be written")
}

fn answers(bin: &Path, home: &Path) -> bool {
    let mut ready = Command::new(bin.join("pg_isready"));
    ready.arg("-q").arg("-h").arg(home).args(["-d", "postgres"]);
    home.exists() && ready.status().is_ok_and(|status| status.success())
}

/// Makes a new cluster; what an earlier server left behind when the machine stopped is removed.
fn start_server(bin: &Path, home: &Path) {
    drop(fs::remove_dir_all(home));
    fs::create_dir(home).expect("the directory for temporary files can be written");
    if whoami() == "0" {
        run(Command::new("chown").arg("postgres").arg(home));
    }
    let data = home.join("data");
    run(as_plain_user(&bin.join("initdb"))
        .args(["--auth=trust", "--no-sync", "--username=wardroom"])
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--pgdata"])
        .arg(&data));
    let options = format!(
        "-k {} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
         -c max_connections=500 -c autovacuum=off",
        home.display()
    );
    run(as_plain_user(&bin.join("pg_ctl"))
        .args(["start", "-w", "-D"])
        .arg(&data)
        .arg("-l")
        .arg(home.join("server.log"))
        .arg("-o")
        .arg(options));
    while !answers(bin, home) {
        thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the watcher: a shell in the background and of a process group of its own, so that it outlives
/// the test that started it.
fn watch(base: &Path) {
    let script = "while sleep 10; do
        flock -n \"$0/start.lock\" flock -n \"$0/use.lock\" sh -c '
            kill -QUIT $(head -n 1 \"$0/server/data/postmaster.pid\") && sleep 1; rm -rf \"$0/server\"
        ' \"$0\"
        test -d \"$0/server\" || exit 0
    done &";
    let mut watcher = Command::new("sh");
    watcher.args(["-c", script]).arg(base).process_group(0);
    watcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    assert!(watcher.status().is_ok_and(|status| status.success()), "a shell starts");
}

/// PostgreSQL refuses to run as root, so root hands it to the user that its package made.
fn as_plain_user(program: &Path) -> Command {
    if whoami() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn run(command: &mut Command) {
    // Nobody may wait for the server's end, so it gets none of our streams.
    let log = env::temp_dir().join(format!("wardroom-pg-{}/setup.log", whoami()));
    let log = OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
    let same = log.try_clone().expect("a file can be opened twice");
    command.stdin(Stdio::null()).stdout(log).stderr(same).current_dir("/");
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{} failed, see setup.log", command.get_program().display());
}
