//! Terraform on a copy of `infra/`, before an emulation: applied, looked at, destroyed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::REGION;
use crate::wait;

/// Names a folder that holds Terraform's providers, as `terraform providers mirror` lays them out.
pub const MIRROR: &str = "TERRAFORM_MIRROR";

/// Where such a folder lies otherwise: here, or up to two folders deeper.
const USUAL_PLACES: &[&str] = &["/opt", "/usr/local/share", "/usr/share/terraform", "/var/lib/terraform"];

/// The folder at the top of every mirror of the public registry.
const REGISTRY: &str = "registry.terraform.io";

/// An apply takes a minute and a half on a calm machine, most of it the provider's waits for queues.
const PATIENCE: Duration = Duration::from_secs(600);

/// A copy of `infra/` with its own state.
#[derive(Debug)]
pub struct Terraform {
    folder: TempDir,
    endpoint: String,
}

impl Terraform {
    /// Copies `infra/` and makes it ready for the AWS at `endpoint`, with these variables.
    ///
    /// # Panics
    /// When Terraform is not there, or finds no provider.
    pub async fn start(endpoint: &str, variables: &Value) -> Self {
        let folder = wait::done("make a folder", tempfile::tempdir());
        let terraform = Self { folder, endpoint: endpoint.to_owned() };
        copy(&infra(), &terraform.root());
        // Named queries are read from where the code has them, beside it.
        let reports = "shared/src/audit/reports";
        copy(&infra().with_file_name(reports), &terraform.folder.path().join(reports));
        terraform.write("first.auto.tfvars.json", variables);
        wait::done("write Terraform's settings", fs::write(terraform.settings(), settings()));
        terraform.run(&["init", "-input=false", "-no-color", "-lockfile=readonly"]).await;
        terraform
    }

    /// Makes what the files say.
    pub async fn apply(&self) {
        self.run(&["apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=30"]).await;
    }

    /// Applies with these variables instead of those of the same name. They stay so.
    pub async fn change(&self, variables: &Value) {
        // Of several files the last in the alphabet has the word.
        self.write("later.auto.tfvars.json", variables);
        self.apply().await;
    }

    /// Removes what was made.
    pub async fn destroy(&self) {
        self.run(&["destroy", "-auto-approve", "-input=false", "-no-color", "-parallelism=30"]).await;
    }

    /// What another apply would change.
    pub async fn plan(&self) -> Vec<Change> {
        self.run(&["plan", "-input=false", "-no-color", "-out=again", "-parallelism=30"]).await;
        changes(&self.json(&["show", "-json", "again"]).await)
    }

    /// Every resource in the state, those of modules too, as `terraform show -json` tells them.
    pub async fn resources(&self) -> Vec<Value> {
        let state = self.json(&["show", "-json"]).await;
        let mut found = Vec::new();
        gather(&state["values"]["root_module"], &mut found);
        found
    }

    /// The outputs, by name.
    pub async fn outputs(&self) -> Value {
        let told = self.json(&["output", "-json"]).await;
        let outputs = told.as_object().into_iter().flatten();
        Value::Object(outputs.map(|(name, output)| (name.clone(), output["value"].clone())).collect())
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("infra")
    }

    fn write(&self, file: &str, variables: &Value) {
        let variables = serde_json::to_vec_pretty(variables).expect("variables are JSON");
        wait::done("write the variables", fs::write(self.root().join(file), variables));
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("terraform.rc")
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.run(arguments).await;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("terraform {arguments:?}: {error}: {printed}"))
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(self.root()).stdin(Stdio::null()).kill_on_drop(true);
        command
            .env("TF_CLI_CONFIG_FILE", self.settings())
            .env("TF_VAR_local_endpoint", &self.endpoint)
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "terraform")
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        for own in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE"] {
            command.env_remove(own);
        }
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = ended.unwrap_or_else(|_| panic!("terraform {arguments:?} took longer than {PATIENCE:?}"));
        let output = wait::done("run terraform: install 1.11 or later", output);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "terraform {arguments:?} ended with {}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }
}

/// One attribute of one resource that another apply would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Such as `module.completion.aws_lambda_function.this`.
    pub address: String,
    /// The attribute; what would be done where it is more than an update.
    pub attribute: String,
}

/// The changes that a plan holds.
fn changes(plan: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    for resource in plan["resource_changes"].as_array().into_iter().flatten() {
        let change = &resource["change"];
        let address = resource["address"].as_str().unwrap_or_default();
        let mut add = |attribute: &str| {
            found.push(Change { address: address.to_owned(), attribute: attribute.to_owned() });
        };
        if change["actions"] == json!(["no-op"]) {
            continue;
        }
        if change["actions"] != json!(["update"]) {
            add(&change["actions"].to_string());
            continue;
        }
        let names = |side: &str| change[side].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let mut all: Vec<_> = names("before").chain(names("after")).chain(names("after_unknown")).collect();
        all.sort();
        all.dedup();
        for name in all {
            let unknown = !matches!(&change["after_unknown"][&name], Value::Null | Value::Bool(false));
            let unknown = unknown && !is_known(&change["after_unknown"][&name]);
            if unknown || change["before"][&name] != change["after"][&name] {
                add(&name);
            }
        }
    }
    for (name, output) in plan["output_changes"].as_object().into_iter().flatten() {
        if output["actions"] != json!(["no-op"]) {
            found.push(Change { address: format!("output.{name}"), attribute: output["actions"].to_string() });
        }
    }
    found.sort();
    found
}

/// Whether nothing in a mark of unknown values is marked.
fn is_known(mark: &Value) -> bool {
    match mark {
        Value::Bool(unknown) => !unknown,
        Value::Array(all) => all.iter().all(is_known),
        Value::Object(all) => all.values().all(is_known),
        Value::Null | Value::Number(_) | Value::String(_) => true,
    }
}

fn gather(module: &Value, found: &mut Vec<Value>) {
    found.extend(module["resources"].as_array().into_iter().flatten().cloned());
    for child in module["child_modules"].as_array().into_iter().flatten() {
        gather(child, found);
    }
}

/// What is committed, without what Terraform leaves beside it.
fn copy(from: &Path, to: &Path) {
    wait::done("make a folder", fs::create_dir_all(to));
    for entry in wait::done("read infra", fs::read_dir(from)) {
        let entry = wait::done("read infra", entry);
        let name = entry.file_name();
        if entry.path().is_dir() {
            if name != ".terraform" {
                copy(&entry.path(), &to.join(name));
            }
        } else if !name.to_string_lossy().contains(".tfstate") && !name.to_string_lossy().ends_with(".tfvars") {
            wait::done("copy infra", fs::copy(entry.path(), to.join(name)));
        }
    }
}

/// The folder of the root module.
#[must_use]
pub fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository").join("infra")
}

/// Providers from a mirror, where there is one; from the public registry otherwise.
fn settings() -> String {
    let installation = mirror().map(|mirror| {
        format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path    = {}\n    include = [\"{REGISTRY}/*/*\"]\n  }}\n  \
             direct {{\n    exclude = [\"{REGISTRY}/*/*\"]\n  }}\n}}\n",
            json!(mirror)
        )
    });
    installation.unwrap_or_default() + "disable_checkpoint = true\n"
}

/// The folder of a mirror.
#[expect(clippy::disallowed_methods, reason = "the machine's, no setting of ours")]
fn mirror() -> Option<PathBuf> {
    if let Ok(named) = std::env::var(MIRROR) {
        return Some(named.into());
    }
    USUAL_PLACES.iter().find_map(|place| beneath(Path::new(place), 2))
}

fn beneath(folder: &Path, depth: usize) -> Option<PathBuf> {
    if folder.join(REGISTRY).is_dir() {
        return Some(folder.to_owned());
    }
    let deeper = depth.checked_sub(1)?;
    let folders = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.into_iter().find_map(|folder| beneath(&folder, deeper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_attribute_that_would_change() {
        let plan = json!({"resource_changes": [
            {"address": "a.same", "change": {"actions": ["no-op"]}},
            {"address": "a.new", "change": {"actions": ["create"], "before": null, "after": {"x": 1}}},
            {"address": "a.old", "change": {"actions": ["update"], "before": {"x": 1, "y": 1, "z": 1},
                "after": {"x": 2, "y": 1}, "after_unknown": {"z": true, "w": [{"v": false}]}}},
        ], "output_changes": {"o": {"actions": ["update"]}, "p": {"actions": ["no-op"]}}});
        let told: Vec<_> =
            changes(&plan).iter().map(|change| format!("{} {}", change.address, change.attribute)).collect();
        assert_eq!(told, [r#"a.new ["create"]"#, "a.old x", "a.old z", r#"output.o ["update"]"#]);
    }

    #[test]
    fn finds_a_mirror_a_few_folders_deep() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(beneath(home.path(), 2), None);
        fs::create_dir_all(home.path().join("plugins").join(REGISTRY)).unwrap();
        assert_eq!(beneath(home.path(), 2), Some(home.path().join("plugins")));
    }
}
