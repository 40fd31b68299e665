//! What the next rotation would do, and what is wrong now: for an operator to read.

use std::fmt;

use shared::clock::Timestamp;
use shared::ports::mint::{Check, Key, KeyId};
use shared::ports::secrets::{Description, Stage, VersionId};

use super::key_id;
use super::retirement::{Holding, Holdings, MOST_LIVE, Removal, kept, live, read_since, removals};

/// What is known of a secret and its keys.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Its versions.
    pub secret: Description,
    /// What they hold.
    pub holdings: Holdings,
    /// The bundle's keys; `None` where the operator supplies them.
    pub keys: Option<Vec<Key>>,
}

/// What the next rotation would do, and what is wrong now. Printed, it is a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The next rotation's deeds, in order. Empty where none can begin.
    pub next: Vec<Deed>,
    /// What is wrong now, the worst first.
    pub wrong: Vec<Wrong>,
}

/// Something that a rotation would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Mint a key, or take the supplied one, prove it and make it current.
    Replace(Option<VersionId>),
    /// Keep this version as the previous one.
    Keep(VersionId),
    /// Delete a key.
    Remove(KeyId, Check),
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no current version: nobody can be served.
    NoCurrent,
    /// A version that is read holds a key that was deleted.
    KeyGone(Stage, KeyId),
    /// A version is pending and not current, so that no other rotation can begin.
    Stuck(VersionId),
    /// Rotation is switched off.
    RotationOff,
    /// A rotation was due, and failed or did not begin.
    Overdue,
    /// More keys are alive than may be.
    TooMany(usize),
}

/// What the next rotation would do, and what is wrong at `now`.
#[must_use]
pub fn outlook(observed: &Observed, arn: &str, now: Timestamp) -> Outlook {
    let Observed { secret, holdings, keys } = observed;
    let current = secret.holder(&Stage::Current);
    let stuck = secret.holder(&Stage::Pending).filter(|version| Some(*version) != current);
    let mut wrong = Vec::new();
    wrong.extend(current.is_none().then_some(Wrong::NoCurrent));
    let known = keys.as_deref().unwrap_or_default();
    for stage in [Stage::Current, Stage::Previous] {
        let Some(Holding::Minted(id)) = secret.holder(&stage).and_then(|version| holdings.get(version)) else {
            continue;
        };
        let alive = known.iter().any(|key| key.id == *id && !key.deleted);
        // Somebody else's key is not among those that are known.
        let ours = secret.holder(&stage).is_some_and(|version| key_id(arn, version) == *id);
        wrong.extend((keys.is_some() && ours && !alive).then(|| Wrong::KeyGone(stage, id.clone())));
    }
    wrong.extend(stuck.cloned().map(Wrong::Stuck));
    wrong.extend((!secret.rotating).then_some(Wrong::RotationOff));
    wrong.extend(secret.due.is_some_and(|due| due < now).then_some(Wrong::Overdue));
    wrong.extend((live(known) > MOST_LIVE).then(|| Wrong::TooMany(live(known))));
    if stuck.is_some() || !secret.rotating {
        return Outlook { next: Vec::new(), wrong };
    }
    let mut next = vec![Deed::Replace(current.cloned())];
    next.extend(current.cloned().map(Deed::Keep));
    let gone = after(observed, known, arn, now);
    next.extend(gone.into_iter().map(|Removal { key, check }| Deed::Remove(key.id, check)));
    Outlook { next, wrong }
}

/// What goes once another version is current: its key is not there yet, and the one before the current one's may go.
fn after(observed: &Observed, keys: &[Key], arn: &str, now: Timestamp) -> Vec<Removal> {
    let Observed { mut secret, mut holdings, .. } = observed.clone();
    for stages in secret.versions.values_mut() {
        stages.remove(&Stage::Previous);
        stages.remove(&Stage::Pending);
    }
    secret.versions.retain(|version, stages| {
        if stages.is_empty() {
            holdings.remove(version);
        }
        !stages.is_empty()
    });
    let mut read = read_since(&secret, &holdings, keys, arn, now);
    read.push(now);
    removals(keys, &kept(&secret, &holdings, arn), &read, now)
}

impl Deed {
    /// Its name where a program reads it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Replace(_) => "replace",
            Self::Keep(_) => "keep",
            Self::Remove(..) => "remove",
        }
    }
}

impl Wrong {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCurrent => "no_current",
            Self::KeyGone(..) => "served_key_gone",
            Self::Stuck(_) => "pending_stuck",
            Self::RotationOff => "rotation_is_off",
            Self::Overdue => "rotation_overdue",
            Self::TooMany(_) => "too_many_keys",
        }
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in &self.wrong {
            writeln!(f, "wrong: {wrong}")?;
        }
        for deed in &self.next {
            writeln!(f, "next:  {deed}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace(Some(version)) => write!(f, "replace version {version} by a new one with a proven key"),
            Self::Replace(None) => f.write_str("make the first version, with a proven key"),
            Self::Keep(version) => write!(f, "keep version {version} as the previous one"),
            Self::Remove(key, Check::Use) => write!(f, "delete key {key}, unless it was used in the last days"),
            Self::Remove(key, Check::Nothing) => write!(f, "delete key {key}, which was never handed out"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCurrent => f.write_str("no version is current; the first rotation makes one"),
            Self::KeyGone(stage, key) => write!(f, "{} holds key {key}, which is deleted", stage.name()),
            Self::Stuck(version) => write!(
                f,
                "version {version} is pending and not current; no rotation can begin until it is finished, or \
                 AWSPENDING is taken off it"
            ),
            Self::RotationOff => f.write_str("rotation is switched off"),
            Self::Overdue => f.write_str("a rotation was due and did not happen"),
            Self::TooMany(live) => write!(f, "{live} keys are alive, and there may be {MOST_LIVE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn";

    fn version(name: &str) -> VersionId {
        VersionId(name.to_owned())
    }

    fn key(name: &str, served: bool) -> Key {
        let id = key_id(ARN, &version(name));
        Key { id, created: Timestamp(0), deleted: false, served: served.then_some(Timestamp(0)), etag: String::new() }
    }

    fn observed(stages: &[(&str, Stage)], keys: Vec<Key>) -> Observed {
        let mut secret = Description { rotating: true, ..Description::default() };
        let mut holdings = Holdings::new();
        for (name, stage) in stages {
            secret.versions.entry(version(name)).or_default().insert(stage.clone());
            holdings.insert(version(name), Holding::Minted(key_id(ARN, &version(name))));
        }
        Observed { secret, holdings, keys: Some(keys) }
    }

    #[test]
    fn a_sound_state_has_a_next_rotation_and_nothing_wrong() {
        let state = observed(&[("a", Stage::Previous), ("b", Stage::Current)], vec![key("a", true), key("b", true)]);
        let outlook = outlook(&state, ARN, Timestamp(86_400_000));
        assert_eq!(outlook.wrong, []);
        let older = key_id(ARN, &version("a"));
        let expected = [Deed::Replace(Some(version("b"))), Deed::Keep(version("b")), Deed::Remove(older, Check::Use)];
        assert_eq!(outlook.next, expected);
    }

    #[test]
    fn what_is_wrong_is_told_the_worst_first() {
        let dead = Key { deleted: true, ..key("b", true) };
        let keys = vec![dead, key("w", true), key("x", true), key("y", true), key("z", false)];
        let mut state = observed(&[("b", Stage::Current), ("c", Stage::Pending)], keys);
        state.secret.due = Some(Timestamp(1));
        let outlook = outlook(&state, ARN, Timestamp(2));
        let gone = Wrong::KeyGone(Stage::Current, key_id(ARN, &version("b")));
        assert_eq!(outlook.wrong, [gone, Wrong::Stuck(version("c")), Wrong::Overdue, Wrong::TooMany(4)]);
        assert_eq!(outlook.next, []);
    }

    #[test]
    fn a_brand_new_secret_gets_its_first_version() {
        let state = observed(&[], Vec::new());
        let text = outlook(&state, ARN, Timestamp(0)).to_string();
        assert_eq!(
            text,
            "wrong: no version is current; the first rotation makes one\n\
             next:  make the first version, with a proven key\n"
        );
    }
}
