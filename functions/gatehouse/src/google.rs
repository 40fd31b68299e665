//! BigQuery, as its operator reaches it: with the credentials that `gcloud auth application-default login` has left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::clock::SystemClock;
use shared::config::{Invalid, Reader, Setting as _, Strings};
use shared::google::bigquery::{self, Client, Dataset};
use shared::google::token::Kept;
use shared::google::token::laptop::{self, Laptop, NoPerson};
use shared::https::{self, Unbuildable};
use shared::ports::warehouse;
use shared::secret::Secret;
use url::Url;

/// Where a person's credentials are, if not where gcloud leaves them.
const GOOGLE_APPLICATION_CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Where gcloud keeps its settings, if not in `HOME/.config/gcloud`.
const CLOUDSDK_CONFIG: &str = "CLOUDSDK_CONFIG";
/// The person's directory.
const HOME: &str = "HOME";
/// Where all of Google's services are, for a stand-in.
const GOOGLE_BASE_URL: &str = "GOOGLE_BASE_URL";

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// Why BigQuery could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there are no Google credentials at `{}`: run `gcloud auth application-default login`", path.display())]
    NoCredentials {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    NoPerson(#[from] NoPerson),
    #[error("BigQuery's dataset {dataset} could not be asked")]
    Query {
        dataset: Dataset,
        #[source]
        cause: warehouse::Error,
    },
    #[error(
        "there is no table or view for this in {dataset}: `gatehouse audit table --bigquery {dataset}` makes them, in a \
         dataset that is there"
    )]
    NoTable { dataset: Dataset },
    #[error("the settings are wrong")]
    Settings(#[from] Invalid),
    #[error(transparent)]
    Unbuildable(#[from] Unbuildable),
}

/// A dataset, as the command line has it.
pub(crate) fn dataset(text: &str) -> Result<Dataset, String> {
    Dataset::parse(text).ok_or_else(|| format!("not {}", Dataset::WANTED))
}

/// A dataset of the operator's.
pub(crate) struct BigQuery {
    client: Client<Kept<Laptop, SystemClock>>,
    dataset: Dataset,
}

impl BigQuery {
    /// Reads the operator's credentials. No request is made yet.
    pub(crate) fn open(dataset: &Dataset, settings: &dyn Strings) -> Result<Self, Error> {
        let mut read = Reader::new(settings);
        let named: Option<String> = read.optional(GOOGLE_APPLICATION_CREDENTIALS);
        let config: Option<String> = read.optional(CLOUDSDK_CONFIG);
        let home: Option<String> = read.optional(HOME);
        let base: Option<Url> = read.optional(GOOGLE_BASE_URL);
        let base = read.finish(Some(base))?;
        let path = named.map_or_else(
            || {
                let home = || Path::new(&home.unwrap_or_default()).join(".config").join("gcloud");
                config.map_or_else(home, PathBuf::from).join("application_default_credentials.json")
            },
            PathBuf::from,
        );
        let file = std::fs::read_to_string(&path).map_err(|cause| Error::NoCredentials { path, cause })?;
        #[expect(clippy::expect_used, reason = "both are constants, and a test parses them")]
        let at = |usual: &str| base.clone().unwrap_or_else(|| Url::parse(usual).expect("it is an address"));
        let (oauth, service) = (at(laptop::OAUTH_URL), at(bigquery::BASE_URL));
        let http = https::client(CONNECT)?;
        let person = Laptop::read(http.clone(), oauth, &Secret::new(file))?;
        let client = Client::new(http, service, Kept::new(person, SystemClock), dataset.clone());
        Ok(Self { client, dataset: dataset.clone() })
    }

    /// Runs a statement and waits for its rows.
    pub(crate) async fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let dataset = || self.dataset.clone();
        self.client.query(sql).await.map_err(|cause| match cause {
            warehouse::Error::Absent => Error::NoTable { dataset: dataset() },
            warehouse::Error::Limited { .. } | warehouse::Error::Refused { .. } | warehouse::Error::Unavailable(_) => {
                Error::Query { dataset: dataset(), cause }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn opened(settings: HashMap<&str, &str>) -> Result<BigQuery, Error> {
        BigQuery::open(&dataset("p.d").unwrap(), &settings)
    }

    #[test]
    fn credentials_are_found_where_gcloud_leaves_them_or_where_it_is_said() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_str().unwrap();
        let told = opened(HashMap::from([(HOME, at)])).err().unwrap().to_string();
        assert!(told.contains("/.config/gcloud/application_default_credentials.json"), "{told}");
        let told = opened(HashMap::from([(HOME, at), (CLOUDSDK_CONFIG, "/elsewhere")])).err().unwrap().to_string();
        assert!(told.contains("`/elsewhere/application_default_credentials.json`"), "{told}");
        let file = home.path().join("mine.json");
        let named = HashMap::from([(GOOGLE_APPLICATION_CREDENTIALS, file.to_str().unwrap())]);
        std::fs::write(&file, r#"{"type":"service_account"}"#).unwrap();
        assert!(matches!(opened(named.clone()), Err(Error::NoPerson(_))));
        let person = r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"t"}"#;
        std::fs::write(&file, person).unwrap();
        assert!(opened(named).is_ok());
        let wrong = opened(HashMap::from([(GOOGLE_BASE_URL, "nowhere")])).err().unwrap();
        assert!(matches!(wrong, Error::Settings(_)));
    }

    #[test]
    fn a_dataset_that_is_none_is_told() {
        assert_eq!(dataset("only-a-project").unwrap_err(), "not PROJECT.DATASET");
    }
}
