//! Which keys go, and when there is room for another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::clock::Timestamp;
use shared::ports::mint::{Check, Key, KeyId};
use shared::ports::secrets::{Description, Stage, VersionId};

use super::{key_id, named_here};

/// Keys of one bundle that may be alive at a time: the current one, the previous one and the next.
pub const MOST_LIVE: usize = 3;

/// How long ago a key must have stopped being current before it may go: consumers keep it for a while, and the provider
/// learns of a use with a delay that nobody states, so that a key which some still hold might pass for unused.
const REST: Duration = Duration::from_secs(24 * 60 * 60);

/// How old a mark may be when its key becomes current. One that a rotation made before it died may be days old, and
/// would tell of a time at which consumers still held other keys. Much shorter than keys rest, much longer than a step.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// What a version with a stage holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Something of the operator's.
    Foreign,
    /// A key of this bundle.
    Minted(KeyId),
    /// Nothing (yet).
    Nothing,
}

/// What the versions with a stage hold.
pub type Holdings = BTreeMap<VersionId, Holding>;

/// A key that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The key as it was when this was decided; should it have changed, it stays.
    pub key: Key,
    /// Whether the provider is to look at its use first.
    pub check: Check,
}

/// The keys that stay: those that a version with any stage holds, and those that were or will be minted for one.
#[must_use]
pub fn kept(secret: &Description, holdings: &Holdings, arn: &str) -> BTreeSet<KeyId> {
    let minted = secret.versions.keys().map(|version| key_id(arn, version));
    let held = holdings.values().filter_map(|holding| match holding {
        Holding::Minted(id) => Some(id.clone()),
        Holding::Foreign | Holding::Nothing => None,
    });
    minted.chain(held).collect()
}

/// Since when the current key and the previous one have been served. One without a mark became current by hand, nobody
/// knows when; one that is not among the keys shows that the look at them was stale. Both are taken to be since now.
#[must_use]
pub fn read_since(
    secret: &Description,
    holdings: &Holdings,
    keys: &[Key],
    arn: &str,
    now: Timestamp,
) -> Vec<Timestamp> {
    let since = |version: &VersionId| {
        let id = key_id(arn, version);
        match keys.iter().find(|key| key.id == id) {
            Some(key) => Some(key.served.unwrap_or(now)),
            None => (holdings.get(version) == Some(&Holding::Minted(id))).then_some(now),
        }
    };
    read(secret).filter_map(since).collect()
}

/// The keys that go, oldest first. One that consumers may have been handed goes only once nobody can hold it, and if
/// nobody uses it; an orphan was used by none but our own probe, whose use must not keep it.
///
/// A key stopped being current when another became so: at the latest when the next of those did that are `read` now. In
/// the usual order that is the previous one. Where the previous one is older than the key, somebody has rolled back from
/// the key, at a time that nobody knows, and it was over when the current one was served.
#[must_use]
pub fn removals(keys: &[Key], kept: &BTreeSet<KeyId>, read: &[Timestamp], now: Timestamp) -> Vec<Removal> {
    let left = |since: Timestamp| read.iter().copied().filter(|next| *next >= since).min().unwrap_or(since);
    let rested = |key: &&Key| key.served.is_none_or(|since| now.since(left(since)) >= REST);
    let mut removals: Vec<Removal> = keys
        .iter()
        .filter(|key| !key.deleted && named_here(&key.id) && !kept.contains(&key.id))
        .filter(rested)
        .map(|key| Removal { key: key.clone(), check: if key.served.is_some() { Check::Use } else { Check::Nothing } })
        .collect();
    removals.sort_by(|one, other| (one.key.created, &one.key.id).cmp(&(other.key.created, &other.key.id)));
    removals
}

/// How many of these keys are alive.
#[must_use]
pub fn live(keys: &[Key]) -> usize {
    keys.iter().filter(|key| !key.deleted && named_here(&key.id)).count()
}

/// Keys that consumers read though they are not marked as served: somebody made a version current by hand. They are
/// marked late rather than never, so that they are not taken for orphans once they are old.
#[must_use]
pub fn unmarked<'k>(secret: &Description, keys: &'k [Key], arn: &str) -> Vec<&'k Key> {
    let read: BTreeSet<KeyId> = read(secret).map(|version| key_id(arn, version)).collect();
    keys.iter().filter(|key| !key.deleted && key.served.is_none() && read.contains(&key.id)).collect()
}

/// Whether a key that is about to become current is marked well enough.
#[must_use]
pub fn marked(key: &Key, now: Timestamp) -> bool {
    key.served.is_some_and(|since| now.since(since) < FRESH)
}

/// The versions that consumers read.
fn read(secret: &Description) -> impl Iterator<Item = &VersionId> {
    [Stage::Current, Stage::Previous].into_iter().filter_map(|stage| secret.holder(&stage))
}
