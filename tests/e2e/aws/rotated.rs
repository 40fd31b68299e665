//! The key is replaced while the official SDKs ask without a pause: by the real `rotation`, which dies and runs again, with
//! what Terraform gave it, before a Secrets Manager and a Google that are as strict as the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use shared::audit::{Kind, Record};
use tests::aws::runtime::{Failure, Function, Setup};
use tests::gate::{self, Printed};
use tests::gemini::{Request, Script, answer};
use tests::rotating::{CANARY, Fault, TOKEN, World};
use tests::sdk::{Sdk, script};
use tests::wait;
use tokio::process::Child;

use super::deployment::may_do_what_it_did_and_nothing_else;
use super::stack::Stack;

/// By which calls of the rotation's are told from others'.
const ACCESS_KEY: &str = "rotation";

/// What AWS itself does in the role's name, as in the other functions'.
const BY_AWS: &[(&str, &str)] = &[
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-rotation:log-stream:*",
    ),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-rotation:log-stream:*"),
];

/// How the version is called that `gatehouse init` puts.
const FIRST: &str = "gatehouse-gemini-key-00000000-0001";

/// The asking that makes a key at Google.
const MAKE: &str = "POST /v2/projects/p-1/locations/global/keys";

/// By which SDKs programs ask, and what `steady.py` calls them.
const SDKS: [(Sdk, &str); 2] = [(Sdk::Python3, "google"), (Sdk::OpenAiPython, "openai")];

/// How long a program may take to start, or to be served by a new environment, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn the_key_is_replaced_under_traffic_and_no_request_fails(stack: &Stack) {
    let answers = Answers::default();
    answers.install(stack);
    let completion = stack.start().await;
    let rotation = Rotation::start(stack).await;
    let traffic = Traffic::start(stack, &completion).await;
    traffic.reaches(&answers, FIRST).await;

    // An apply switches rotation on and lets the function be tried, no more.
    assert_eq!((stack.world.rehearsals(), stack.world.made()), (1, 0), "an apply has begun a rotation");
    rotation.rehearse().await;
    assert_eq!(stack.world.holder("AWSCURRENT").as_deref(), Some(FIRST));

    // It dies once Google has made the key, and goes on under the same version.
    let one = rotation.begin(1);
    rotation.dies_at(MAKE, Fault::DieAfter, &one).await;
    rotation.runs(&one).await;
    let first = stack.current_id();
    assert_eq!(stack.world.made(), 1, "another key was made for the same version");
    traffic.reaches_after(&completion, &answers, &first).await;

    // It dies with the key put, is given up, and begins anew under another version.
    a_month_passes(stack, &completion).await;
    let lost = rotation.begin(2);
    rotation.dies_at("PutSecretValue", Fault::DieAfter, &lost).await;
    let orphan = stack.world.alive().into_iter().find(|id| *id != first).unwrap();
    stack.world.withdraw();
    rotation.runs(&rotation.begin(3)).await;
    let second = stack.current_id();
    assert_eq!(stack.world.alive(), BTreeSet::from([first.clone(), second.clone()]), "{orphan} was never handed out");
    traffic.reaches_after(&completion, &answers, &second).await;

    // It dies before and after the version becomes current.
    a_month_passes(stack, &completion).await;
    let three = rotation.begin(4);
    rotation.dies_at("UpdateSecretVersionStage", Fault::DieBefore, &three).await;
    rotation.dies_at("UpdateSecretVersionStage", Fault::DieAfter, &three).await;
    rotation.runs(&three).await;
    let third = stack.current_id();
    assert_eq!(
        stack.world.alive(),
        BTreeSet::from([second.clone(), third.clone()]),
        "the key before {second} is there"
    );
    traffic.reaches_after(&completion, &answers, &third).await;
    rotation.looks().await;

    // Somebody deletes the key in use: the one before stands in, an alarm rings, and another takes its place.
    stack.world.delete(&third);
    traffic.reaches(&answers, &second).await;
    assert!(completion.printed().contains("\"key_rejected\""), "the alarm has nothing to hear");
    rotation.rings().await;
    assert_eq!(rotation.pending(), None, "a rotation was begun within an hour of the last");
    stack.world.age(1);
    rotation.rings().await;
    let early = rotation.pending().unwrap_or_else(|| panic!("the alarm has begun no rotation"));
    rotation.rings().await;
    assert_eq!(rotation.pending().as_ref(), Some(&early), "one is under way");
    rotation.runs(&early).await;
    let fourth = stack.current_id();
    // The one before stood in until now, so that Google does not let it go.
    assert_eq!(stack.world.alive(), BTreeSet::from([second.clone(), fourth.clone()]));
    assert!(rotation.function.printed().contains("\"key_in_use\""), "the alarm has nothing to hear");
    traffic.reaches_after(&completion, &answers, &fourth).await;

    let served = traffic.end(&answers).await;
    let keys = [FIRST.to_owned(), first, second, third, fourth];
    assert_eq!(served.values().collect::<BTreeSet<_>>(), keys.iter().collect(), "a key was not seen in use");
    assert_recorded(stack, &served).await;
    assert_sound(&completion);
    assert_sound(&rotation.function);
    assert_silent(stack, &[completion.printed(), rotation.function.printed()]);
    stack.world.assert_understood();
}

pub(super) async fn the_role_that_rotates_may_do_what_it_did_and_nothing_else(stack: &Stack) {
    may_do_what_it_did_and_nothing_else(stack, &stack.rotation_name(), ACCESS_KEY, BY_AWS).await;
}

/// Every environment is a new one, and what is remembered at Google is a month older.
async fn a_month_passes(stack: &Stack, completion: &Function) {
    completion.recycle().await;
    stack.world.age(31);
}

/// Each request that was answered has an outcome that names the key it was answered with.
async fn assert_recorded(stack: &Stack, served: &BTreeMap<String, String>) {
    let all = stack.all_records().await;
    let outcomes = all.iter().filter(|record| record.entry.kind == Kind::Outcome);
    let named: BTreeMap<&str, Option<&str>> =
        outcomes.map(|Record { entry, .. }| (entry.request_id.as_str(), entry.key_version.as_deref())).collect();
    for (request, key) in served {
        assert_eq!(named.get(request.as_str()), Some(&Some(key.as_str())), "request {request}");
    }
}

/// Lambda took all that it did. That a rotation was killed is no fault of its own.
fn assert_sound(function: &Function) {
    function.assert_faultless();
    let failures = function.failures();
    assert!(failures.iter().all(|Failure { kind, .. }| kind == "Runtime.ExitError"), "{failures:#?}");
}

fn assert_silent(stack: &Stack, printed: &[String]) {
    for line in printed.iter().flat_map(|printed| printed.lines()) {
        let leak = [CANARY, TOKEN, stack.gemini.key()].iter().any(|secret| line.contains(secret));
        assert!(!leak, "a key or a token was printed: {line}");
    }
    assert!(printed.iter().all(|printed| printed.contains("\"_aws\"")), "no metrics were printed");
}

impl Stack {
    /// The id of the key that is current.
    fn current_id(&self) -> String {
        let held: Value = serde_json::from_str(&self.world.current().unwrap()).unwrap();
        held["key_id"].as_str().unwrap().to_owned()
    }
}

/// Gemini answers each request with a number for the key that it came with.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<String>>>);

impl Answers {
    fn install(&self, stack: &Stack) {
        let (answers, world) = (self.clone(), Arc::clone(&stack.world));
        stack.answer_by(move |request| answers.answer(request, &world));
    }

    fn answer(&self, request: &Request, world: &World) -> Script {
        if request.action() == Some("countTokens") {
            return Script::json(200, &json!({"totalTokens": 1}));
        }
        let key = request.key().and_then(|key| world.id(key)).unwrap_or_else(|| FIRST.to_owned());
        Script::answer(request, &answer::text(&format!("key {}", self.number(key))))
    }

    fn number(&self, key: String) -> usize {
        let mut known = self.0.lock().unwrap();
        known.iter().position(|known| *known == key).unwrap_or_else(|| {
            known.push(key);
            known.len() - 1
        })
    }

    /// The key that an answer speaks of.
    fn key(&self, answer: &str) -> Option<String> {
        let number: usize = answer.strip_prefix("key ")?.parse().ok()?;
        self.0.lock().unwrap().get(number).cloned()
    }
}

/// Whether the last line speaks of this key.
fn is_served_with(printed: &str, answers: &Answers, key: &str) -> bool {
    assert!(!printed.contains("failed"), "a request failed:\n{printed}");
    let last = printed.lines().last().and_then(|line| line.splitn(3, ' ').nth(2));
    last.and_then(|answer| answers.key(answer)).as_deref() == Some(key)
}

/// Programs that ask without a pause.
struct Traffic {
    programs: Vec<(Child, Printed)>,
}

impl Traffic {
    async fn start(stack: &Stack, completion: &Function) -> Self {
        let mut programs = Vec::new();
        for (sdk, name) in SDKS {
            let mut command = script(sdk, "steady.py").await;
            command.env("SDK", name).env("BASE_URL", completion.url()).env("API_KEY", stack.caller().await);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = wait::done("start a program", command.spawn());
            let printed = Printed::of(&mut child);
            programs.push((child, printed));
        }
        Self { programs }
    }

    /// Waits until all programs are served with this key.
    async fn reaches(&self, answers: &Answers, key: &str) {
        for (_, printed) in &self.programs {
            let served = async {
                while !is_served_with(&printed.stdout(), answers, key) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let served = tokio::time::timeout(PATIENCE, served).await;
            assert!(served.is_ok(), "waited {PATIENCE:?} for {key}: {}", printed.all());
        }
    }

    /// The same once the environments that hold another key are gone.
    async fn reaches_after(&self, completion: &Function, answers: &Answers, key: &str) {
        completion.recycle().await;
        self.reaches(answers, key).await;
    }

    /// Lets them end, and tells with which key each request was served.
    async fn end(self, answers: &Answers) -> BTreeMap<String, String> {
        let mut served = BTreeMap::new();
        for (mut child, printed) in self.programs {
            drop(child.stdin.take());
            let ended = wait::done("wait for a program", wait::within("a program to end", child.wait()).await);
            printed.finish().await;
            assert!(ended.success(), "{}", printed.all());
            let before = served.len();
            for line in printed.stdout().lines() {
                let words: Vec<&str> = line.splitn(3, ' ').collect();
                let ["served", request, answer] = words[..] else { panic!("a request failed: {line}") };
                let key = answers.key(answer).unwrap_or_else(|| panic!("an answer of nobody's: {line}"));
                assert_eq!(served.insert(request.to_owned(), key), None, "{line}");
            }
            assert!(served.len() > before + 50, "too little was asked to prove anything");
        }
        served
    }
}

/// The function, and Secrets Manager's part in calling it.
struct Rotation<'s> {
    function: Function,
    secret: String,
    world: &'s World,
}

impl<'s> Rotation<'s> {
    async fn start(stack: &'s Stack) -> Self {
        let name = stack.rotation_name();
        let environment = stack.environment_of(&name).await;
        let secret = environment.iter().find(|(name, _)| name == "GEMINI_SECRET_ARN").unwrap().1.clone();
        let setup = Setup::new(&name, gate::built("rotation")).envs(environment);
        let setup = setup.env("AWS_ENDPOINT_URL", stack.endpoint.url()).access_key(ACCESS_KEY);
        // As Terraform sets both.
        let function = setup.timeout(Duration::from_secs(300)).concurrency(2).start().await;
        Self { function, secret, world: &stack.world }
    }

    /// Announces the version of this number.
    fn begin(&self, number: u32) -> String {
        let version = format!("{number:08}-0000-4000-8000-000000000000");
        self.world.begin(&version);
        version
    }

    /// The version that is announced and not current.
    fn pending(&self) -> Option<String> {
        let pending = self.world.holder("AWSPENDING");
        pending.filter(|version| self.world.holder("AWSCURRENT").as_ref() != Some(version))
    }

    async fn step(&self, step: &str, version: &str) -> Result<(), Failure> {
        let event = json!({"Step": step, "SecretId": self.secret, "ClientRequestToken": version});
        self.invoke(&event).await
    }

    /// Runs it on an event, and kills it where the world says so.
    async fn invoke(&self, event: &Value) -> Result<(), Failure> {
        let invoked = self.function.invoke(event);
        tokio::pin!(invoked);
        tokio::select! {
            told = &mut invoked => return told.map(drop),
            () = self.world.death() => {}
        }
        self.function.kill().await;
        invoked.await.map(drop)
    }

    /// The four steps, as far as they go.
    async fn steps(&self, version: &str) -> Result<(), Failure> {
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            self.step(step, version).await?;
        }
        Ok(())
    }

    async fn runs(&self, version: &str) {
        let ended = self.steps(version).await;
        assert_eq!(ended, Ok(()), "{}", self.function.printed());
        assert_eq!(self.world.holder("AWSCURRENT").as_deref(), Some(version));
        assert_eq!(self.pending(), None, "the next rotation cannot begin");
    }

    /// The four steps, which end where a call of this name does.
    async fn dies_at(&self, call: &'static str, fault: Fault, version: &str) {
        self.world.plan_at(call, fault);
        let ended = self.steps(version).await;
        assert_eq!(ended.unwrap_err().kind, "Runtime.ExitError", "{}", self.function.printed());
        assert!(!self.world.calm(), "{call} was not called");
    }

    /// What Secrets Manager does where a rotation is switched on and not to begin.
    async fn rehearse(&self) {
        let version = self.begin(0);
        let ended = self.step("testSecret", &version).await;
        assert_eq!(ended, Ok(()), "{}", self.function.printed());
        self.world.withdraw();
    }

    /// The alarm of a rejected key goes off.
    async fn rings(&self) {
        let event = json!({"source": "aws.cloudwatch", "alarmData": {"state": {"value": "ALARM"}}});
        assert_eq!(self.invoke(&event).await, Ok(()), "{}", self.function.printed());
    }

    /// The hourly look finds nothing wrong.
    async fn looks(&self) {
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        assert_eq!(self.invoke(&event).await, Ok(()), "{}", self.function.printed());
        let printed = self.function.printed();
        let looked = printed.lines().rfind(|line| line.contains("\"looked\"")).unwrap_or_else(|| panic!("{printed}"));
        assert!(looked.contains("\"wrong\":0"), "{looked}");
    }
}
