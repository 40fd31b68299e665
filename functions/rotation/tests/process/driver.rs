//! Rotations by the real binary, which dies and runs again, under the traffic of a consumer with the real client and the
//! real cache.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use shared::aws::secrets_manager::Keys;
use shared::aws::{Access, Clients};
use shared::clock::{Clock, ManualClock, Timestamp};
use shared::config::Reader;
use shared::conversation::Conversation;
use shared::google::gemini::Client;
use shared::payload::Payload;
use shared::ports::{Answer as _, Deadlines, Mode, Model as _, Prompt};
use shared::secret::Secret;
use tempfile::TempDir;
use tests::rotating::{CANARY, Fault, SECRET, TOKEN, World};
use tokio::process::Command;
use tokio::task::JoinSet;
use url::Url;

/// What stands for the function's own credentials, and must not be printed either.
const OWN: &str = "canary-credential";

/// Time passes this much faster for the consumer: its cache of five minutes is renewed within a second.
const FOR_A_REQUEST: Duration = Duration::from_secs(5);

/// What CloudWatch and EventBridge send.
const ALARM: &str = r#"{"source":"aws.cloudwatch","alarmData":{"state":{"value":"ALARM"}}}"#;
const SCHEDULE: &str = r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs of the four steps until a rotation must have come to its end.
const RUNS: usize = 12;

/// What was done, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Requests that were answered.
    pub(crate) served: usize,
    /// Requests that were not, and why.
    pub(crate) failed: Vec<String>,
    /// Keys that requests were answered with, in order.
    pub(crate) keys: Vec<String>,
    /// Rotations that came to their end.
    pub(crate) rotations: usize,
    /// Runs of the function, whatever their end.
    pub(crate) runs: usize,
    /// Faults that came to pass.
    pub(crate) faults: usize,
    /// Keys that were made, and those of them that are alive.
    pub(crate) made: usize,
    pub(crate) living: usize,
    /// All that the function has printed.
    pub(crate) printed: String,
}

/// How a run of the function ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Died,
    Failed,
    Well,
}

/// The consumer's clock.
struct Quick(Arc<ManualClock>);

impl Clock for Quick {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Makes the first key, then rotates it so many times under traffic. `fault` is asked before each run of the four steps, told
/// how many of this rotation were before it, what befalls which call of it.
pub(crate) async fn rotate(
    binary: &Path,
    rotations: usize,
    mut fault: impl FnMut(usize) -> Option<(usize, Fault)>,
) -> Report {
    let (world, folder) = (Arc::new(World::start().await), tempfile::tempdir().unwrap());
    let function = Function { binary, world: &world, folder: &folder };
    let mut report = Report::default();
    function.rotation(0, &mut |_| None, &mut report).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut traffic = JoinSet::new();
    traffic.spawn(consume(world.url(), Arc::clone(&stop)));
    for number in 1..=rotations {
        // A month.
        world.age(31);
        function.rotation(number, &mut fault, &mut report).await;
        report.rotations += 1;
    }
    for event in [ALARM, SCHEDULE] {
        assert_eq!(function.run(event).await, Ended::Well, "{event}");
    }
    // The last key is to be seen in use.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::SeqCst);
    let (served, failed, keys) = traffic.join_next().await.unwrap().unwrap();
    world.assert_understood();
    let printed = std::fs::read_to_string(folder.path().join("printed")).unwrap();
    let (made, living, faults) = (world.made(), world.living(), world.injected());
    Report { served, failed, keys, made, living, faults, printed, ..report }
}

impl Report {
    /// Secrets that the function has printed, by the line.
    pub(crate) fn leaks(&self) -> Vec<&str> {
        self.printed.lines().filter(|line| [CANARY, TOKEN, OWN].iter().any(|secret| line.contains(secret))).collect()
    }
}

struct Function<'f> {
    binary: &'f Path,
    world: &'f World,
    folder: &'f TempDir,
}

impl Function<'_> {
    /// As Secrets Manager does it: the four steps, all of them again after a failure.
    async fn rotation(
        &self,
        number: usize,
        fault: &mut dyn FnMut(usize) -> Option<(usize, Fault)>,
        report: &mut Report,
    ) {
        let version = format!("{}-{number:04}", tests::canary("rotation-version-"));
        self.world.begin(&version);
        for run in 0..RUNS {
            if let Some((call, fault)) = fault(run) {
                self.world.plan(call, fault);
            }
            let ended = self.steps(&version, report).await;
            self.world.calm();
            if ended {
                self.assert_done(&version);
                return;
            }
        }
        panic!("no end of {version} after {RUNS} runs:\n{}", std::fs::read_to_string(self.printed()).unwrap());
    }

    async fn steps(&self, version: &str, report: &mut Report) -> bool {
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            report.runs += 1;
            if self.step(step, version).await != Ended::Well {
                return false;
            }
        }
        true
    }

    fn assert_done(&self, version: &str) {
        assert_eq!(self.world.holder("AWSCURRENT").as_deref(), Some(version));
        let pending = self.world.holder("AWSPENDING");
        assert!(pending.is_none_or(|pending| pending == version), "the next rotation cannot begin");
        let current = Payload::parse(&Secret::new(self.world.current().unwrap())).unwrap();
        assert!(current.key.expose().starts_with(CANARY) && current.key_id.is_some());
    }

    fn printed(&self) -> std::path::PathBuf {
        self.folder.path().join("printed")
    }

    async fn step(&self, step: &str, version: &str) -> Ended {
        self.run(&json!({"Step": step, "SecretId": SECRET, "ClientRequestToken": version}).to_string()).await
    }

    async fn run(&self, asked: &str) -> Ended {
        let (event, url) = (self.folder.path().join("event"), self.world.url());
        std::fs::write(&event, asked).unwrap();
        let printed = File::options().create(true).append(true).open(self.printed()).unwrap();
        let mut command = Command::new(self.binary);
        command.env_clear().envs(environment(&url)).envs([
            ("GEMINI_SECRET_ARN", SECRET),
            ("PROBE_MODEL", "gemini-3.5-flash"),
            ("BUNDLE", "gatehouse"),
            ("GOOGLE_PROJECT", "p-1"),
            (
                "GOOGLE_AUDIENCE",
                "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
            ),
            ("MINT_SERVICE_ACCOUNT", "rotator@p-1.iam.gserviceaccount.com"),
            ("KEY_SERVICE_ACCOUNT", "caller@p-1.iam.gserviceaccount.com"),
            ("GEMINI_BASE_URL", &url),
            ("GOOGLE_BASE_URL", &url),
            ("GATEHOUSE_LOG", "trace"),
            ("GATEHOUSE_LOG_FORMAT", "json"),
            // As on Lambda, so that metrics are printed too.
            ("AWS_LAMBDA_FUNCTION_NAME", "gatehouse-rotation"),
        ]);
        command.stdin(File::open(event).unwrap()).kill_on_drop(true);
        command.stdout(Stdio::from(printed.try_clone().unwrap())).stderr(Stdio::from(printed));
        let mut child = command.spawn().unwrap();
        tokio::select! {
            () = self.world.death() => {
                child.kill().await.unwrap();
                Ended::Died
            }
            ended = child.wait() => if ended.unwrap().success() { Ended::Well } else { Ended::Failed },
        }
    }
}

fn environment(url: &str) -> HashMap<&'static str, String> {
    HashMap::from([
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", format!("{OWN}-id")),
        ("AWS_SECRET_ACCESS_KEY", format!("{OWN}-secret")),
        ("AWS_SESSION_TOKEN", format!("{OWN}-token")),
        ("AWS_ENDPOINT_URL", url.to_owned()),
    ])
}

fn clients(url: &str) -> Clients {
    let settings = environment(url);
    let settings: HashMap<&str, &str> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut read = Reader::new(&settings);
    let access = Access::read(&mut read);
    Clients::new(read.finish(access).unwrap()).unwrap()
}

/// Asks Gemini again and again, as `completion` does.
async fn consume(url: String, stop: Arc<AtomicBool>) -> (usize, Vec<String>, Vec<String>) {
    let secrets = clients(&url).secrets_manager();
    // Somewhere in 2027; only its steps matter.
    let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_000)));
    let keys = Keys::new(secrets, SECRET, Quick(Arc::clone(&clock)));
    let gemini = Client::new(Url::parse(&url).unwrap(), keys, Deadlines::default()).unwrap();
    let prompt = Prompt {
        model: "gemini-3.5-flash".into(),
        conversation: Conversation::default(),
        tools: Vec::new(),
        tool_config: None,
        generation: serde_json::Map::new(),
        safety: Vec::new(),
    };
    let (mut served, mut failed, mut used, mut seen) = (0, Vec::new(), Vec::new(), BTreeSet::new());
    while !stop.load(Ordering::SeqCst) {
        clock.advance(FOR_A_REQUEST);
        let asked = async {
            let mut answer = gemini.generate(&prompt, Mode::Whole).await?;
            while answer.next().await?.is_some() {}
            Ok::<_, shared::ports::Failure>(answer.key_version().map(ToOwned::to_owned))
        };
        match asked.await {
            Ok(key) => {
                served += 1;
                used.extend(key.filter(|key| seen.insert(key.clone())));
            }
            Err(failure) => failed.push(format!("{failure:?}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    (served, failed, used)
}
