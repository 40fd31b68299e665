//! Secrets Manager, as strict as AWS documents it: a value is put once, a stage moves by compare-and-swap, an announced
//! version holds nothing, and a rotation does not begin while another version is pending.

use std::collections::{BTreeMap, BTreeSet};

use shared::clock::Timestamp;
use shared::payload::Payload;
use shared::ports::secrets::{Description, Error, Pass, Stage, Store, Version, VersionId};
use shared::secret::Secret;

use super::world::{Kind, Trouble, World};

#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    versions: BTreeMap<VersionId, Kept>,
    /// Rotations that were asked for and have not begun.
    pub(crate) wanted: usize,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    value: Option<String>,
    /// The key in it, as a consumer reads it.
    key: Option<String>,
    stages: BTreeSet<Stage>,
    created: u64,
}

impl Secrets {
    pub(crate) fn holder(&self, stage: &Stage) -> Option<VersionId> {
        self.versions.iter().find(|(_, kept)| kept.stages.contains(stage)).map(|(version, _)| version.clone())
    }

    /// The key of a version.
    pub(crate) fn key(&self, version: &VersionId) -> Option<String> {
        self.versions.get(version)?.key.clone()
    }

    /// What `RotateSecret` does before it calls the function: announces an empty version, unless one is pending.
    pub(crate) fn begin(&mut self, version: &VersionId, now: u64) -> Result<(), Error> {
        let pending = self.holder(&Stage::Pending);
        if pending.is_some() && pending != self.holder(&Stage::Current) && pending.as_ref() != Some(version) {
            return Err(Error::Conflict);
        }
        self.versions.entry(version.clone()).or_insert(Kept { created: now, ..Kept::default() });
        self.attach(&Stage::Pending, version);
        Ok(())
    }

    fn attach(&mut self, stage: &Stage, version: &VersionId) {
        for kept in self.versions.values_mut() {
            kept.stages.remove(stage);
        }
        self.versions.get_mut(version).unwrap().stages.insert(stage.clone());
    }

    /// `PutSecretValue`.
    pub(crate) fn put(&mut self, version: &VersionId, value: &str, stage: &Stage, now: u64) -> Result<(), Error> {
        let kept = self.versions.entry(version.clone()).or_insert(Kept { created: now, ..Kept::default() });
        match &kept.value {
            Some(held) if held == value => return Ok(()),
            Some(_) => return Err(Error::Conflict),
            None => {
                let read = Payload::parse(&Secret::new(value.to_owned())).unwrap();
                (kept.value, kept.key) = (Some(value.to_owned()), Some(read.key.expose().clone()));
            }
        }
        self.transfer(stage, self.holder(stage).as_ref(), Some(version))
    }

    /// `UpdateSecretVersionStage`.
    pub(crate) fn transfer(
        &mut self,
        stage: &Stage,
        from: Option<&VersionId>,
        to: Option<&VersionId>,
    ) -> Result<(), Error> {
        let before = self.holder(stage);
        if before.as_ref() != from && !(before.is_some() && before.as_ref() == to) {
            return Err(Error::Conflict);
        }
        match to {
            Some(to) if self.versions.contains_key(to) => self.attach(stage, to),
            Some(_) => return Err(Error::Refused("no such version".into())),
            None if *stage == Stage::Current => return Err(Error::Refused("a secret keeps AWSCURRENT".into())),
            None => {
                for kept in self.versions.values_mut() {
                    kept.stages.remove(stage);
                }
            }
        }
        if let (Stage::Current, Some(before)) = (stage, before.filter(|before| Some(before) != to)) {
            self.attach(&Stage::Previous, &before);
        }
        Ok(())
    }

    pub(crate) fn describe(&self) -> Description {
        let staged = self.versions.iter().filter(|(_, kept)| !kept.stages.is_empty());
        let versions = staged.map(|(version, kept)| (version.clone(), kept.stages.clone())).collect();
        Description { rotating: true, versions, due: None }
    }
}

fn fail<T>(trouble: Trouble) -> Result<T, Error> {
    Err(match trouble {
        Trouble::Permanent => Error::Refused("told to".into()),
        Trouble::Throttled => Error::Unavailable("throttled".into()),
        Trouble::Transient => Error::Unavailable("told to".into()),
    })
}

impl Store for World {
    async fn describe(&self) -> Result<Description, Error> {
        self.effect("describe", Kind::Read, fail, |state| Ok(state.secrets.describe())).await
    }

    async fn read(&self, version: &VersionId) -> Result<Option<Secret<String>>, Error> {
        let read = self.effect("read", Kind::Read, fail, |state| {
            Ok(state.secrets.versions.get(version).and_then(|kept| kept.value.clone()))
        });
        Ok(read.await?.map(Secret::new))
    }

    async fn put(&self, version: &VersionId, value: &Secret<String>, _: Option<&Pass>) -> Result<(), Error> {
        let put = self.effect("put", Kind::Write, fail, |state| {
            state.secrets.put(version, value.expose(), &Stage::Pending, state.now)
        });
        put.await
    }

    async fn transfer(&self, stage: &Stage, from: Option<&VersionId>, to: Option<&VersionId>) -> Result<(), Error> {
        let name = if *stage == Stage::Current { "promote" } else { "unstage" };
        self.effect(name, Kind::Write, fail, |state| state.secrets.transfer(stage, from, to)).await
    }

    async fn versions(&self) -> Result<Vec<Version>, Error> {
        let versions = self.effect("versions", Kind::Read, fail, |state| {
            let all = state.secrets.versions.iter();
            Ok(all.map(|(id, kept)| Version { id: id.clone(), created: Timestamp(kept.created) }).collect())
        });
        versions.await
    }

    async fn rotate(&self) -> Result<(), Error> {
        let rotate = self.effect("rotate", Kind::Write, fail, |state| {
            let pending = state.secrets.holder(&Stage::Pending);
            if pending.is_some() && pending != state.secrets.holder(&Stage::Current) {
                return Err(Error::Conflict);
            }
            state.secrets.wanted += 1;
            Ok(())
        });
        rotate.await
    }
}
