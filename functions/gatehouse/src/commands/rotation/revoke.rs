//! `gatehouse rotation revoke`: a key that has leaked goes, and nobody who may still use it is cut off.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use shared::clock::{Clock as _, SystemClock, Timestamp};
use shared::config::Strings;
use shared::ports::secrets::VersionId;

use super::job::{open, told};
use super::{Error, Place};
use crate::aws::Part;
use crate::commands::listing;
use crate::print::complaint;

/// How long a rotation that has to come first may take, retries of Secrets Manager's included.
const ROTATION: Duration = Duration::from_secs(30 * 60);

/// Delete the key of a version whoever uses it, since it has leaked
///
/// If the version is current, the key is rotated first. Then it waits as long as consumers may keep a key, and deletes it.
/// Until then the key works: where a short outage is the lesser harm, disable its service account first, which takes some
/// five seconds and stops every key that is bound to it (`gcloud iam service-accounts disable`). It may be run again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse rotation plan --aws gatehouse --project my-project      # tells the version
  gatehouse rotation revoke 5f1c… --compromised --aws gatehouse --project my-project")]
pub(crate) struct Revoke {
    /// The version whose key has leaked, as `gatehouse rotation plan` names it
    version: String,

    /// That you mean it: the key is deleted though it may be in use
    #[arg(long, required = true)]
    compromised: bool,

    #[command(flatten)]
    place: Place,

    /// How long consumers may keep a key, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    cached: u64,

    /// Print JSON instead
    #[arg(long)]
    json: bool,
}

pub(super) async fn execute(revoke: &Revoke, settings: &dyn Strings, out: &mut dyn Write) -> Result<(), Error> {
    if revoke.place.project.is_none() {
        return Err(Error::NoProject);
    }
    let part = Part::GEMINI_KEY_REVOKE;
    let (bundle, job) = open(&revoke.place, part, settings).await?;
    let (version, cached) = (VersionId(revoke.version.clone()), Duration::from_secs(revoke.cached));
    complaint(&format!(
        "replacing the key if it is current, then waiting {} s for consumers, then deleting it",
        revoke.cached
    ));
    let millis = u64::try_from((cached + ROTATION).as_millis()).unwrap_or(u64::MAX);
    let until = Timestamp(SystemClock.now().0.saturating_add(millis));
    job.revoke(&version, cached, until).await.map_err(|error| told(&bundle, part, error))?;
    let printed = if revoke.json {
        writeln!(out, "{}", json!({"version": version.0, "revoked": true}))
    } else {
        writeln!(out, "The key of version {version} is deleted. Google goes on taking it for about a minute.")
    };
    listing::until_closed(printed).map_err(Error::Print)
}
