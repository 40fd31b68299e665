//! Secrets Manager: the provider's key, as who uses it and as who rotates it sees it, and the pepper.

mod cache;
pub mod keys;
pub mod pepper;
pub mod versions;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::result::SdkError;

use super::Fault;
use crate::secret::Secret;

pub use self::keys::Keys;
pub use self::pepper::Peppers;
pub use self::versions::Versions;

/// What an [`Unavailable`](crate::ports::Unavailable) calls it.
const STORE: &str = "Secrets Manager";

/// The label of the version in use. It is always named: a read without a label is a read of whatever a double of the
/// service takes for the newest.
const CURRENT: &str = "AWSCURRENT";

/// The label of the version before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// A version of a secret.
#[derive(Debug)]
struct Version {
    text: Secret<String>,
    id: String,
}

/// The version with a label; `None` where no version has it.
async fn read(client: &Client, secret: &str, label: &str) -> Result<Option<Version>, Fault> {
    let answer = match client.get_secret_value().secret_id(secret).version_stage(label).send().await {
        Ok(answer) => answer,
        Err(SdkError::ServiceError(refusal))
            if matches!(refusal.err(), GetSecretValueError::ResourceNotFoundException(_)) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // A binary value is none that we could have put.
    let (Some(text), Some(id)) = (answer.secret_string, answer.version_id) else { return Err(Fault::Garbled) };
    Ok(Some(Version { text: Secret::new(text), id }))
}

/// Whether a secret has a value, without reading it.
///
/// # Errors
/// [`Fault`] when Secrets Manager does not tell.
pub async fn has_value(client: &Client, secret: &str) -> Result<bool, Fault> {
    let described = client.describe_secret().secret_id(secret).send().await?;
    Ok(described.version_ids_to_stages.unwrap_or_default().values().flatten().any(|label| label == CURRENT))
}

/// The version that [`put_first_key`] puts.
const FIRST_KEY: &str = "gatehouse-gemini-key-00000000-0001";

/// Puts the provider's first key; `false` where there is a key, which is then left as it is.
///
/// # Errors
/// [`Fault`] when it is not known to be there.
pub async fn put_first_key(client: &Client, secret: &str, key: &Secret<String>) -> Result<bool, Fault> {
    put_first(client, secret, FIRST_KEY, key).await
}

/// Puts a secret's first value, under a fixed version. Secrets Manager takes one content only for a version's name: of
/// two who put at once, one learns that there is a value already.
///
/// `false` where there was one.
async fn put_first(client: &Client, secret: &str, version: &str, text: &Secret<String>) -> Result<bool, Fault> {
    if has_value(client, secret).await? {
        return Ok(false);
    }
    let put = client.put_secret_value().secret_id(secret).client_request_token(version).secret_string(text.expose());
    match put.send().await.map_err(Fault::from) {
        Ok(_) => Ok(true),
        Err(fault) if fault.code() == Some("ResourceExistsException") => Ok(false),
        Err(fault) => Err(fault),
    }
}
