//! The rotation's own job, as an operator runs it: AWS by the operator's credentials, Google by those of a person.

use std::path::PathBuf;
use std::time::Duration;

use rotation::job::{Job, Minting};
use rotation::plan;
use rotation::ports::Logged;
use shared::aws::secrets_manager::{Versions, versions};
use shared::clock::SystemClock;
use shared::config::{Reader, Strings};
use shared::google::api_keys::{self, Bundle as Keys, Kind};
use shared::google::gemini;
use shared::google::probe::Probe;
use shared::google::token::Kept;
use shared::google::token::laptop::{self, Laptop};
use shared::https;
use shared::secret::Secret;
use url::Url;

use super::{Error, Place};
use crate::aws::{Bundle, Part};

/// Another address for Google's services, for a stand-in.
const GOOGLE_BASE_URL: &str = "GOOGLE_BASE_URL";

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) type OfOperator = Job<Versions, api_keys::Client<Kept<Laptop, SystemClock>>, Probe, SystemClock, Logged>;

/// The job on a bundle's secret. Without a project, Google is not asked.
pub(super) async fn open(place: &Place, part: Part, settings: &dyn Strings) -> Result<(Bundle, OfOperator), Error> {
    let bundle = Bundle::open(&place.aws).await?;
    let client = bundle.clients().secrets_manager();
    let secret = versions::arn(&client, &bundle.name(part)).await.map_err(|fault| bundle.told(part, fault))?;
    let minting = match &place.project {
        Some(project) => Minting::Own(keys(place, project, &secret, settings)?),
        None => Minting::Supplied,
    };
    // Neither plan nor revocation tries a key.
    let probe = Probe::new(https::client(CONNECT)?, &Url::parse(gemini::BASE_URL)?, "none");
    let store = Versions::new(client, secret.clone());
    Ok((bundle, Job { store, minting, probe, timer: SystemClock, notices: Logged, secret }))
}

fn keys(
    place: &Place,
    project: &str,
    secret: &str,
    settings: &dyn Strings,
) -> Result<api_keys::Client<Kept<Laptop, SystemClock>>, Error> {
    let mut read = Reader::new(settings);
    let google: Option<Url> = read.optional(GOOGLE_BASE_URL);
    read.finish(Some(())).map_err(Error::Config)?;
    let at = |usual: &str| google.clone().map_or_else(|| Url::parse(usual), Ok);
    let file = credentials(settings);
    let text = std::fs::read_to_string(&file).map_err(|cause| Error::NoCredentials { file, cause })?;
    let http = https::client(CONNECT)?;
    let person = Laptop::read(http.clone(), at(laptop::OAUTH_URL)?, &Secret::new(text))?;
    // No key is made here, so the kind does not matter.
    let mark = plan::secret_mark(secret);
    let whose = Keys { project: project.to_owned(), name: place.aws.to_string(), secret: mark, kind: Kind::Standard };
    Ok(api_keys::Client::new(http, at(api_keys::BASE_URL)?, Kept::new(person, SystemClock), whose))
}

/// Where Google's own tools keep a person's credentials.
fn credentials(settings: &dyn Strings) -> PathBuf {
    let text = |name| settings.get(name).ok().flatten().filter(|text| !text.is_empty()).map(PathBuf::from);
    text("GOOGLE_APPLICATION_CREDENTIALS").unwrap_or_else(|| {
        let home = text("HOME").unwrap_or_default();
        let folder = text("CLOUDSDK_CONFIG").unwrap_or_else(|| home.join(".config").join("gcloud"));
        folder.join("application_default_credentials.json")
    })
}

/// What an error means to the operator.
pub(super) fn told(bundle: &Bundle, part: Part, error: rotation::Error) -> Error {
    if matches!(error, rotation::Error::Store { .. }) {
        bundle.told(part, error).into()
    } else if matches!(error, rotation::Error::Empty) {
        Error::NoVersion { prefix: bundle.prefix().to_string() }
    } else {
        Error::Undone(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn credentials_are_where_googles_tools_keep_them() {
        let mut settings = HashMap::from([("HOME", "/home/me")]);
        let usual = PathBuf::from("/home/me/.config/gcloud/application_default_credentials.json");
        assert_eq!(credentials(&settings), usual);
        settings.insert("CLOUDSDK_CONFIG", "/cloud");
        assert_eq!(credentials(&settings), PathBuf::from("/cloud/application_default_credentials.json"));
        settings.insert("GOOGLE_APPLICATION_CREDENTIALS", "/me.json");
        assert_eq!(credentials(&settings), PathBuf::from("/me.json"));
    }
}
