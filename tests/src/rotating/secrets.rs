//! Secrets Manager, as strict as AWS documents it: a version takes one content, a stage moves only from where it is named,
//! an announced version holds nothing, and no rotation begins while another version is pending.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{SECRET, Told};

/// One secret.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    versions: BTreeMap<String, Kept>,
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
        if text("SecretId") != Some(SECRET) && text("SecretId") != Some("gatehouse/gemini-key") {
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
            "RotateSecret" => {
                if self.begin(text("ClientRequestToken")?) {
                    Some((200, json!({"ARN": SECRET})))
                } else {
                    let words = "A previous rotation isn't complete. That rotation will be reattempted.";
                    Some((400, json!({"__type": "InvalidRequestException", "message": words})))
                }
            }
            _ => None,
        }
    }

    fn describe(&self) -> Value {
        let staged = self.versions.iter().filter(|(_, kept)| !kept.stages.is_empty());
        let stages: BTreeMap<_, _> = staged.map(|(version, kept)| (version, &kept.stages)).collect();
        json!({"ARN": SECRET, "Name": "gatehouse/gemini-key", "RotationEnabled": true, "VersionIdsToStages": stages})
    }

    fn list(&self) -> Value {
        let entry = |(version, kept): (&String, &Kept)| json!({"VersionId": version, "CreatedDate": kept.created, "VersionStages": kept.stages});
        json!({"ARN": SECRET, "Versions": self.versions.iter().map(entry).collect::<Vec<_>>()})
    }

    fn get(&self, version: Option<&str>, stage: Option<&str>) -> Option<Told> {
        let named = version.map(ToOwned::to_owned).or_else(|| self.holder(stage?));
        let kept = named.as_ref().and_then(|version| self.versions.get(version));
        match (named.as_ref(), kept.and_then(|kept| kept.value.as_ref())) {
            (Some(version), Some(value)) => {
                Some((200, json!({"ARN": SECRET, "VersionId": version, "SecretString": value})))
            }
            _ => refused("ResourceNotFoundException"),
        }
    }

    fn put(&mut self, asked: &Value) -> Option<Told> {
        let (version, value) = (asked["ClientRequestToken"].as_str()?, asked["SecretString"].as_str()?);
        // A rotation that puts under no stage, or under more, would serve a key that nobody has proven.
        if asked["VersionStages"] != json!(["AWSPENDING"]) || !(32..=64).contains(&version.len()) {
            return refused("InvalidParameterException");
        }
        match &self.entry(version).value {
            Some(held) if held != value => return refused("ResourceExistsException"),
            Some(_) => {}
            None => {
                self.entry(version).value = Some(value.to_owned());
                self.attach("AWSPENDING", version);
            }
        }
        Some((200, json!({"ARN": SECRET, "VersionId": version})))
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
        Some((200, json!({"ARN": SECRET})))
    }
}

#[expect(clippy::disallowed_methods, reason = "AWS has a clock of its own")]
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
