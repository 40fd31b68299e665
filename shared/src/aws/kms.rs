//! The key that seals the trail, in KMS, which nobody can take out of it.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use sha2::{Digest as _, Sha256};

use super::Fault;
use crate::ports::Unavailable;
use crate::ports::trail::Signer;

/// A key of the kind `ECC_NIST_P256`.
#[derive(Clone, Debug)]
pub struct SealingKey {
    client: Client,
    id: String,
}

impl SealingKey {
    /// The key with this id, ARN or alias.
    #[must_use]
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into() }
    }

    /// Its public half.
    ///
    /// # Errors
    /// [`Fault`] when KMS does not tell.
    pub async fn public(&self) -> Result<Public, Fault> {
        let answer = self.client.get_public_key().key_id(&self.id).send().await?;
        let account = answer.key_id.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
        let der = answer.public_key.map(Blob::into_inner);
        der.zip(account).map(|(der, account)| Public { der, account }).ok_or(Fault::Garbled)
    }
}

/// The public half of a key.
#[derive(Clone, Debug)]
pub struct Public {
    /// `SubjectPublicKeyInfo`, as DER.
    pub der: Vec<u8>,
    /// The account that the key is of.
    pub account: String,
}

impl Signer for SealingKey {
    /// Of the message KMS gets the hash alone, since it takes no more than 4 KiB.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let hash = Sha256::digest(message).to_vec();
        let request = self.client.sign().key_id(&self.id).message(Blob::new(hash));
        let request = request.message_type(MessageType::Digest).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let answer = request.send().await.map_err(|error| unavailable(error.into()))?;
        answer.signature.map(Blob::into_inner).ok_or_else(|| unavailable(Fault::Garbled))
    }
}

fn unavailable(fault: Fault) -> Unavailable {
    Unavailable { store: "sealing key", cause: fault.into() }
}
