//! Signatures over what seals the trail: ECDSA on P-256 with SHA-256. Anyone can check them; on a laptop a file holds
//! the key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use data_encoding::BASE64;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ports::Unavailable;
use crate::ports::trail::Signer;

/// What stands before the point of a key on P-256 in DER, by RFC 5480: sequence, algorithm, curve, bit string.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// `SubjectPublicKeyInfo`.
    der: Vec<u8>,
}

/// It is no public key on P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key on P-256, as PEM (`-----BEGIN PUBLIC KEY-----`) or DER")]
pub struct NoKey;

impl PublicKey {
    /// Reads PEM, or DER.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn read(bytes: &[u8]) -> Result<Self, NoKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(bytes).map_or_else(|_| bytes.to_vec(), |pem| pem.to_vec());
        let point = der.strip_prefix(&P256).filter(|point| point.len() == 65 && point.first() == Some(&4));
        if point.is_some() { Ok(Self { der }) } else { Err(NoKey) }
    }

    /// Whether this is the key's signature over a message.
    #[must_use]
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = self.der.strip_prefix(&P256).unwrap_or_default();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
    }

    /// The key as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let base64 = BASE64.encode(&self.der);
        let lines: Vec<String> =
            base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

/// A key that seals, held by this process. It does not print.
pub struct LocalKey(EcdsaKeyPair);

/// The key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The bytes are no key.
    #[error("not a private key on P-256 in PKCS#8")]
    Malformed,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl LocalKey {
    /// Makes a key: its bytes (PKCS#8), to be kept where only their owner can read them.
    ///
    /// # Errors
    /// [`Unusable::NoRandomness`].
    pub fn make() -> Result<Vec<u8>, Unusable> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        made.map(|key| key.as_ref().to_vec()).map_err(|_| Unusable::NoRandomness)
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// [`Unusable::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Unusable> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes);
        key.map(Self).map_err(|_| Unusable::Malformed)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { der: [P256.as_slice(), self.0.public_key().as_ref()].concat() }
    }
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKey(..)")
    }
}

impl Signer for LocalKey {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let signed = self.0.sign(&SystemRandom::new(), message);
        let signed = signed.map(|signature| signature.as_ref().to_vec());
        signed.map_err(|_| Unavailable { store: "sealing key", cause: Unusable::NoRandomness.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_key_signed_its_public_half_takes_and_nothing_else() {
        let key = LocalKey::read(&LocalKey::make().unwrap()).unwrap();
        let public = PublicKey::read(key.public().to_pem().as_bytes()).unwrap();
        assert_eq!(public, key.public());
        assert_eq!(PublicKey::read(&public.der).unwrap(), public);
        let mut signature = key.sign(b"message").await.unwrap();
        assert!(public.signed(b"message", &signature));
        assert!(!public.signed(b"massage", &signature));
        let other = LocalKey::read(&LocalKey::make().unwrap()).unwrap().public();
        assert!(!other.signed(b"message", &signature));
        *signature.last_mut().unwrap() ^= 1;
        assert!(!public.signed(b"message", &signature));
        for wrong in [&b""[..], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", &P256] {
            assert_eq!(PublicKey::read(wrong), Err(NoKey));
        }
        assert_eq!(format!("{key:?}"), "LocalKey(..)");
    }
}
