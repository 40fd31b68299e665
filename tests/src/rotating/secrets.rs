//! Secrets Manager, as strict as AWS documents it: a version takes one content, a stage moves only from where it is named,
//! an announced version holds nothing, and no rotation begins while another version is pending.
//!
//! What describes the secret, such as its tags and its key, is somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{SECRET, Told};

/// One secret.
#[derive(Debug)]
pub(super) struct Secrets {
    arn: String,
    versions: BTreeMap<String, Kept>,
    /// By whom and when it is rotated, as `RotateSecret` was told; `None` where it is not.
    rotation: Option<Value>,
    rehearsals: usize,
}

impl Default for Secrets {
    /// One whose rotation is on.
    fn default() -> Self {
        Self { rotation: Some(json!({})), ..Self::adopted(SECRET) }
    }
}

#[derive(Debug, Default)]
struct Kept {
    value: Option<String>,
    stages: BTreeSet<String>,
    created: f64,
}

/// An error as the JSON protocol spells it.
pub(super) fn error(kind: &str) -> Value {
    json!({"__type": kind, "message": kind})
}

fn refused(kind: &str) -> Option<Told> {
    Some((400, error(kind)))
}

impl Secrets {
    /// One without a version, that is not rotated.
    pub(super) fn adopted(arn: &str) -> Self {
        Self { arn: arn.to_owned(), versions: BTreeMap::new(), rotation: None, rehearsals: 0 }
    }

    pub(super) const fn rehearsals(&self) -> usize {
        self.rehearsals
    }

    pub(super) fn withdraw(&mut self) {
        for kept in self.versions.values_mut() {
            kept.stages.remove("AWSPENDING");
        }
    }

    pub(super) fn hold(&mut self, version: &str, stage: &str, value: Option<&str>) {
        self.entry(version).value = value.map(ToOwned::to_owned);
        self.attach(stage, version);
    }

    pub(super) fn age(&mut self, days: u32) {
        for kept in self.versions.values_mut() {
            kept.created -= f64::from(days) * 86_400.0;
        }
    }

    pub(super) fn holder(&self, stage: &str) -> Option<String> {
        self.versions.iter().find(|(_, kept)| kept.stages.contains(stage)).map(|(version, _)| version.clone())
    }

    pub(super) fn value(&self, version: &str) -> Option<String> {
        self.versions.get(version)?.value.clone()
    }

    /// What `RotateSecret` does; `false` where a previous rotation has not ended.
    pub(super) fn begin(&mut self, version: &str) -> bool {
        let pending = self.holder("AWSPENDING");
        if pending.is_some() && pending != self.holder("AWSCURRENT") && pending.as_deref() != Some(version) {
            return false;
        }
        self.entry(version);
        self.attach("AWSPENDING", version);
        true
    }

    fn entry(&mut self, version: &str) -> &mut Kept {
        self.versions.entry(version.to_owned()).or_insert_with(|| Kept { created: now(), ..Kept::default() })
    }

    fn attach(&mut self, stage: &str, version: &str) {
        for kept in self.versions.values_mut() {
            kept.stages.remove(stage);
        }
        self.entry(version).stages.insert(stage.to_owned());
    }

    /// `None` for what it does not know.
    pub(super) fn serve(&mut self, operation: &str, asked: &Value) -> Option<Told> {
        let text = |name: &str| asked[name].as_str();
        if !text("SecretId").is_some_and(|id| id == self.arn || id == self.name()) {
            return refused("ResourceNotFoundException");
        }
        match operation {
            "DescribeSecret" => Some((200, self.describe())),
            "GetSecretValue" => self.get(text("VersionId"), text("VersionStage")),
            "ListSecretVersionIds" => Some((200, self.list())),
            "PutSecretValue" => self.put(asked),
            "UpdateSecretVersionStage" => {
                self.transfer(text("VersionStage")?, text("RemoveFromVersionId"), text("MoveToVersionId"))
            }
            "RotateSecret" => self.rotate(asked),
            "CancelRotateSecret" => {
                self.withdraw();
                self.rotation = None;
                Some((200, json!({"ARN": self.arn, "Name": self.name()})))
            }
            _ => None,
        }
    }

    /// The name, after which an ARN has a dash and six characters of its own.
    fn name(&self) -> &str {
        let full = self.arn.rsplit(':').next().unwrap_or_default();
        full.rsplit_once('-').map_or(full, |(name, _)| name)
    }

    fn rotate(&mut self, asked: &Value) -> Option<Told> {
        let failed = |words: &str| Some((400, json!({"__type": "InvalidRequestException", "message": words})));
        if asked["RotationLambdaARN"].is_string() {
            self.rotation = Some(json!({"RotationLambdaARN": asked["RotationLambdaARN"],
                "RotationRules": asked["RotationRules"]}));
        }
        if self.rotation.is_none() {
            return failed("No Lambda rotation function ARN is associated with this secret.");
        }
        if asked["RotateImmediately"] == false {
            self.rehearsals += 1;
        } else if !self.begin(asked["ClientRequestToken"].as_str()?) {
            return failed("A previous rotation isn't complete. That rotation will be reattempted.");
        }
        Some((200, json!({"ARN": self.arn, "Name": self.name()})))
    }

    fn describe(&self) -> Value {
        let staged = self.versions.iter().filter(|(_, kept)| !kept.stages.is_empty());
        let stages: BTreeMap<_, _> = staged.map(|(version, kept)| (version, &kept.stages)).collect();
        let mut told = self.rotation.clone().unwrap_or_else(|| json!({}));
        told["ARN"] = json!(self.arn);
        told["Name"] = json!(self.name());
        told["RotationEnabled"] = json!(self.rotation.is_some());
        told["VersionIdsToStages"] = json!(stages);
        told
    }

    fn list(&self) -> Value {
        let entry = |(version, kept): (&String, &Kept)| json!({"VersionId": version, "CreatedDate": kept.created, "VersionStages": kept.stages});
        json!({"ARN": self.arn, "Versions": self.versions.iter().map(entry).collect::<Vec<_>>()})
    }

    fn get(&self, version: Option<&str>, stage: Option<&str>) -> Option<Told> {
        let named = version.map(ToOwned::to_owned).or_else(|| self.holder(stage?));
        let kept = named.as_ref().and_then(|version| self.versions.get(version));
        match (named.as_ref(), kept.and_then(|kept| kept.value.as_ref())) {
            (Some(version), Some(value)) => {
                Some((200, json!({"ARN": self.arn, "VersionId": version, "SecretString": value})))
            }
            _ => refused("ResourceNotFoundException"),
        }
    }

    fn put(&mut self, asked: &Value) -> Option<Told> {
        let (version, value) = (asked["ClientRequestToken"].as_str()?, asked["SecretString"].as_str()?);
        // A rotation that puts under no stage, or under more, would serve a key that nobody has proven. An operator may.
        let announced = self.holder("AWSPENDING").is_some();
        let stages = &asked["VersionStages"];
        let stage = if stages.is_null() { "AWSCURRENT" } else { "AWSPENDING" };
        if (announced || !stages.is_null()) && *stages != json!(["AWSPENDING"]) {
            return refused("InvalidParameterException");
        }
        if !(32..=64).contains(&version.len()) {
            return refused("InvalidParameterException");
        }
        match &self.entry(version).value {
            Some(held) if held != value => return refused("ResourceExistsException"),
            Some(_) => {}
            None => {
                self.entry(version).value = Some(value.to_owned());
                self.attach(stage, version);
            }
        }
        Some((200, json!({"ARN": self.arn, "VersionId": version})))
    }

    fn transfer(&mut self, stage: &str, from: Option<&str>, to: Option<&str>) -> Option<Told> {
        let before = self.holder(stage);
        let stands = before.is_some() && before.as_deref() == to;
        if before.as_deref() != from && !stands {
            return refused("InvalidParameterException");
        }
        match to {
            Some(to) if !self.versions.contains_key(to) => return refused("ResourceNotFoundException"),
            Some(to) => self.attach(stage, to),
            None if stage == "AWSCURRENT" => return refused("InvalidParameterException"),
            None => {
                for kept in self.versions.values_mut() {
                    kept.stages.remove(stage);
                }
            }
        }
        if let ("AWSCURRENT", Some(before)) = (stage, before.filter(|before| Some(before.as_str()) != to)) {
            self.attach("AWSPREVIOUS", &before);
        }
        Some((200, json!({"ARN": self.arn})))
    }
}

#[expect(clippy::disallowed_methods, reason = "AWS has a clock of its own")]
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
