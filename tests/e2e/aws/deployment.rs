//! What Terraform deployed, held against what the function did.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};
use shared::config::{NotText, Strings};
use shared::telemetry::{GATEHOUSE_LOG, GATEHOUSE_LOG_FORMAT};
use tests::aws::iam::{Grant, Rules};
use tests::aws::terraform::{Change, infra};
use tests::gemini::cases;

use super::stack::{PREFIX, Stack};
use crate::{GENERATE, prompt};

/// What AWS itself does in the role's name, so that no call of the function's shows it, each with its source.
const BY_AWS: &[(&str, &str)] = &[
    // Lambda writes what the function prints: Lambda's developer guide, `Defining Lambda function permissions with an
    // execution role`, which lists both for the function's own log group.
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-completion:log-stream:*",
    ),
    (
        "logs:PutLogEvents",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-completion:log-stream:*",
    ),
];

pub(super) async fn the_role_may_do_what_it_did_and_nothing_else(stack: &Stack) {
    // Where a failed condition comes without its item, the ledger is read: that, too, is a call.
    stack.put_policy("[admission.caller]\nrequests_per_minute = 1\nburst = 1\n").await;
    stack.answer_by(cases::brain);
    stack.endpoint.withhold_items(true);
    let (function, key) = (stack.start().await, stack.caller().await);
    for status in [200, 429] {
        assert_eq!(function.client(&key).post(GENERATE, &prompt("case:hello")).await.status, status);
        function.settle().await;
    }
    stack.endpoint.withhold_items(false);
    let name = stack.outputs["function_name"].as_str().unwrap();
    may_do_what_it_did_and_nothing_else(stack, name, "completion", BY_AWS).await;
}

/// Holds the calls that were made with the access key `by` against the role of this name. `by_aws` lists what AWS does in
/// the role's name.
pub(super) async fn may_do_what_it_did_and_nothing_else(stack: &Stack, role: &str, by: &str, by_aws: &[(&str, &str)]) {
    let rules = Rules::of(role, &stack.terraform.resources().await).unwrap();
    let calls: Vec<_> = stack.endpoint.calls().into_iter().filter(|call| call.by == by).collect();
    let findings = rules.evaluate(&calls).unwrap();
    assert!(findings.denied.is_empty(), "AWS would have refused {:#?}", findings.denied);
    let told: BTreeSet<_> =
        findings.unused.iter().map(|Grant { action, resource, .. }| (action.as_str(), resource.as_str())).collect();
    let listed: BTreeSet<_> = by_aws.iter().copied().collect();
    let unused: Vec<_> = told.difference(&listed).collect();
    assert!(unused.is_empty(), "allowed, and never done: {unused:#?}");
    let stale: Vec<_> = listed.difference(&told).collect();
    assert!(stale.is_empty(), "listed as done by AWS itself, and not allowed at all: {stale:#?}");
}

/// Remembers what is asked for, and has nothing.
#[derive(Default)]
struct Asked(Mutex<BTreeSet<String>>);

impl Strings for Asked {
    fn get(&self, name: &str) -> Result<Option<String>, NotText> {
        self.0.lock().unwrap().insert(name.to_owned());
        Ok(None)
    }
}

/// A variable that nobody reads is a setting without effect, and one that nobody sets is a start that fails.
pub(super) async fn terraform_sets_what_the_function_reads(stack: &Stack) {
    let asked = Asked::default();
    assert!(completion::Deployment::read(&asked).is_err(), "nothing was set");
    let mut read = asked.0.into_inner().unwrap();
    read.extend([GATEHOUSE_LOG, GATEHOUSE_LOG_FORMAT].map(ToOwned::to_owned));
    // Region, credentials and endpoints are Lambda's and the SDK's own.
    read.retain(|name| !name.starts_with("AWS_"));
    let set: BTreeSet<_> = stack.environment().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(set, read);
}

/// What a bill is split by, and what finds all of a bundle again.
pub(super) async fn whatever_can_carry_tags_carries_those_of_the_bundle(stack: &Stack) {
    let bundle = json!({
        "application": "gatehouse",
        "bundle": PREFIX,
        "managed_by": "terraform",
        "team": "search",
    });
    let resources = stack.terraform.resources().await;
    let tagged: Vec<_> = resources.iter().filter(|resource| resource["values"]["tags_all"].is_object()).collect();
    assert!(tagged.len() > 20, "{} of {} resources", tagged.len(), resources.len());
    for resource in tagged {
        assert_eq!(resource["values"]["tags_all"], bundle, "{}", resource["address"]);
    }
}

/// The list is `infra/tests/drift.json`: what an emulation does not keep, and why.
pub(super) async fn another_apply_would_change_nothing_that_is_not_listed(stack: &Stack) {
    // Policies are data, which the steps before have changed.
    stack.put_policy("").await;
    let listed = std::fs::read(infra().join("tests/drift.json")).unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed).unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().filter(|text| !text.is_empty()).unwrap().to_owned();
    assert!(listed.iter().all(|entry| text(entry, "why").len() > 10), "{listed:#?}");
    let listed: BTreeSet<_> = listed
        .iter()
        .map(|entry| Change { address: text(entry, "address"), attribute: text(entry, "attribute") })
        .collect();
    // Data that is read again is no change; what follows from it is.
    let planned = stack.terraform.plan().await.into_iter().filter(|change| !change.address.starts_with("data."));
    let planned: BTreeSet<_> = planned.collect();
    let (unlisted, stale): (Vec<_>, Vec<_>) =
        (planned.difference(&listed).collect(), listed.difference(&planned).collect());
    assert!(unlisted.is_empty(), "another apply would change {unlisted:#?}");
    assert!(stale.is_empty(), "listed as changing, and it does not: {stale:#?}");
}
