//! `gatehouse up`: the whole bundle in one process.

use std::io::{self, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::Args;
use completion::admission::Accounts;
use completion::{Config, Gate, Parts, Rules};
use serde_json::json;
use shared::audit::WriterId;
use shared::caller::Key;
use shared::clock::{Clock as _, SystemClock};
use shared::config::{Reader, Strings};
use shared::google::gemini;
use shared::host::{self, Door};
use shared::policy::Compiled;
use shared::ports::{AuditQueue, Callers, Model};
use shared::recorder::Recorder;
use tokio::net::TcpListener;

use super::Failure;
use super::reload::{Watched, follow};
use crate::offline::Offline;
use crate::print::{self, Look};
use crate::store::{callers, drain, ledger::Ledger, pepper, spool::Spool, sqlite};
use crate::upstream::Upstream;

/// How often the spool is moved into SQLite.
const DRAIN_EVERY: Duration = Duration::from_millis(200);

/// Start the whole bundle in this process: what runs without a command, too.
///
/// Serves Gemini's API on this machine. With GEMINI_API_KEY (or GEMINI_API_KEY_FILE) set, Gemini answers; otherwise an
/// offline model that says so. Everything between is what runs in production.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  gatehouse up
  GEMINI_API_KEY=... gatehouse up --policy policy.toml
  gatehouse up --listen 127.0.0.1:0 --json

Settings, from the environment:
  GEMINI_API_KEY, GEMINI_API_KEY_FILE  the key for Gemini, or a file that holds it and may be replaced
  GEMINI_BASE_URL                      where Gemini is: HTTPS, or this machine
  CONNECT_SECONDS, FIRST_BYTE_SECONDS, IDLE_SECONDS, TOTAL_SECONDS
                                       how long to wait for Gemini
  GATEHOUSE_LOG                        error, warn, info (the default), debug or trace

Stop it with Ctrl-C: running requests end first.")]
pub(crate) struct Up {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN, value_parser = address)]
    listen: SocketAddr,

    /// The policy to enforce, instead of the embedded default. It is read again when it changes.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Print one line of JSON, {"endpoint","key","upstream"}, instead of the welcome.
    #[arg(long)]
    json: bool,
}

/// An address with a port, where a name such as `localhost` will do.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "write an address and a port, such as 127.0.0.1:8080";
    let mut found = text.to_socket_addrs().map_err(|error| format!("{error}; {wanted}"))?;
    found.next().ok_or_else(|| wanted.to_owned())
}

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

impl Default for Up {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), policy: None, json: false }
    }
}

/// Why it does not come up.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("could not listen on {0}; choose another address with --listen, such as 127.0.0.1:0 for any free port")]
    Listen(SocketAddr, #[source] io::Error),
}

/// Serves until the process is asked to stop.
pub(crate) fn run(up: &Up, data: &Path, settings: &dyn Strings) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(up, data, settings))
}

async fn serve(up: &Up, data: &Path, settings: &dyn Strings) -> Result<(), Failure> {
    let mut reader = Reader::new(settings);
    let upstream = Upstream::read(&mut reader);
    let config = Config::read(&mut reader);
    let (upstream, config) = reader.finish(Some((upstream, config)))?;
    let upstream = upstream?;
    let (watched, rules) = match &up.policy {
        None => (None, Compiled::embedded()),
        Some(path) => {
            let (watched, rules) = Watched::open(path)?;
            (Some(watched), rules)
        }
    };
    // Before anything is written: a port in use leaves no trace.
    let listener = TcpListener::bind(up.listen).await.map_err(|error| Error::Listen(up.listen, error))?;
    let endpoint = format!("http://{}", listener.local_addr()?);

    let database = sqlite::open(data)?;
    let key = Key::mint()?;
    let writer = WriterId::random()?;
    let store = Store {
        callers: callers::Callers::new(database, vec![key.caller("session")]),
        recorder: Recorder::new(writer, Spool::open(data, writer)?, SystemClock),
        accounts: Accounts::of(Ledger::open(data, SystemClock.now())?),
        pepper: pepper::open(data)?,
        rules,
        config,
    };
    let drain = drain::Loop::start(data.to_owned(), DRAIN_EVERY)?;
    let stop = host::stop_signal()?;
    let door = Door::Http(listener);
    let welcome = Welcome { up, data, endpoint: &endpoint, key: &key, rules: &store.rules };
    match upstream {
        Upstream::Offline => {
            welcome.print("offline model", "offline")?;
            answer(door, store.gate(Offline::default()), watched, stop).await?;
        }
        Upstream::Gemini(base, source) => {
            welcome.print(base.as_str(), base.as_str())?;
            let model = gemini::Client::new(base, source, config.deadlines)?;
            answer(door, store.gate(model), watched, stop).await?;
        }
    }
    // What was recorded last is moved too.
    Ok(drain.stop()?)
}

/// What a gate is made of, but for the model.
struct Store {
    callers: callers::Callers,
    recorder: Recorder<Spool, SystemClock>,
    accounts: Accounts,
    pepper: shared::audit::Pepper,
    rules: Compiled,
    config: Config,
}

impl Store {
    fn gate<M: Model>(self, model: M) -> Gate<M, callers::Callers, Spool, SystemClock> {
        let Self { callers, recorder, accounts, pepper, rules, config } = self;
        let (pepper, rules) = (pepper.into(), Rules::new(rules));
        Gate::new(Parts { model, callers, recorder, accounts, clock: SystemClock, pepper, rules, config })
    }
}

async fn answer<M: Model, C: Callers, Q: AuditQueue>(
    door: Door,
    gate: Gate<M, C, Q, SystemClock>,
    watched: Option<Watched>,
    stop: impl Future<Output = ()>,
) -> Result<(), host::Error> {
    tokio::select! {
        served = gate.serve(door, stop) => served,
        () = follow(watched, |rules| gate.adopt(rules)) => Ok(()),
    }
}

/// What is told once the gate is up.
struct Welcome<'w> {
    up: &'w Up,
    data: &'w Path,
    endpoint: &'w str,
    key: &'w Key,
    rules: &'w Compiled,
}

impl Welcome<'_> {
    fn print(&self, upstream: &str, short: &str) -> io::Result<()> {
        let key = self.key.text();
        let mut out = anstream::stdout().lock();
        if self.up.json {
            writeln!(out, "{}", json!({"endpoint": self.endpoint, "key": key.expose(), "upstream": short}))?;
            return out.flush();
        }
        let look = Look::of_stdout();
        let bold = |text: &str| look.paint(Style::new().bold(), text);
        let faint = |text: &str| look.paint(AnsiColor::BrightBlack.on_default(), text);
        let (endpoint, key) = (self.endpoint, key.expose());
        let policy = match &self.up.policy {
            Some(path) => format!("{} ({})", path.display(), self.rules.policy.version()),
            None => format!("embedded default ({})", self.rules.policy.version()),
        };
        let model = self.rules.policy.models.allowed.first().map_or("MODEL", String::as_str);
        writeln!(out, "{}\n", bold("Gatehouse is up."))?;
        writeln!(out, "  endpoint  {endpoint}")?;
        writeln!(out, "  key       {key}")?;
        writeln!(out, "            {}", faint("for this run; `gatehouse caller add NAME` makes one that lasts"))?;
        writeln!(out, "  upstream  {upstream}")?;
        if short == "offline" {
            writeln!(out, "            {}", faint("set GEMINI_API_KEY to have Gemini answer"))?;
        }
        writeln!(out, "  policy    {policy}")?;
        writeln!(out, "  data      {}\n", self.data.display())?;
        writeln!(out, "Try it:\n")?;
        writeln!(out, "  curl {endpoint}/v1beta/models/{model}:generateContent \\")?;
        writeln!(out, "    -H 'x-goog-api-key: {key}' \\")?;
        writeln!(out, "    -H 'content-type: application/json' \\")?;
        writeln!(out, "    -d '{}'\n", EXAMPLE)?;
        writeln!(out, "Stop it with Ctrl-C.")?;
        if !self.up.listen.ip().is_loopback() {
            print::complaint("warning: other machines can reach this address, and keys travel to it unencrypted");
        }
        out.flush()
    }
}

/// Shows redaction at work, whoever answers.
const EXAMPLE: &str = r#"{"contents":[{"parts":[{"text":"Repeat after me: write to ada@example.com"}]}]}"#;
