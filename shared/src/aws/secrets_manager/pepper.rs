//! The pepper in its secret: 64 hexadecimal digits, made once by the operator.

use aws_sdk_secretsmanager::Client;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use tokio::sync::OnceCell;

use super::{CURRENT, STORE, put_first, read};
use crate::audit::Pepper;
use crate::aws::Fault;
use crate::ports::Unavailable;
use crate::secret::Secret;

/// The version that [`make`] puts: a second maker's is refused, since its content differs.
const FIRST: &str = "gatehouse-pepper-00000000-0000-0001";

/// Why there is no pepper.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret has no value, or another than a pepper.
    #[error("the pepper's secret holds no pepper: `gatehouse init` makes one")]
    Empty,
    /// The secret could not be read.
    #[error("the pepper's secret could not be read")]
    Fault(#[source] Fault),
}

/// Why no pepper was made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// The secret could not be asked, or not written.
    #[error("the pepper could not be put into its secret")]
    Fault(#[source] Fault),
    /// The machine has no randomness to give.
    #[error("there is no randomness")]
    NoRandomness(#[source] getrandom::Error),
}

/// The pepper in a secret, read once.
pub struct Peppers {
    client: Client,
    secret: String,
    read: OnceCell<Pepper>,
}

impl Peppers {
    /// The pepper in the secret with this ARN or name. Nothing is read yet.
    #[must_use]
    pub fn new(client: Client, secret: impl Into<String>) -> Self {
        Self { client, secret: secret.into(), read: OnceCell::new() }
    }

    /// The pepper: read by the first who asks, and again by the next for as long as it cannot be.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be read, or there is none yet.
    pub async fn get(&self) -> Result<&Pepper, Unavailable> {
        self.read
            .get_or_try_init(|| self.fetch())
            .await
            .map_err(|error| Unavailable { store: STORE, cause: error.into() })
    }

    async fn fetch(&self) -> Result<Pepper, Error> {
        let version = read(&self.client, &self.secret, CURRENT).await.map_err(Error::Fault)?.ok_or(Error::Empty)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(version.text.expose().trim().as_bytes()).map_err(|_| Error::Empty)?;
        bytes.try_into().map(Pepper::new).map_err(|_| Error::Empty)
    }
}

/// Makes a pepper where there is none; `false` where there is one, which is then left as it is.
///
/// # Errors
/// [`Unmade`] when it is not known to be there.
pub async fn make(client: &Client, secret: &str) -> Result<bool, Unmade> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Unmade::NoRandomness)?;
    put_first(client, secret, FIRST, &Secret::new(HEXLOWER.encode(&bytes))).await.map_err(Unmade::Fault)
}

#[cfg(test)]
mod tests;
