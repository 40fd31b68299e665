//! A digest: what one hour added to the trail, and where its chains stand, in two lines of a file.
//!
//! The first line is the digest, as JSON. The second holds a signature over the first line's bytes, without its line end:
//! ECDSA on P-256 with SHA-256, as DER in base64. Any tool can check it, such as
//! `openssl dgst -sha256 -verify seal.pub -signature FILE`. Each digest names the hash of the one before, which is
//! SHA-256 of that one's first line: with the hash of the last, all of them are fixed.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chains::{Fault, Told};
use super::{Hash, Hour, VERSION, merkle};
use crate::clock::Timestamp;

/// What a digest says that it is.
const KIND: &str = "gatehouse.audit.digest";

/// Where digests are.
pub const DIGESTS: &str = "digests/";

/// How many hours before its own a digest takes up manifests of that nobody has sealed: those of drains that were slow
/// to end.
pub const LOOK_BACK: u64 = 3;

/// The key of an hour's digest.
#[must_use]
pub fn key(hour: Hour) -> String {
    format!("{DIGESTS}{}.json", hour.partition())
}

/// What one hour added to the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// The version of the schema.
    pub v: u8,
    kind: String,
    /// The hour.
    pub hour: Hour,
    /// When it was made.
    pub sealed: Timestamp,
    /// The hash of the hour before; zeros for the first.
    pub previous: Hash,
    /// Every manifest of the hour, and of a few before where it came late, in the order in which they are joined.
    pub manifests: Vec<Listed>,
    /// How many records they hold.
    pub records: u64,
    /// The root of the [tree](merkle) over the roots of `manifests`.
    pub root: Hash,
    /// What the sealer found that cannot be.
    pub faults: Vec<Fault>,
    /// Manifests that do not agree with themselves.
    pub unreadable: Vec<String>,
    /// Where the chains stand.
    pub chains: Told,
}

/// A manifest under a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// SHA-256 of the manifest.
    pub sha256: Hash,
    /// How many records it tells of.
    pub records: u64,
    /// Its root.
    pub root: Hash,
}

/// A digest, its hash and its signature, as they were read.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The digest.
    pub digest: Digest,
    /// The bytes that are signed.
    pub line: String,
    /// Their hash.
    pub hash: Hash,
    /// The signature over them, in DER.
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    algorithm: String,
    signature: String,
}

const ALGORITHM: &str = "ECDSA_SHA_256";

/// It is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed digest")]
pub struct NoDigest;

impl Digest {
    /// What an hour adds.
    #[must_use]
    pub fn new(hour: Hour, sealed: Timestamp, previous: Hash, found: Found, chains: Told) -> Self {
        let Found { manifests, faults, unreadable } = found;
        Self {
            v: VERSION,
            kind: KIND.to_owned(),
            hour,
            sealed,
            previous,
            records: manifests.iter().map(|listed| listed.records).sum(),
            root: merkle::root(manifests.iter().map(|listed| &listed.root)),
            manifests,
            faults,
            unreadable,
            chains,
        }
    }

    /// The line that is signed.
    #[must_use]
    pub fn to_line(&self) -> String {
        #[expect(clippy::expect_used, reason = "strings, integers and lists are always JSON")]
        serde_json::to_string(self).expect("a digest is JSON")
    }
}

/// What was found under the manifests of an hour.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The manifests.
    pub manifests: Vec<Listed>,
    /// What cannot be.
    pub faults: Vec<Fault>,
    /// Keys of manifests that do not agree with themselves.
    pub unreadable: Vec<String>,
}

/// The file of a digest and the signature over its line.
#[must_use]
pub fn file(line: &str, signature: &[u8]) -> String {
    let signature = Signature { algorithm: ALGORITHM.to_owned(), signature: BASE64.encode(signature) };
    #[expect(clippy::expect_used, reason = "two strings are always JSON")]
    let signature = serde_json::to_string(&signature).expect("a signature is JSON");
    format!("{line}\n{signature}\n")
}

/// Reads the file of a digest. The signature is for others to check.
///
/// # Errors
/// [`NoDigest`] for anything but what [`file()`] writes.
pub fn read(bytes: &[u8]) -> Result<Signed, NoDigest> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoDigest)?;
    let (line, rest) = text.split_once('\n').ok_or(NoDigest)?;
    let digest: Digest = serde_json::from_str(line).map_err(|_| NoDigest)?;
    let signature: Signature = serde_json::from_str(rest).map_err(|_| NoDigest)?;
    let known = digest.v == VERSION && digest.kind == KIND && signature.algorithm == ALGORITHM;
    let signature = BASE64.decode(signature.signature.as_bytes()).map_err(|_| NoDigest)?;
    // One spelling: what is read is what was signed, to the last byte.
    if !known || file(&digest.to_line(), &signature) != text {
        return Err(NoDigest);
    }
    Ok(Signed { digest, line: line.to_owned(), hash: hash(line), signature })
}

/// The hash of a digest's line.
#[must_use]
pub fn hash(line: &str) -> Hash {
    Hash::new(Sha256::digest(line.as_bytes()).into())
}
