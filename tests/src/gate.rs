//! The real binary, started as a user starts it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::gemini::Gemini;
use crate::{audit, wait};

/// How to start a gate: where its data lies, under which policy, with which settings.
#[derive(Debug, Default)]
pub struct Setup {
    env: Vec<(String, String)>,
    policy: Option<String>,
    data: Option<PathBuf>,
    largest_file: Option<u32>,
}

/// The file of a policy that it was given.
const POLICY: &str = "policy.toml";

/// A running gate. It is killed when it is dropped.
#[derive(Debug)]
pub struct Gate {
    /// Where it listens.
    pub endpoint: String,
    /// A caller's key that it takes.
    pub key: String,
    child: Child,
    data: PathBuf,
    printed: Printed,
    home: TempDir,
}

/// All that a process has printed on both streams.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Arc<Mutex<JoinSet<()>>>,
}

impl Setup {
    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it under this policy instead of the embedded one.
    #[must_use]
    pub fn policy(mut self, toml: &str) -> Self {
        self.policy = Some(toml.to_owned());
        self
    }

    /// Keeps its data here, where it outlives the gate.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Lets no file of its grow beyond this size: what a full disk looks like to a process, without a disk to fill.
    #[must_use]
    pub fn largest_file(mut self, bytes: u32) -> Self {
        self.largest_file = Some(bytes);
        self
    }

    /// Starts it before `gemini`, and returns once it is healthy.
    ///
    /// # Panics
    /// When it does not start, with all it printed.
    pub async fn start(self, gemini: &Gemini) -> Gate {
        let home = wait::done("make a folder", tempfile::tempdir());
        let data = self.data.unwrap_or_else(|| home.path().join("data"));
        let mut command = self.largest_file.map_or_else(command, command_within);
        command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        if let Some(policy) = &self.policy {
            let file = home.path().join(POLICY);
            wait::done("write the policy", std::fs::write(&file, policy));
            command.arg("--policy").arg(file);
        }
        command.env("GEMINI_API_KEY", gemini.key()).env("GEMINI_BASE_URL", gemini.url()).envs(self.env);
        let mut child = wait::done("start gatehouse", command.spawn());
        let printed = Printed::of(&mut child);
        let (endpoint, key) = first_line(&mut child, &printed).await;
        let gate = Gate { endpoint, key, child, data, printed, home };
        wait::until("gatehouse to be healthy", || async {
            (gate.client().get("/healthz").await.status == 200).then_some(())
        })
        .await;
        gate
    }
}

impl Gate {
    /// Starts a gate with nothing special about it.
    pub async fn start(gemini: &Gemini) -> Self {
        Setup::default().start(gemini).await
    }

    /// A client with its key.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.endpoint, &self.key)
    }

    /// The folder that holds its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Writes another policy over the one that it was started under.
    pub fn change_policy(&self, toml: &str) {
        wait::done("write the policy", std::fs::write(self.home.path().join(POLICY), toml));
    }

    /// All it printed so far, both streams.
    #[must_use]
    pub fn printed(&self) -> String {
        self.printed.all()
    }

    /// What it printed on standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.printed.stdout()
    }

    /// The most memory it ever held, in bytes, where the system tells: on Linux.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
    }

    /// Kills it without a warning, as Lambda would.
    pub async fn kill(&mut self) {
        wait::done("kill gatehouse", wait::within("gatehouse to die", self.child.kill()).await);
    }

    /// Asks it to stop, and returns once it has drained and gone.
    ///
    /// # Panics
    /// When it does not go.
    pub async fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().expect("gatehouse is running");
        // The shell's own `kill`: not every machine has it as a program.
        let asked = Command::new("/bin/sh").arg("-c").arg(format!("kill -TERM {id}")).status().await;
        assert!(wait::done("run kill", asked).success(), "gatehouse could not be signalled");
        let status = wait::done("wait for gatehouse", wait::within("gatehouse to stop", self.child.wait()).await);
        self.printed.finish().await;
        status
    }

    /// The audit rows in its database, once `enough` says that the drain has brought all that matter.
    pub async fn audit(&self, what: &str, enough: impl Fn(&[audit::Row]) -> bool) -> Vec<audit::Row> {
        audit::rows(&self.data, what, enough).await
    }
}

impl Printed {
    /// Begins to read what a child prints.
    #[must_use]
    pub fn of(child: &mut Child) -> Self {
        let printed = Self::default();
        let mut readers = printed.readers.lock().unwrap();
        if let Some(stdout) = child.stdout.take() {
            readers.spawn(keep(stdout, Arc::clone(&printed.stdout)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(keep(stderr, Arc::clone(&printed.stderr)));
        }
        drop(readers);
        printed
    }

    /// All of it, both streams.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", lossy(&self.stdout), lossy(&self.stderr))
    }

    /// Standard output alone.
    #[must_use]
    pub fn stdout(&self) -> String {
        lossy(&self.stdout)
    }

    /// Waits until both streams have ended.
    pub async fn finish(&self) {
        let mut readers = std::mem::take(&mut *self.readers.lock().unwrap());
        wait::within("both streams to end", async { while readers.join_next().await.is_some() {} }).await;
    }
}

async fn keep(mut from: impl AsyncRead + Unpin, kept: Arc<Mutex<Vec<u8>>>) {
    let mut piece = Vec::with_capacity(8192);
    while from.read_buf(&mut piece).await.is_ok_and(|read| read > 0) {
        kept.lock().unwrap().append(&mut piece);
    }
}

fn lossy(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned()
}

/// Endpoint and key from the one line that `up --json` prints.
async fn first_line(child: &mut Child, printed: &Printed) -> (String, String) {
    let line = wait::until("gatehouse to print its line", || {
        let ended = child.try_wait().ok().flatten();
        async move {
            assert!(ended.is_none(), "gatehouse ended with {ended:?}:\n{}", printed.all());
            printed.stdout().split_once('\n').map(|(line, _)| line.to_owned())
        }
    })
    .await;
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let field = |name: &str| {
        told.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{line:?} names no {name}")).to_owned()
    };
    (field("endpoint"), field("key"))
}

/// The built binary with a bare environment, ready for arguments.
#[must_use]
pub fn command() -> Command {
    bare(Command::new(binary()))
}

/// The same, where writing a file beyond a size fails. Without the trap the first such write would kill the process.
fn command_within(bytes: u32) -> Command {
    const BLOCK: u32 = 512;
    let mut shell = bare(Command::new("/bin/sh"));
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / BLOCK)).arg(binary());
    shell
}

fn bare(mut command: Command) -> Command {
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Cargo puts the binary beside the folder of the test that runs: `target/debug/gatehouse`.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn binary() -> PathBuf {
    built("gatehouse")
}

/// Any of the built binaries.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = wait::done("find the running test", std::env::current_exe());
    let binary = test.parent().and_then(Path::parent).unwrap_or(&test).join(name);
    assert!(
        binary.exists(),
        "{} is not built: run `cargo test --workspace`, or `cargo build --bins` first",
        binary.display()
    );
    binary
}
