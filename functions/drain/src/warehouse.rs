//! How the warehouse is reached: BigQuery, as a service account that this function's role may be.

use std::time::Duration;

use shared::audit::warehouse;
use shared::clock::SystemClock;
use shared::config::Reader;
use shared::google::bigquery::{self, Client, Dataset, Table};
use shared::google::token::Kept;
use shared::google::token::federation::{Credentials, Endpoints, Federation, IAM_CREDENTIALS_URL, Identity, STS_URL};
use shared::https::{self, Unbuildable};
use shared::secret::Secret;
use url::Url;

/// The dataset, `PROJECT.DATASET`. Without it there is no warehouse.
pub const BIGQUERY_DATASET: &str = "BIGQUERY_DATASET";
/// The provider of the workload identity pool, `//iam.googleapis.com/projects/…`; required with a dataset.
pub const GOOGLE_AUDIENCE: &str = "GOOGLE_AUDIENCE";
/// The service account that may add rows, by e-mail; required with a dataset.
pub const WAREHOUSE_SERVICE_ACCOUNT: &str = "WAREHOUSE_SERVICE_ACCOUNT";
/// Where all of Google's services are, for a stand-in.
pub const GOOGLE_BASE_URL: &str = "GOOGLE_BASE_URL";

/// Whose credentials are shown to Google: Lambda sets them for the function's role.
const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const AWS_REGION: &str = "AWS_REGION";

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// The warehouse, as the settings say.
#[derive(Clone, Debug)]
pub struct Settings {
    dataset: Dataset,
    identity: Identity,
    credentials: Credentials,
    google: Option<Url>,
}

impl Settings {
    /// Reads them; `None` where there is no warehouse, or with a mistake noted.
    ///
    /// # Defaults
    /// No warehouse; Google is where it always is.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let dataset = read.optional(BIGQUERY_DATASET)?;
        let (audience, account) = (read.required(GOOGLE_AUDIENCE), read.required(WAREHOUSE_SERVICE_ACCOUNT));
        let google = read.optional(GOOGLE_BASE_URL);
        let (access_key, secret_key): (Option<String>, Option<String>) =
            (read.required(AWS_ACCESS_KEY_ID), read.required(AWS_SECRET_ACCESS_KEY));
        let session_token: Option<String> = read.optional(AWS_SESSION_TOKEN);
        let region = read.required(AWS_REGION);
        Some(Self {
            dataset,
            identity: Identity { audience: audience?, service_account: account?, scope: bigquery::INSERT_SCOPE },
            credentials: Credentials {
                access_key: access_key?,
                secret_key: Secret::new(secret_key?),
                session_token: session_token.map(Secret::new),
                region: region?,
            },
            google,
        })
    }

    /// The table that rows go to. No request is made yet.
    ///
    /// # Errors
    /// [`Unbuildable`] when the HTTP client cannot be built.
    pub fn table(self) -> Result<Table<Kept<Federation, SystemClock>>, Unbuildable> {
        let Self { dataset, identity, credentials, google } = self;
        #[expect(clippy::expect_used, reason = "the usual addresses are constants, and a test parses them")]
        let at = |usual: &str| google.clone().unwrap_or_else(|| Url::parse(usual).expect("it is an address"));
        let http = https::client(CONNECT)?;
        let endpoints = Endpoints { sts: at(STS_URL), iam_credentials: at(IAM_CREDENTIALS_URL) };
        let tokens = Kept::new(Federation::new(http.clone(), endpoints, credentials, identity), SystemClock);
        Ok(Client::new(http, at(bigquery::BASE_URL), tokens, dataset).table(warehouse::TABLE))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(settings: &HashMap<&str, &str>) -> Result<Option<Settings>, String> {
        let mut reader = Reader::new(settings);
        let read = Settings::read(&mut reader);
        reader.finish(Some(read)).map_err(|invalid| invalid.to_string())
    }

    fn full() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            (BIGQUERY_DATASET, "p.d"),
            (GOOGLE_AUDIENCE, "//iam.googleapis.com/x"),
            (WAREHOUSE_SERVICE_ACCOUNT, "drain@p.iam.gserviceaccount.com"),
            (AWS_ACCESS_KEY_ID, "id"),
            (AWS_SECRET_ACCESS_KEY, "hush"),
            (AWS_REGION, "eu-central-1"),
        ])
    }

    #[test]
    fn without_a_dataset_there_is_no_warehouse_and_with_one_all_else_is_needed() {
        assert!(read(&HashMap::new()).unwrap().is_none());
        let settings = read(&full()).unwrap().unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
        settings.table().unwrap();
        let told = read(&HashMap::from([(BIGQUERY_DATASET, "p.d")])).unwrap_err();
        for variable in [GOOGLE_AUDIENCE, WAREHOUSE_SERVICE_ACCOUNT, AWS_ACCESS_KEY_ID, AWS_REGION] {
            assert!(told.contains(variable), "{told}");
        }
        let told = read(&HashMap::from([(BIGQUERY_DATASET, "nothing")])).unwrap_err();
        assert!(told.contains("PROJECT.DATASET"), "{told}");
    }
}
