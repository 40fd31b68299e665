//! AWS's services behind the ports.
//!
//! [`Access`] is read from the environment alone: no profile, no metadata service, no file is ever asked. [`Clients`]
//! makes the SDK's clients, all on one HTTP client, each with its own budget of time and attempts.

#[cfg(feature = "athena")]
pub mod athena;
mod connector;
pub mod dynamodb;
pub mod fault;
#[cfg(feature = "aws-trail")]
pub mod kms;
#[cfg(feature = "aws-trail")]
pub mod s3;
pub mod secrets_manager;
#[cfg(feature = "aws-trail")]
pub mod sns;
pub mod sqs;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use url::Url;

use self::connector::Connector;
pub use self::fault::Fault;
use crate::config::{Reader, Setting};
use crate::https::{self, Unbuildable};
use crate::secret::Secret;

/// The region. Lambda sets it.
const AWS_REGION: &str = "AWS_REGION";

/// Whose requests these are. Lambda sets the three of them, for the function's role, and a new environment has new ones.
const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// What signs them.
const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// What shows that the two are temporary; a user's own keys have none.
const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Another endpoint for all services, by the SDKs' own name for it.
const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
/// Another endpoint for Athena.
#[cfg(feature = "athena")]
const AWS_ENDPOINT_URL_ATHENA: &str = "AWS_ENDPOINT_URL_ATHENA";
/// Another endpoint for DynamoDB.
const AWS_ENDPOINT_URL_DYNAMODB: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// Another endpoint for Secrets Manager.
const AWS_ENDPOINT_URL_SECRETS_MANAGER: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
/// Another endpoint for SQS.
const AWS_ENDPOINT_URL_SQS: &str = "AWS_ENDPOINT_URL_SQS";

/// Until a connection stands. Within a region that takes milliseconds; a second leaves room for a lost packet.
const CONNECT: Duration = Duration::from_secs(1);

/// The pause before the second attempt is up to this, at random, and doubles. The SDK's own of a second is for batch
/// jobs; here a caller waits.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Athena takes long, but each question about a query is answered at once.
#[cfg(feature = "athena")]
const ATHENA: Budget = Budget { attempt: Duration::from_secs(10), attempts: 4, total: Duration::from_secs(30) };

/// DynamoDB answers within 10 ms or not at all, but the first request of an environment also makes the connection. It
/// holds for the operator: where a caller waits, the adapters have a patience of their own.
const DYNAMODB: Budget = Budget { attempt: Duration::from_millis(1500), attempts: 3, total: Duration::from_secs(4) };

/// The key is fetched once in minutes, and without it nothing goes: it may take the longest.
const SECRETS_MANAGER: Budget = Budget { attempt: Duration::from_secs(2), attempts: 3, total: Duration::from_secs(6) };

/// An audit record may have a megabyte to carry. Two attempts, since the recorder sends three times itself.
const SQS: Budget = Budget { attempt: Duration::from_secs(2), attempts: 2, total: Duration::from_millis(4500) };

/// An object has up to some megabytes, and whoever stores it is a job with minutes to spare.
#[cfg(feature = "aws-trail")]
const TRAIL: Budget = Budget { attempt: Duration::from_secs(8), attempts: 4, total: Duration::from_secs(25) };

/// How long a call may take, and how often it is tried. Only what may pass is tried again: throttling, a server's
/// error, a broken connection, an attempt without an answer.
#[derive(Clone, Copy, Debug)]
struct Budget {
    attempt: Duration,
    attempts: u32,
    total: Duration,
}

/// Where AWS is and who asks.
#[derive(Clone, Debug)]
pub struct Access {
    region: String,
    access_key_id: Secret<String>,
    secret_access_key: Secret<String>,
    session_token: Option<Secret<String>>,
    endpoints: Endpoints,
}

#[derive(Clone, Debug, Default)]
struct Endpoints {
    all: Option<Url>,
    #[cfg(feature = "athena")]
    athena: Option<Url>,
    dynamodb: Option<Url>,
    secrets_manager: Option<Url>,
    sqs: Option<Url>,
}

impl Access {
    /// Reads it from the settings; `None` only with a mistake noted.
    ///
    /// # Defaults
    /// No session token; AWS's own endpoints.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let region: Option<RegionName> = read.required(AWS_REGION);
        let access_key_id = read.required(AWS_ACCESS_KEY_ID);
        let secret_access_key = read.required(AWS_SECRET_ACCESS_KEY);
        let session_token = read.optional(AWS_SESSION_TOKEN);
        let endpoints = Endpoints {
            all: read.optional(AWS_ENDPOINT_URL),
            #[cfg(feature = "athena")]
            athena: read.optional(AWS_ENDPOINT_URL_ATHENA),
            dynamodb: read.optional(AWS_ENDPOINT_URL_DYNAMODB),
            secrets_manager: read.optional(AWS_ENDPOINT_URL_SECRETS_MANAGER),
            sqs: read.optional(AWS_ENDPOINT_URL_SQS),
        };
        let RegionName(region) = region?;
        Some(Self {
            region,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            session_token,
            endpoints,
        })
    }
}

impl Access {
    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Names the credentials.
    #[must_use]
    pub const fn access_key_id(&self) -> &Secret<String> {
        &self.access_key_id
    }

    /// Signs requests.
    #[must_use]
    pub const fn secret_access_key(&self) -> &Secret<String> {
        &self.secret_access_key
    }

    /// Shows that the two are temporary; a role's always are.
    #[must_use]
    pub const fn session_token(&self) -> Option<&Secret<String>> {
        self.session_token.as_ref()
    }
}

/// A region's name. It becomes part of a host's name, so it has the characters of one label.
struct RegionName(String);

impl Setting for RegionName {
    const WANTED: &'static str = "the name of a region, such as eu-central-1";

    fn parse(text: &str) -> Option<Self> {
        let label = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) && text.len() <= 63;
        label.then(|| Self(text.to_owned()))
    }
}

/// A client of each service that the functions share.
#[derive(Clone, Debug)]
pub struct All {
    /// For the adapters, which have a patience of their own: it tries once, and waits without end.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// As [`Clients::secrets_manager`] makes it.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    /// As [`Clients::sqs`] makes it.
    pub sqs: aws_sdk_sqs::Client,
}

/// Makes the clients of AWS's services.
#[derive(Clone, Debug)]
pub struct Clients {
    sdk: SdkConfig,
    endpoints: Endpoints,
}

impl Clients {
    /// Clients for who is told by `access`. They share their connections.
    ///
    /// # Errors
    /// [`Unbuildable`] when the HTTP client cannot be built.
    pub fn new(access: Access) -> Result<Self, Unbuildable> {
        let Access { region, access_key_id, secret_access_key, session_token, endpoints } = access;
        let credentials = Credentials::new(
            access_key_id.expose(),
            secret_access_key.expose(),
            session_token.map(|token| token.expose().clone()),
            None,
            "environment",
        );
        let sdk = SdkConfig::builder()
            .behavior_version(behavior())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client()?)
            .build();
        Ok(Self { sdk, endpoints })
    }

    /// Clients as another has configured them: credentials, region, endpoints and [`http_client`] are taken as they
    /// are, budgets are ours.
    #[must_use]
    pub fn of(sdk: SdkConfig) -> Self {
        Self { sdk, endpoints: Endpoints::default() }
    }

    /// A client of Athena.
    #[cfg(feature = "athena")]
    #[must_use]
    pub fn athena(&self) -> aws_sdk_athena::Client {
        aws_sdk_athena::Client::new(&self.configured(ATHENA, &self.endpoints.athena))
    }

    /// A client of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.configured(DYNAMODB, &self.endpoints.dynamodb))
    }

    /// A client of Secrets Manager.
    #[must_use]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.configured(SECRETS_MANAGER, &self.endpoints.secrets_manager))
    }

    /// A client of SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.configured(SQS, &self.endpoints.sqs))
    }

    /// A client of S3. At another endpoint, which need not have a name for each bucket, the bucket stands in the path.
    #[cfg(feature = "aws-trail")]
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let sdk = self.configured(TRAIL, &None);
        let in_path = sdk.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(in_path).build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client of KMS.
    #[cfg(feature = "aws-trail")]
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.configured(TRAIL, &None))
    }

    /// A client of SNS.
    #[cfg(feature = "aws-trail")]
    #[must_use]
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.configured(TRAIL, &None))
    }

    /// All that a function needs before its first request.
    ///
    /// One after the other, on purpose: each of the SDK's crates parses its own table of partitions for its first client,
    /// but a second thread gains a sixth of a millisecond where a core is idle, and loses two where none is.
    #[must_use]
    pub fn all(&self) -> All {
        All {
            dynamodb: aws_sdk_dynamodb::Client::new(&self.patient()),
            secrets_manager: self.secrets_manager(),
            sqs: self.sqs(),
        }
    }

    /// For DynamoDB's adapters, which would otherwise make clients of their own from another's.
    fn patient(&self) -> SdkConfig {
        let (timeouts, retries) = dynamodb::patient();
        self.with(timeouts, retries, &self.endpoints.dynamodb)
    }

    fn configured(&self, budget: Budget, endpoint: &Option<Url>) -> SdkConfig {
        let Budget { attempt, attempts, total } = budget;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(attempt)
            .operation_timeout(total)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(FIRST_PAUSE);
        self.with(timeouts, retries, endpoint)
    }

    fn with(&self, timeouts: TimeoutConfig, retries: RetryConfig, endpoint: &Option<Url>) -> SdkConfig {
        let mut sdk = self.sdk.to_builder().timeout_config(timeouts).retry_config(retries);
        sdk.set_app_name(AppName::new("gatehouse").ok());
        if let Some(url) = endpoint.as_ref().or(self.endpoints.all.as_ref()) {
            sdk.set_endpoint_url(Some(url.as_str().to_owned()));
        }
        sdk.build()
    }
}

/// The version of the SDK's defaults that all of this was written for.
#[must_use]
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The HTTP client for the SDK, with connections of its own.
///
/// # Errors
/// [`Unbuildable`] when TLS or the resolver cannot be set up.
pub fn http_client() -> Result<SharedHttpClient, Unbuildable> {
    Ok(SharedHttpClient::new(Connector::new(https::client(CONNECT)?)))
}

#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
