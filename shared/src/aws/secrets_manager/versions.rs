//! A secret whose value is rotated: its versions and stages in Secrets Manager.
//!
//! Secrets Manager answers reads that may be some moments old, and takes one content only for a version's name. Both are
//! the port's rules too, so that nothing is softened here: what is missing is missing, and who was second is told so.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::Fault;
use crate::clock::Timestamp;
use crate::ports::secrets::{Description, Error, Pass, Stage, Store, Version, VersionId};
use crate::secret::Secret;

/// Answers that may be others the next time, where the SDK's attempts were not enough: the service's own troubles, and
/// too many requests. Secrets Manager allows a few a second for what changes a secret.
const PASSING: [&str; 7] = [
    "InternalFailure",
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// One secret's versions.
#[derive(Clone, Debug)]
pub struct Versions {
    client: Client,
    secret: String,
}

impl Versions {
    /// Those of the secret with this ARN or name.
    #[must_use]
    pub fn new(client: Client, secret: impl Into<String>) -> Self {
        Self { client, secret: secret.into() }
    }
}

impl Store for Versions {
    async fn describe(&self) -> Result<Description, Error> {
        let described = self.client.describe_secret().secret_id(&self.secret).send().await.map_err(told)?;
        let stages = described.version_ids_to_stages.unwrap_or_default().into_iter();
        let versions =
            stages.map(|(id, labels)| (VersionId(id), labels.iter().map(|label| Stage::named(label)).collect()));
        Ok(Description {
            // AWS leaves it out where a rotation never was on.
            rotating: described.rotation_enabled == Some(true),
            versions: versions.collect(),
            due: described.next_rotation_date.as_ref().and_then(time),
        })
    }

    async fn read(&self, version: &VersionId) -> Result<Option<Secret<String>>, Error> {
        let asked = self.client.get_secret_value().secret_id(&self.secret).version_id(&version.0);
        match asked.send().await {
            Ok(answer) => {
                let text =
                    answer.secret_string.ok_or_else(|| Error::Refused("the version holds bytes, no text".into()))?;
                Ok(Some(Secret::new(text)))
            }
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), GetSecretValueError::ResourceNotFoundException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(told(error)),
        }
    }

    async fn put(&self, version: &VersionId, value: &Secret<String>, pass: Option<&Pass>) -> Result<(), Error> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.secret)
            .client_request_token(&version.0)
            .secret_string(value.expose())
            // Without a stage it would become the current version.
            .version_stages(Stage::Pending.name())
            .set_rotation_token(pass.map(|pass| pass.expose().clone()));
        put.send().await.map(drop).map_err(|error| conflict(error, |code, _| code == "ResourceExistsException"))
    }

    async fn transfer(&self, stage: &Stage, from: Option<&VersionId>, to: Option<&VersionId>) -> Result<(), Error> {
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(&self.secret)
            .version_stage(stage.name())
            .set_remove_from_version_id(from.map(|version| version.0.clone()))
            .set_move_to_version_id(to.map(|version| version.0.clone()));
        // All else about the request is sound, so that it can only be where the stage sits.
        moved.send().await.map(drop).map_err(|error| conflict(error, |code, _| code == "InvalidParameterException"))
    }

    async fn versions(&self) -> Result<Vec<Version>, Error> {
        let mut versions = Vec::new();
        let mut next = None;
        loop {
            let asked = self.client.list_secret_version_ids().secret_id(&self.secret).include_deprecated(true);
            let page = asked.set_next_token(next).send().await.map_err(told)?;
            versions.extend(page.versions.unwrap_or_default().into_iter().filter_map(|entry| {
                let created = entry.created_date.as_ref().and_then(time).unwrap_or_default();
                entry.version_id.map(|id| Version { id: VersionId(id), created })
            }));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(versions);
            }
        }
    }

    async fn rotate(&self) -> Result<(), Error> {
        // No rules and no function: those that are set stay.
        let asked = self.client.rotate_secret().secret_id(&self.secret).rotate_immediately(true);
        asked.send().await.map(drop).map_err(|error| {
            conflict(error, |code, words| {
                // The same name stands for a secret without rotation, and only the words tell them apart.
                code == "InvalidRequestException" && words.to_ascii_lowercase().contains("previous rotation")
            })
        })
    }
}

/// The ARN of the secret with this name.
///
/// # Errors
/// [`Fault`] when Secrets Manager does not tell.
pub async fn arn(client: &Client, name: &str) -> Result<String, Fault> {
    client.describe_secret().secret_id(name).send().await?.arn.ok_or(Fault::Garbled)
}

fn time(date: &DateTime) -> Option<Timestamp> {
    date.to_millis().ok().and_then(|millis| u64::try_from(millis).ok()).map(Timestamp)
}

/// [`Error::Conflict`] where `is` knows the error by its name and words.
fn conflict<E>(error: SdkError<E, HttpResponse>, is: impl Fn(&str, &str) -> bool) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let known = meta.is_some_and(|meta| is(meta.code().unwrap_or_default(), meta.message().unwrap_or_default()));
    if known { Error::Conflict } else { told(error) }
}

fn told<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let fault = Fault::from(error);
    let passes = match &fault {
        Fault::Garbled | Fault::Late | Fault::Unreachable(_) => true,
        Fault::NoCredentials(_) => false,
        Fault::Refused { code, .. } => PASSING.contains(&code.as_str()) || code.starts_with("status 5"),
    };
    if passes { Error::Unavailable(fault.into()) } else { Error::Refused(fault.into()) }
}

#[cfg(test)]
mod tests;
