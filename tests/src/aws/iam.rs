//! Whether the policies that Terraform rendered allow what a function called, and nothing that it never called.
//!
//! The emulation cannot tell: it knows no policy that names a resource. So the calls are recorded, each becomes the
//! actions on resources that AWS asks for, and those are held against the policies here, as AWS evaluates them. What this
//! evaluator does not know it refuses, rather than guess.

mod access;
mod door;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use self::access::Access;
use self::access::accesses;
pub use self::door::Door;
use self::policy::{Effect, Policy, Statement};
use super::ACCOUNT;
use super::endpoint::Call;

/// The policies that concern one role.
#[derive(Debug)]
pub struct Rules {
    role: String,
    identity: Vec<Policy>,
    /// Those of buckets, keys, queues, secrets and topics, by the ARN of what they guard.
    resources: BTreeMap<String, Policy>,
    /// What else a call concerns.
    wiring: Wiring,
}

/// What stands behind a resource, by its ARN.
#[derive(Debug, Default)]
struct Wiring {
    /// The key that encrypts it.
    keys: BTreeMap<String, String>,
    /// The function that rotates a secret.
    rotators: BTreeMap<String, String>,
}

/// An action that a statement allows on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The statement's id.
    pub statement: String,
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// An ARN, or a pattern of such.
    pub resource: String,
}

/// What came of holding calls against policies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was called and is not allowed.
    pub denied: BTreeSet<Access>,
    /// What is allowed and was not called.
    pub unused: BTreeSet<Grant>,
}

impl Rules {
    /// The policies of the role of this name in a state, each resource as `terraform show -json` tells it.
    ///
    /// # Errors
    /// What in a policy this evaluator does not know.
    pub fn of(role: &str, state: &[Value]) -> Result<Self, String> {
        let mut rules = Self {
            role: format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
            identity: Vec::new(),
            resources: BTreeMap::new(),
            wiring: Wiring::default(),
        };
        for resource in state {
            let address = resource["address"].as_str().unwrap_or_default();
            rules.add(role, resource).map_err(|why| format!("{address}: {why}"))?;
        }
        if rules.identity.is_empty() {
            return Err(format!("the role {role} has no policy"));
        }
        Ok(rules)
    }

    fn add(&mut self, role: &str, resource: &Value) -> Result<(), String> {
        let values = &resource["values"];
        let text = |name: &str| values[name].as_str().unwrap_or_default().to_owned();
        match resource["type"].as_str().unwrap_or_default() {
            "aws_iam_role_policy" if text("role") == role => self.identity.push(Policy::read(&text("policy"))?),
            "aws_iam_role_policy_attachment" if text("role") == role => {
                return Err("a policy that stands elsewhere is not looked up".to_owned());
            }
            "aws_iam_role" if text("name") == role && !text("permissions_boundary").is_empty() => {
                return Err("a permissions boundary is not evaluated".to_owned());
            }
            "aws_kms_key" => {
                self.resources.insert(text("arn"), Policy::read(&text("policy"))?);
            }
            "aws_sqs_queue_policy" => {
                let name = text("queue_url").rsplit('/').next().unwrap_or_default().to_owned();
                self.resources.insert(access::queue(&name), Policy::read(&text("policy"))?);
            }
            "aws_s3_bucket_policy" => {
                self.resources.insert(access::bucket(&text("bucket")), Policy::read(&text("policy"))?);
            }
            "aws_sns_topic_policy" => {
                self.resources.insert(text("arn"), Policy::read(&text("policy"))?);
            }
            "aws_secretsmanager_secret_policy" => {
                self.resources.insert(text("secret_arn"), Policy::read(&text("policy"))?);
            }
            "aws_secretsmanager_secret_rotation" => {
                self.wiring.rotators.insert(text("secret_id"), text("rotation_lambda_arn"));
            }
            "aws_secretsmanager_secret" => self.encrypts(text("arn"), &values["kms_key_id"]),
            "aws_s3_bucket_server_side_encryption_configuration" => {
                let rule = &values["rule"][0]["apply_server_side_encryption_by_default"][0];
                self.encrypts(access::bucket(&text("bucket")), &rule["kms_master_key_id"]);
            }
            "aws_sns_topic" | "aws_sqs_queue" => self.encrypts(text("arn"), &values["kms_master_key_id"]),
            "aws_dynamodb_table" => {
                self.encrypts(text("arn"), &values["server_side_encryption"][0]["kms_key_arn"]);
            }
            _ => {}
        }
        Ok(())
    }

    fn encrypts(&mut self, resource: String, key: &Value) {
        if let Some(key) = key.as_str().filter(|key| !key.is_empty()) {
            self.wiring.keys.insert(resource, key.to_owned());
        }
    }

    /// Holds calls against the policies.
    ///
    /// # Errors
    /// A call, or a condition, that this evaluator does not know.
    pub fn evaluate(&self, calls: &[Call]) -> Result<Findings, String> {
        let mut findings = Findings { unused: self.grants(), ..Findings::default() };
        let mut seen = BTreeSet::new();
        let mut workgroup = Value::Null;
        for call in calls {
            let mut call = call.clone();
            // Of a query only its start names the workgroup that all about it is asked of.
            if call.service == "athena" {
                let named = call.body["WorkGroup"].take();
                workgroup = if named.is_null() { workgroup } else { named };
                call.body["WorkGroup"] = workgroup.clone();
            }
            seen.extend(accesses(&call, &self.wiring)?);
        }
        for mut access in seen {
            access.context.insert("aws:PrincipalArn".to_owned(), self.role.clone());
            let used = self.allowing(&access)?;
            for grant in &used {
                findings.unused.remove(grant);
            }
            if used.is_empty() {
                findings.denied.insert(access);
            }
        }
        Ok(findings)
    }

    fn grants(&self) -> BTreeSet<Grant> {
        let allowing = self.identity.iter().flat_map(|policy| &policy.statements);
        allowing.filter(|statement| statement.effect == Effect::Allow).flat_map(Statement::grants).collect()
    }

    /// The grants by which an access is allowed: none where it is not.
    fn allowing(&self, access: &Access) -> Result<Vec<Grant>, String> {
        let mut used = Vec::new();
        for statement in self.identity.iter().flat_map(|policy| &policy.statements) {
            let matching = statement.matching(access)?;
            if statement.effect == Effect::Deny && !matching.is_empty() {
                return Ok(Vec::new());
            }
            used.extend(matching);
        }
        let guarding = self.resources.get(&access.resource);
        let Some(policy) = guarding.or_else(|| self.resources.get(access::bucket_of(&access.resource))) else {
            // A key without a policy of ours is not one that the account may decide about.
            return Ok(if access.action.starts_with("kms:") { Vec::new() } else { used });
        };
        let (mut admitted, mut denied) = (false, false);
        for statement in policy.statements.iter().filter(|statement| statement.concerns(&self.role)) {
            let matches = !statement.matching(access)?.is_empty();
            admitted |= matches && statement.effect == Effect::Allow;
            denied |= matches && statement.effect == Effect::Deny;
        }
        // A key asks its own policy first; elsewhere the role's own policies are enough within an account.
        let closed = denied || (access.action.starts_with("kms:") && !admitted);
        Ok(if closed { Vec::new() } else { used })
    }
}

#[cfg(test)]
mod tests;
