//! `gatehouse rotation` as an operator runs it: the real program before a strict Secrets Manager and Google, in each state
//! that a rotation may have left.

use std::collections::HashMap;
use std::process::{Output, Stdio};

use rotation::plan::{key_id, secret_mark};
use serde_json::{Value, json};
use shared::ports::secrets::VersionId;
use tempfile::NamedTempFile;
use tests::aws::REGION;
use tests::rotating::{CANARY, PERSON, SECRET, TOKEN, World};
use tests::{gate, wait};
use tokio::process::Command;

/// The operator's own, which must not be printed either.
const OWN: &str = "canary-secret";

/// What Google's tool leaves of a person who has logged in.
fn person() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let told = json!({"type": "authorized_user", "client_id": "c", "client_secret": OWN, "refresh_token": PERSON});
    std::fs::write(file.path(), told.to_string()).unwrap();
    file
}

/// A version's name, as long as Secrets Manager wants it.
fn version(number: u32) -> String {
    format!("{number:08}-0000-4000-8000-000000000000")
}

fn id(number: u32) -> String {
    key_id(SECRET, &VersionId(version(number))).0
}

struct Bundle {
    world: World,
    person: NamedTempFile,
}

impl Bundle {
    async fn start() -> Self {
        Self { world: World::start().await, person: person() }
    }

    /// One whose key was replaced a while ago.
    async fn rotated() -> Self {
        let bundle = Self::start().await;
        bundle.put(1, "AWSPREVIOUS");
        bundle.put(2, "AWSCURRENT");
        bundle
    }

    /// A version with a stage, and its key, which was served.
    fn put(&self, number: u32, stage: &str) {
        let held = json!({"v": 1, "key": self.mint(number, true), "key_id": id(number)});
        self.world.hold(&version(number), stage, Some(&held.to_string()));
    }

    /// A key of this bundle's that no version holds yet.
    fn mint(&self, number: u32, served: bool) -> String {
        let mut annotations = json!({"gatehouse-bundle": "gatehouse", "gatehouse-secret": secret_mark(SECRET)});
        if served {
            // In 2023, one after the other.
            annotations["gatehouse-served"] = json!((1_700_000_000_000_u64 + u64::from(number)).to_string());
        }
        self.world.mint(&id(number), &annotations)
    }

    /// The key of a version.
    fn string(&self, number: u32) -> String {
        let held: Value = serde_json::from_str(&self.world.value(&version(number)).unwrap()).unwrap();
        held["key"].as_str().unwrap().to_owned()
    }

    fn settings(&self) -> HashMap<&'static str, String> {
        HashMap::from([
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "operator".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", OWN.to_owned()),
            ("AWS_ENDPOINT_URL", self.world.url()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("GOOGLE_APPLICATION_CREDENTIALS", self.person.path().to_str().unwrap().to_owned()),
            ("GOOGLE_BASE_URL", self.world.url()),
            ("HOME", "/nonexistent".to_owned()),
        ])
    }

    fn command(&self, words: &[&str], without: &[&str]) -> Command {
        let mut command = Command::new(gate::binary());
        let settings = self.settings().into_iter().filter(|(name, _)| !without.contains(name));
        command.arg("rotation").args(words).args(["--aws", "gatehouse"]).env_clear().envs(settings);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// What the command prints on both streams and its exit code; no secret is among it.
    async fn run_without(&self, words: &[&str], without: &[&str]) -> (Option<i32>, String, String) {
        told(wait::done("run gatehouse", self.command(words, without).output().await))
    }

    async fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        self.run_without(words, &[]).await
    }

    async fn plan(&self) -> (Option<i32>, Value) {
        let (code, printed, errors) = self.run(&["plan", "--project", "p-1", "--json"]).await;
        (code, serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{errors}")))
    }

    /// The function that rotates, on an event, as Secrets Manager would have it run.
    async fn step(&self, step: &str, version: &str) {
        let event = NamedTempFile::new().unwrap();
        let asked = json!({"Step": step, "SecretId": SECRET, "ClientRequestToken": version});
        std::fs::write(event.path(), asked.to_string()).unwrap();
        let mut command = Command::new(gate::built("rotation"));
        let audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws";
        command.env_clear().envs(self.settings()).envs([
            ("BUNDLE", "gatehouse"),
            ("GEMINI_BASE_URL", &self.world.url()),
            ("GEMINI_SECRET_ARN", SECRET),
            ("GOOGLE_AUDIENCE", audience),
            ("GOOGLE_PROJECT", "p-1"),
            ("KEY_SERVICE_ACCOUNT", "caller@p-1.iam.gserviceaccount.com"),
            ("MINT_SERVICE_ACCOUNT", "rotator@p-1.iam.gserviceaccount.com"),
            ("PROBE_MODEL", "gemini-3.5-flash"),
        ]);
        command.stdin(std::fs::File::open(event.path()).unwrap()).kill_on_drop(true);
        let (code, printed, errors) = told(wait::done("run rotation", command.output().await));
        assert_eq!(code, Some(0), "{step}: {printed}{errors}");
    }
}

fn told(Output { status, stdout, stderr }: Output) -> (Option<i32>, String, String) {
    let [printed, errors] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    for secret in [CANARY, TOKEN, PERSON, OWN] {
        assert!(!printed.contains(secret) && !errors.contains(secret), "a secret was printed: {printed}{errors}");
    }
    (status.code(), printed, errors)
}

fn codes(plan: &Value) -> Vec<&str> {
    plan["wrong"].as_array().unwrap().iter().map(|wrong| wrong["code"].as_str().unwrap()).collect()
}

fn deeds(plan: &Value) -> Vec<(&str, &str)> {
    plan["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deed| {
            let what = deed.get("key").or(deed.get("version")).and_then(Value::as_str).unwrap_or_default();
            (deed["do"].as_str().unwrap(), what)
        })
        .collect()
}

#[tokio::test]
async fn a_sound_state_is_shown_with_what_comes_next() {
    let bundle = Bundle::rotated().await;
    let (code, plan) = bundle.plan().await;
    assert_eq!((code, codes(&plan)), (Some(0), Vec::new()), "{plan}");
    let [one, two] = [version(1), version(2)];
    assert_eq!(deeds(&plan), [("replace", two.as_str()), ("keep", &two), ("remove", &id(1))], "{plan}");
    assert_eq!(plan["keys"].as_array().unwrap().len(), 2, "{plan}");
    assert_eq!(plan["keys"][0], json!({"version": one, "stages": ["AWSPREVIOUS"], "key": id(1), "state": "alive"}));

    let (code, table, _) = bundle.run(&["plan", "--project", "p-1"]).await;
    assert_eq!(code, Some(0), "{table}");
    for line in [format!("{two}\tAWSCURRENT\t{}\talive", id(2)), format!("next:  keep version {two}")] {
        assert!(table.contains(&line), "{line:?} is not in\n{table}");
    }
    // Without a project Google is not asked, and nothing is called gone.
    let (code, plan, _) = bundle.run_without(&["plan", "--json"], &["GOOGLE_APPLICATION_CREDENTIALS"]).await;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((code, codes(&plan), &plan["keys"][0]["state"]), (Some(0), Vec::new(), &json!("not looked at")));
    bundle.world.assert_understood();
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named_with_its_remedy() {
    let stuck = Bundle::rotated().await;
    stuck.world.begin(&version(3));
    let (code, plan) = stuck.plan().await;
    assert_eq!((code, codes(&plan), deeds(&plan)), (Some(1), vec!["pending_stuck"], Vec::new()), "{plan}");
    let (_, table, _) = stuck.run(&["plan", "--project", "p-1"]).await;
    assert!(table.contains("AWSPENDING is taken off") && table.contains("until what is wrong is mended"), "{table}");

    let crowded = Bundle::rotated().await;
    // One from before the two, and one of a rotation that died.
    crowded.mint(0, true);
    crowded.mint(3, false);
    let (code, plan) = crowded.plan().await;
    assert_eq!((code, codes(&plan)), (Some(1), vec!["too_many_keys"]), "{plan}");
    // Each of them is shown, and goes with the next rotation.
    let removed: Vec<_> = deeds(&plan).into_iter().filter(|(what, _)| *what == "remove").collect();
    assert_eq!(removed.len(), 3, "{plan}");
    let states: Vec<_> = plan["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"never served"), "{plan}");

    let standard = Bundle::start().await;
    standard.world.hold(&version(1), "AWSCURRENT", Some(&format!("{CANARY}standard")));
    let (code, plan) = standard.plan().await;
    assert_eq!((code, codes(&plan)), (Some(0), Vec::new()), "{plan}");
    assert_eq!((&plan["keys"][0]["key"], &plan["keys"][0]["state"]), (&json!("supplied"), &json!("not ours")));
    assert_eq!(deeds(&plan), [("replace", version(1).as_str()), ("keep", &version(1))], "it is never deleted: {plan}");

    let empty = Bundle::start().await;
    let (code, plan) = empty.plan().await;
    assert_eq!((code, codes(&plan), deeds(&plan)), (Some(1), vec!["no_current"], vec![("replace", "")]), "{plan}");

    let gone = Bundle::rotated().await;
    gone.world.delete(&id(2));
    let (code, plan) = gone.plan().await;
    assert_eq!((code, codes(&plan)), (Some(1), vec!["served_key_gone"]), "{plan}");
}

#[tokio::test]
async fn a_leaked_key_goes_whether_it_is_current_or_not() {
    let bundle = Bundle::rotated().await;
    let (previous, current) = (version(1), version(2));
    fn words(version: &str) -> [&str; 7] {
        ["revoke", version, "--compromised", "--project", "p-1", "--cached", "0"]
    }
    // Used a moment ago, which keeps no leaked key.
    assert_eq!(bundle.world.takes(&bundle.string(1)), Some(true));
    let (code, printed, errors) = bundle.run(&words(&previous)).await;
    assert_eq!(code, Some(0), "{printed}{errors}");
    assert_eq!(bundle.world.alive().into_iter().collect::<Vec<_>>(), [id(2)]);
    assert_eq!(bundle.world.holder("AWSPREVIOUS"), None, "a rollback would lead to it");
    // Done again, it is done already.
    assert_eq!(bundle.run(&words(&previous)).await.0, Some(0));

    // The current one is replaced first: the command waits for the rotation that it has begun.
    let mut command = bundle.command(&[&words(&current)[..], &["--json"]].concat(), &[]);
    let child = wait::done("start gatehouse", command.spawn());
    let next = wait::until("a rotation to begin", || async { bundle.world.holder("AWSPENDING") }).await;
    for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        assert!(bundle.world.alive().contains(&id(2)), "the current key is deleted before there is another");
        bundle.step(step, &next).await;
    }
    let ended = wait::within("the revocation to end", child.wait_with_output()).await;
    let (code, printed, errors) = told(wait::done("wait for gatehouse", ended));
    assert_eq!(code, Some(0), "{printed}{errors}");
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), json!({"version": version(2), "revoked": true}));
    let held: Value = serde_json::from_str(&bundle.world.current().unwrap()).unwrap();
    let alive: Vec<_> = bundle.world.alive().into_iter().collect();
    assert_eq!(alive, [held["key_id"].as_str().unwrap()], "only the new key is alive");
    bundle.world.assert_understood();
}

#[tokio::test]
async fn what_cannot_be_revoked_or_shown_is_told_with_its_remedy() {
    let bundle = Bundle::rotated().await;
    let [foreign, first] = [version(9), version(1)];
    bundle.world.hold(&foreign, "SUPPLIED", Some(&format!("{CANARY}supplied")));
    let compromised = |version: &str| ["revoke".to_owned(), version.to_owned(), "--compromised".to_owned()];
    let fails = async |words: &[String], more: &[&str], without: &[&str]| {
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let (code, printed, errors) = bundle.run_without(&words, without).await;
        assert!(code.is_some_and(|code| code != 0) && printed.is_empty(), "{words:?}: {printed}{errors}");
        errors
    };
    let project = ["--project", "p-1", "--cached", "0"];
    // It must be meant.
    assert!(fails(&["revoke".to_owned(), first.clone()], &project, &[]).await.contains("--compromised"));
    assert!(fails(&compromised(&first), &[], &[]).await.contains("--project"));
    let told = fails(&compromised(&foreign), &project, &[]).await;
    assert!(told.contains("delete it where it was made"), "{told}");
    let told = fails(&compromised(&version(7)), &project, &[]).await;
    assert!(told.contains("no such version") && told.contains("rotation plan"), "{told}");
    let nobody = fails(&compromised(&first), &project, &["GOOGLE_APPLICATION_CREDENTIALS"]).await;
    assert!(nobody.contains("gcloud auth application-default login"), "{nobody}");
    std::fs::write(bundle.person.path(), json!({"type": "service_account"}).to_string()).unwrap();
    let robot = fails(&compromised(&first), &project, &[]).await;
    assert!(robot.contains("no application-default credentials of a person"), "{robot}");
    let told = fails(&["plan".to_owned()], &[], &["AWS_REGION"]).await;
    assert!(told.contains("set AWS_REGION"), "{told}");
    assert_eq!(bundle.world.alive().len(), 2, "something was deleted");
}
