//! What may be wrong with a trail, and what it proves.

use std::fmt;

use crate::audit::chains::Gap;
use crate::audit::{Hash, Hour, WriterId};

/// Something is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It lies where it should have been sealed, and no digest names it.
    Added(String),
    /// The content is not what a digest, or the manifest, says.
    Altered(String),
    /// A record does not point back to the one before.
    BrokenLink(WriterId, u64),
    /// A digest does not name the one before.
    Detached(Hour),
    /// A manifest does not say what follows from its object.
    Forged(String),
    /// Two contents under one number.
    Fork(WriterId, u64),
    /// Records that nobody named void are missing.
    Gap(Gap),
    /// What a digest names is not there.
    Lost(String),
    /// There is no digest for an hour between two others, before the first, or that is over for long.
    MissingDigest(Hour),
    /// There is neither a digest nor anything that one could seal.
    Nothing,
    /// A line of an object is not the record that its manifest tells of.
    Record {
        /// The object.
        object: String,
        /// The line, from 1.
        line: u64,
        /// Writer and number that belong there, where any do.
        place: Option<(WriterId, u64)>,
        /// What is there.
        what: &'static str,
    },
    /// The head that was handed over is none of the digests.
    Rollback(Hash),
    /// A digest that the key did not sign, or that is none.
    Unsigned(String),
    /// A digest says of the chains what does not follow from its manifests.
    Untrue(Hour),
}

/// What a finding comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A signature is not the key's.
    BadSignature,
    /// The end of the trail was taken away.
    Rollback,
    /// A digest is missing.
    MissingDigest,
    /// Content is not what it was.
    BadHash,
    /// Two contents under one number.
    Fork,
    /// Something is missing.
    Gap,
    /// Something was put there later.
    Added,
    /// There is nothing.
    Nothing,
}

impl Finding {
    /// What it comes to.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Added(_) => Class::Added,
            Self::Altered(_) | Self::BrokenLink(..) | Self::Forged(_) | Self::Record { .. } | Self::Untrue(_) => {
                Class::BadHash
            }
            Self::Fork(..) => Class::Fork,
            Self::Gap(_) | Self::Lost(_) => Class::Gap,
            Self::Detached(_) | Self::MissingDigest(_) => Class::MissingDigest,
            Self::Nothing => Class::Nothing,
            Self::Rollback(_) => Class::Rollback,
            Self::Unsigned(_) => Class::BadSignature,
        }
    }

    /// What it proves.
    #[must_use]
    pub const fn proves(&self) -> &'static str {
        match self {
            Self::Added(_) => "it was put there past the sealer, which never saw it",
            Self::Altered(_) => "it was changed after it was sealed or stored",
            Self::BrokenLink(..) => "a record of this writer was replaced, or two writers share an id",
            Self::Detached(_) => "a digest before it was replaced, or digests were taken from between",
            Self::Forged(_) => {
                "no drain of ours made it from these records: it was replaced before its hour was sealed"
            }
            Self::Fork(..) => "one of the two is not what the writer wrote",
            Self::Gap(_) => "the writer wrote these records, since a later one counts them, and they are gone",
            Self::Lost(_) => "it was there when it was sealed, and was deleted since",
            Self::MissingDigest(_) => "the digest was deleted, or the hour was never sealed",
            Self::Nothing => "all of the trail was deleted, or none was ever here",
            Self::Record { .. } => "the object was changed after it was stored",
            Self::Rollback(_) => "digests that were once there are gone, and all that they sealed may be",
            Self::Unsigned(_) => "whoever wrote it did not hold the sealing key, or it was changed since",
            Self::Untrue(_) => "the sealer did not work from these manifests",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(key) => write!(f, "{key} is named by no digest"),
            Self::Altered(key) => write!(f, "{key} is not what was sealed"),
            Self::BrokenLink(writer, seq) => {
                write!(f, "record {seq} of writer {writer} does not point back to the one before")
            }
            Self::Detached(hour) => write!(f, "the digest of {hour} does not name the one before it"),
            Self::Forged(key) => write!(f, "{key} does not say what follows from its object"),
            Self::Fork(writer, seq) => write!(f, "there are two records {seq} of writer {writer}"),
            Self::Gap(Gap { writer_id, first, last, .. }) if first == last => {
                write!(f, "record {first} of writer {writer_id} is missing")
            }
            Self::Gap(Gap { writer_id, first, last, .. }) => {
                write!(f, "records {first} to {last} of writer {writer_id} are missing")
            }
            Self::Lost(key) => write!(f, "{key} is missing"),
            Self::MissingDigest(hour) => write!(f, "the digest of {hour} is missing"),
            Self::Nothing => f.write_str("there is nothing to verify: no digest, no record"),
            Self::Record { object, line, place, what } => {
                write!(f, "line {line} of {object}")?;
                if let Some((writer, seq)) = place {
                    write!(f, ", record {seq} of writer {writer},")?;
                }
                write!(f, " is {what}")
            }
            Self::Rollback(head) => write!(f, "no digest has the hash {head}"),
            Self::Unsigned(key) => write!(f, "{key} is not a digest that this key signed"),
            Self::Untrue(hour) => write!(f, "the digest of {hour} does not follow from its manifests"),
        }
    }
}
