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

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use serde_json::json;

    use super::*;
    use crate::aws::scripted::{Reply, Server, told};

    fn key(server: &Server) -> SealingKey {
        SealingKey::new(server.clients().kms(), "alias/g-seal")
    }

    #[tokio::test]
    async fn of_a_message_its_hash_is_signed_and_throttling_waited_out() {
        let server = Server::start(|_, number| match number {
            0 => Reply::error(400, "ThrottlingException"),
            1 => Reply::Cut,
            _ => Reply::ok(&json!({"Signature": BASE64.encode(b"signed")})),
        });
        let long = vec![b'x'; 10_000];
        assert_eq!(key(&server).sign(&long).await.unwrap(), b"signed");
        let asked = server.asked();
        assert_eq!((asked.len(), asked[2].operation.as_str()), (3, "Sign"));
        let body = &asked[2].body;
        assert_eq!(body["Message"], BASE64.encode(&Sha256::digest(&long)));
        assert_eq!((&body["MessageType"], &body["KeyId"]), (&json!("DIGEST"), &json!("alias/g-seal")));
        assert_eq!(body["SigningAlgorithm"], "ECDSA_SHA_256");
    }

    #[tokio::test]
    async fn no_signature_is_an_error_and_so_is_a_key_that_may_not_be_used() {
        for (reply, told_as) in [
            ((|| Reply::ok(&json!({}))) as fn() -> Reply, "no sense"),
            (|| Reply::error(400, "AccessDeniedException"), "AccessDeniedException"),
            (|| Reply::error(400, "DisabledException"), "DisabledException"),
            (|| Reply::error(500, "KMSInternalException"), "KMSInternalException"),
        ] {
            let server = Server::start(move |_, _| reply());
            let failed = key(&server).sign(b"message").await.unwrap_err();
            assert!(told(&failed).contains(told_as), "{}", told(&failed));
        }
    }

    #[tokio::test]
    async fn a_public_key_tells_the_account_and_one_without_is_no_answer() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:key/k";
        let server = Server::start(move |_, _| Reply::ok(&json!({"KeyId": arn, "PublicKey": BASE64.encode(b"der")})));
        let Public { der, account } = key(&server).public().await.unwrap();
        assert_eq!((der.as_slice(), account.as_str()), (&b"der"[..], "123456789012"));
        let server = Server::start(|_, _| Reply::ok(&json!({"KeyId": "k"})));
        assert!(matches!(key(&server).public().await, Err(Fault::Garbled)));
    }
}
