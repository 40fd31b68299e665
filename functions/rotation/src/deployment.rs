//! The function on AWS: its settings, and a job on the real services.

use std::time::Duration;

use shared::aws::secrets_manager::Versions;
use shared::aws::{self, Access};
use shared::clock::SystemClock;
use shared::config::{Invalid, Reader, Strings};
use shared::google::api_keys::{self, Bundle, Kind};
use shared::google::gemini;
use shared::google::probe::Probe;
use shared::google::token::Kept;
use shared::google::token::federation::{self, Credentials, Endpoints, Federation, Identity};
use shared::{host, https};
use url::Url;

use crate::config::{Config, Keys, Minted};
use crate::job::{Job, Minting};
use crate::plan;
use crate::ports::Logged;

/// Until a connection to Google stands.
const CONNECT: Duration = Duration::from_secs(5);

/// The job on AWS, with Google's services as its role reaches them.
pub type OnAws = Job<Versions, api_keys::Client<Kept<Federation, SystemClock>>, Probe, SystemClock, Logged>;

/// All that the function reads from its environment.
#[derive(Clone, Debug)]
pub struct Deployment {
    access: Access,
    config: Config,
}

/// Why the function cannot start, or no longer works.
#[derive(Debug, thiserror::Error)]
pub enum Unstarted {
    /// The settings are wrong: the operator must act.
    #[error("the settings are wrong")]
    Config(#[source] Invalid),
    /// Events cannot come in, or the one that there was came to nothing.
    #[error("the work cannot go on")]
    Host(#[source] host::Error),
    /// A client cannot be built.
    #[error("a client could not be built")]
    NoClient(#[from] https::Unbuildable),
    /// The signals that stop a process cannot be listened for.
    #[error("the signals that stop a process cannot be heard")]
    NoSignals(#[source] std::io::Error),
    /// An address of Google's is none.
    #[error("an address of Google's cannot be read")]
    NoUrl(#[from] url::ParseError),
}

impl Unstarted {
    /// The stable name of the reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config_invalid",
            Self::Host(_) => "host_failed",
            Self::NoClient(_) => "no_client",
            Self::NoSignals(_) => "no_signals",
            Self::NoUrl(_) => "no_url",
        }
    }
}

impl Deployment {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake.
    pub fn read(strings: &dyn Strings) -> Result<Self, Invalid> {
        let mut read = Reader::new(strings);
        let (access, config) = (Access::read(&mut read), Config::read(&mut read));
        let built = access.zip(config).map(|(access, config)| Self { access, config });
        read.finish(built)
    }
}

/// Builds the job. Nothing is asked of anybody yet.
///
/// # Errors
/// [`Unstarted::NoClient`] and [`Unstarted::NoUrl`].
pub fn build(deployment: Deployment) -> Result<OnAws, Unstarted> {
    let Deployment { access, config } = deployment;
    let minting = match config.keys {
        Keys::Minted(minted) => Minting::Own(mint(&access, *minted, &config.secret)?),
        Keys::Supplied => Minting::Supplied,
    };
    let gemini = config.gemini.map_or_else(|| Url::parse(gemini::BASE_URL), Ok)?;
    let clients = aws::Clients::new(access)?;
    Ok(Job {
        store: Versions::new(clients.secrets_manager(), config.secret.clone()),
        minting,
        probe: Probe::new(https::client_that_keeps_no_connection(CONNECT)?, &gemini, &config.model),
        timer: SystemClock,
        notices: Logged,
        secret: config.secret,
    })
}

fn mint(
    access: &Access,
    minted: Minted,
    secret: &str,
) -> Result<api_keys::Client<Kept<Federation, SystemClock>>, Unstarted> {
    let Minted { bundle, project, audience, minter, bound, google } = minted;
    let at = |usual: &str| google.clone().map_or_else(|| Url::parse(usual), Ok);
    // A function that is called once a month has no use for connections that wait.
    let http = https::client_that_keeps_no_connection(CONNECT)?;
    let credentials = Credentials {
        access_key: access.access_key_id().expose().clone(),
        secret_key: access.secret_access_key().clone(),
        session_token: access.session_token().cloned(),
        region: access.region().to_owned(),
    };
    let endpoints = Endpoints { sts: at(federation::STS_URL)?, iam_credentials: at(federation::IAM_CREDENTIALS_URL)? };
    let identity = Identity { audience, service_account: minter, scope: api_keys::SCOPE };
    let tokens = Kept::new(Federation::new(http.clone(), endpoints, credentials, identity), SystemClock);
    let kind = bound.map_or(Kind::Standard, |service_account| Kind::Auth { service_account });
    let bundle = Bundle { project, name: bundle, secret: plan::secret_mark(secret), kind };
    Ok(api_keys::Client::new(http, at(api_keys::BASE_URL)?, tokens, bundle))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};
    use std::sync::Mutex;

    use shared::config::NotText;
    use shared::telemetry::{GATEHOUSE_LOG, GATEHOUSE_LOG_FORMAT};

    use super::*;
    use crate::config::GOOGLE_BASE_URL;

    const ALL: [(&str, &str); 10] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("GEMINI_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:1:secret:gemini"),
        ("PROBE_MODEL", "gemini-3.5-flash"),
        ("BUNDLE", "gatehouse"),
        ("GOOGLE_PROJECT", "p-1"),
        ("GOOGLE_AUDIENCE", "//iam.googleapis.com/x"),
        ("MINT_SERVICE_ACCOUNT", "rotator@p-1.iam.gserviceaccount.com"),
        ("KEY_SERVICE_ACCOUNT", "caller@p-1.iam.gserviceaccount.com"),
    ];

    #[tokio::test]
    async fn what_is_required_is_enough_and_no_secret_is_shown() {
        let deployment = Deployment::read(&HashMap::from(ALL)).unwrap();
        assert!(!format!("{deployment:?}").contains("hunter2"));
        assert!(build(deployment).is_ok());
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let told = Deployment::read(&HashMap::new()).unwrap_err().to_string();
        for (variable, _) in ALL {
            assert!(told.contains(&format!("`{variable}` is not set")), "{variable}: {told}");
        }
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
    #[test]
    fn terraform_sets_what_the_function_reads() {
        let asked = Asked::default();
        assert!(Deployment::read(&asked).is_err(), "nothing was set");
        let mut read = asked.0.into_inner().unwrap();
        read.extend([GATEHOUSE_LOG, GATEHOUSE_LOG_FORMAT].map(ToOwned::to_owned));
        // Region, credentials and endpoints are Lambda's and the SDK's own.
        read.retain(|name| !name.starts_with("AWS_"));
        let infra = include_str!("../../../infra/rotation.tf");
        let block = infra.split("rotation_environment = ").nth(1).unwrap().split("\n  }\n\n").next().unwrap();
        let names = block.lines().filter_map(|line| line.trim().split_once(" = ").map(|(name, _)| name.trim()));
        let set: BTreeSet<String> = names.map(ToOwned::to_owned).collect();
        assert!(read.contains(GOOGLE_BASE_URL));
        assert_eq!(set, read);
    }
}
