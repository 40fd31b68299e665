//! The function on AWS: the settings that name its stores, and which adapter stands behind each port.

use std::sync::Arc;

use shared::audit::{self, WriterId};
use shared::aws::{self, dynamodb, secrets_manager, sqs};
use shared::clock::SystemClock;
use shared::config::{Invalid, Reader, Setting, Strings};
use shared::google::base::keeps_the_key;
use shared::google::gemini;
use shared::https;
use shared::recorder::Recorder;
use url::Url;

use crate::admission::Accounts;
use crate::config::Config;
use crate::error::Error;
use crate::gate::{Fetched, Gate, Parts, Rules};

/// The secret that holds the key for Gemini.
pub const GEMINI_SECRET_ARN: &str = "GEMINI_SECRET_ARN";
/// The secret that holds the pepper.
pub const PEPPER_SECRET_ARN: &str = "PEPPER_SECRET_ARN";
/// The table of callers.
pub const CALLERS_TABLE: &str = "CALLERS_TABLE";
/// The table of the ledger.
pub const LEDGER_TABLE: &str = "LEDGER_TABLE";
/// The table of the policy.
pub const POLICY_TABLE: &str = "POLICY_TABLE";
/// The queue for audit records.
pub const AUDIT_QUEUE_URL: &str = "AUDIT_QUEUE_URL";
/// Where Gemini is, if not at Google: over HTTPS, or on this machine.
pub const GEMINI_BASE_URL: &str = "GEMINI_BASE_URL";

/// Settings of the function on AWS.
///
/// # Defaults
/// Gemini at Google, and those of [`Config`]. For what names a store there are none.
#[derive(Clone, Debug)]
pub struct Deployment {
    access: aws::Access,
    gemini: Url,
    gemini_secret: String,
    pepper_secret: String,
    callers: String,
    ledger: String,
    policy: String,
    audit_queue: String,
    config: Config,
}

/// The gate with AWS's stores behind it.
pub type OnAws = Gate<
    gemini::Client<secrets_manager::Keys<SystemClock>>,
    dynamodb::callers::Callers<SystemClock>,
    sqs::Queue,
    SystemClock,
>;

impl Deployment {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake.
    pub fn read(strings: &dyn Strings) -> Result<Self, Invalid> {
        let mut read = Reader::new(strings);
        let access = aws::Access::read(&mut read);
        let gemini = read.optional(GEMINI_BASE_URL).or_else(|| Base::parse(gemini::BASE_URL));
        let (gemini_secret, pepper_secret) = (read.required(GEMINI_SECRET_ARN), read.required(PEPPER_SECRET_ARN));
        let (callers, ledger) = (read.required(CALLERS_TABLE), read.required(LEDGER_TABLE));
        let (policy, audit_queue) = (read.required(POLICY_TABLE), read.required(AUDIT_QUEUE_URL));
        let config = Config::read(&mut read);
        let built = || {
            Some(Self {
                access: access?,
                gemini: gemini?.0,
                gemini_secret: gemini_secret?,
                pepper_secret: pepper_secret?,
                callers: callers?,
                ledger: ledger?,
                policy: policy?,
                audit_queue: audit_queue?,
                config,
            })
        };
        let built = built();
        read.finish(built)
    }
}

/// Builds the gate with AWS's stores behind it. Every client is ready; what is in the stores is read once it is needed,
/// since an environment that is made ahead may never be.
///
/// # Errors
/// [`Error`] when a client cannot be built, or the machine has no randomness to give.
pub fn build(deployment: Deployment) -> Result<OnAws, Error> {
    let Deployment { access, gemini, gemini_secret, pepper_secret, config, .. } = deployment;
    let aws::All { dynamodb, secrets_manager: secrets, sqs } = aws::Clients::new(access)?.all();
    let keys = secrets_manager::Keys::new(secrets.clone(), gemini_secret, SystemClock);
    let writer = WriterId::random().map_err(Error::NoRandomness)?;
    let policy = dynamodb::Policy::new(&dynamodb, deployment.policy);
    Ok(Gate::new(Parts {
        model: gemini::Client::new(gemini, keys, config.deadlines)?,
        callers: dynamodb::callers::Callers::new(&dynamodb, deployment.callers, SystemClock),
        recorder: Recorder::new(writer, sqs::Queue::new(sqs, deployment.audit_queue), SystemClock),
        accounts: Accounts::of(dynamodb::Ledger::new(&dynamodb, deployment.ledger)),
        clock: SystemClock,
        pepper: pepper(secrets_manager::Peppers::new(secrets, pepper_secret)),
        rules: Rules::following(Box::new(move || {
            let policy = policy.clone();
            Box::pin(async move { policy.read().await })
        })),
        config,
    }))
}

fn pepper(peppers: secrets_manager::Peppers) -> Fetched<audit::Pepper> {
    let peppers = Arc::new(peppers);
    Fetched::by(Box::new(move || {
        let peppers = Arc::clone(&peppers);
        Box::pin(async move { peppers.get().await.cloned() })
    }))
}

/// Where Gemini is.
struct Base(Url);

impl Setting for Base {
    const WANTED: &'static str = "a URL that begins with https://, or with http:// for this machine itself";

    fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(keeps_the_key).map(Self)
    }
}

impl From<https::Unbuildable> for Error {
    fn from(unbuildable: https::Unbuildable) -> Self {
        Self::NoClient(unbuildable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const ALL: [(&str, &str); 9] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        (GEMINI_SECRET_ARN, "arn:aws:secretsmanager:eu-central-1:1:secret:gemini"),
        (PEPPER_SECRET_ARN, "arn:aws:secretsmanager:eu-central-1:1:secret:pepper"),
        (CALLERS_TABLE, "callers"),
        (LEDGER_TABLE, "ledger"),
        (POLICY_TABLE, "policy"),
        (AUDIT_QUEUE_URL, "https://sqs.eu-central-1.amazonaws.com/1/audit"),
    ];

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let told = Deployment::read(&HashMap::new()).unwrap_err().to_string();
        for (variable, _) in ALL {
            assert!(told.contains(&format!("`{variable}` is not set")), "{variable}: {told}");
        }
    }

    #[test]
    fn what_is_required_is_enough_and_no_secret_is_shown() {
        let deployment = Deployment::read(&HashMap::from(ALL)).unwrap();
        assert_eq!(deployment.gemini.as_str(), "https://generativelanguage.googleapis.com/");
        assert_eq!(deployment.config, Config::default());
        assert!(!format!("{deployment:?}").contains("hunter2"));
    }

    #[test]
    fn gemini_is_not_asked_where_the_key_could_be_read_on_its_way() {
        let mut settings = HashMap::from(ALL);
        settings.insert(GEMINI_BASE_URL, "http://example.com");
        let told = Deployment::read(&settings).unwrap_err().to_string();
        assert_eq!(told, format!("`{GEMINI_BASE_URL}` is not {}", Base::WANTED));
        settings.insert(GEMINI_BASE_URL, "http://127.0.0.1:9");
        assert!(Deployment::read(&settings).is_ok());
    }

    #[tokio::test]
    async fn every_client_can_be_built() {
        assert!(build(Deployment::read(&HashMap::from(ALL)).unwrap()).is_ok());
    }
}
