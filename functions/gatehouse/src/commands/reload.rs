//! A policy file that may change while the gate runs: a good one is put in force, a bad one is refused and told.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::policy::Compiled;
use shared::ports::Unavailable;
use shared::telemetry::Chain;

use super::NoPolicy;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A policy file, and what was last read in it.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    /// What was last judged; `None` while the file cannot be read.
    text: Option<String>,
    /// What was found when it was last looked at, where that differs.
    found: Option<String>,
}

impl Watched {
    /// Reads the file for the first time.
    pub(crate) fn open(path: &Path) -> Result<(Self, Compiled), NoPolicy> {
        let text = super::read_policy(path)?;
        let compiled = parse(path, &text)?;
        Ok((Self { path: path.to_owned(), text: Some(text), found: None }, compiled))
    }

    /// Another policy than last time, or why there is none; `None` while nothing has changed.
    ///
    /// A change counts once it is seen twice: who saves a file may empty it first, and an empty one is a policy too.
    fn look(&mut self) -> Option<Result<String, NoPolicy>> {
        match fs::read_to_string(&self.path) {
            Ok(text) if self.text.as_ref() == Some(&text) => {
                self.found = None;
                None
            }
            Ok(text) if self.found.as_ref() == Some(&text) => {
                self.text = self.found.take();
                Some(Ok(text))
            }
            Ok(text) => {
                self.found = Some(text);
                None
            }
            Err(cause) => {
                self.found = None;
                let told = self.text.take().is_none();
                (!told).then(|| Err(NoPolicy::Unreadable { path: self.path.clone(), cause }))
            }
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Compiled, NoPolicy> {
    Compiled::parse(&path.display().to_string(), text).map_err(NoPolicy::Invalid)
}

/// Builds what was found, which takes a while.
async fn built(
    found: Result<String, NoPolicy>,
    path: &Path,
    build: impl FnOnce(&Path, &str) -> Result<Compiled, NoPolicy> + Send + 'static,
) -> Result<Compiled, NoPolicy> {
    let (text, from) = (found?, path.to_owned());
    let built = tokio::task::spawn_blocking(move || build(&from, &text)).await;
    // The panic hook has told where.
    built.unwrap_or_else(|_| Err(NoPolicy::Unbuildable { path: path.to_owned() }))
}

/// Hands over every policy that the file comes to hold, or the code of why it is none. It never ends.
///
/// A change that could not be put on record is handed over again.
pub(crate) async fn follow(
    watched: Option<Watched>,
    adopt: impl AsyncFn(Result<Compiled, &'static str>) -> Result<(), Unavailable>,
) {
    match watched {
        Some(file) => follow_by(parse, file, adopt).await,
        None => std::future::pending().await,
    }
}

async fn follow_by(
    build: impl FnOnce(&Path, &str) -> Result<Compiled, NoPolicy> + Copy + Send + 'static,
    file: Watched,
    adopt: impl AsyncFn(Result<Compiled, &'static str>) -> Result<(), Unavailable>,
) {
    let file = Arc::new(Mutex::new(file));
    let watched = || file.lock().unwrap_or_else(PoisonError::into_inner);
    let path = watched().path.clone();
    loop {
        tokio::time::sleep(EVERY).await;
        let looking = Arc::clone(&file);
        // A disk may take a while.
        let look = move || looking.lock().unwrap_or_else(PoisonError::into_inner).look();
        let Ok(Some(found)) = tokio::task::spawn_blocking(look).await else { continue };
        let recorded = match built(found, &path, build).await {
            Ok(compiled) => adopt(Ok(compiled)).await,
            Err(error) => {
                let (code, why) = (error.code(), Chain(&error));
                tracing::error!(code = "policy_refused", reason = code, error = %why, "the policy in force stays");
                adopt(Err(code)).await
            }
        };
        if let Err(unavailable) = recorded {
            let error = Chain(&unavailable);
            tracing::error!(code = "policy_unrecorded", %error, "the policy in force stays until this is on record");
            watched().text = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_is_seen_twice_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "").unwrap();
        let (mut file, first) = Watched::open(&path).unwrap();
        assert!(file.look().is_none());
        fs::write(&path, "# other\n").unwrap();
        assert!(file.look().is_none());
        let second = parse(&path, &file.look().unwrap().unwrap()).unwrap();
        assert_ne!(second.policy.version(), first.policy.version());
        assert!(file.look().is_none());

        fs::write(&path, "nonsense").unwrap();
        assert!(file.look().is_none());
        assert_eq!(file.look().unwrap().unwrap(), "nonsense");
        assert!(file.look().is_none());

        fs::remove_file(&path).unwrap();
        assert!(matches!(file.look(), Some(Err(NoPolicy::Unreadable { .. }))));
        assert!(file.look().is_none());
    }

    #[test]
    fn a_file_that_is_empty_for_a_moment_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "# one\n").unwrap();
        let (mut file, _) = Watched::open(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(file.look().is_none());
        fs::write(&path, "# one\n").unwrap();
        assert!(file.look().is_none());
        assert!(file.look().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_while_a_policy_is_built_refuses_it_and_the_next_is_taken() {
        const FATAL: &str = "# fatal\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "").unwrap();
        let (file, _) = Watched::open(&path).unwrap();
        fs::write(&path, FATAL).unwrap();
        let build = |path: &Path, text: &str| if text == FATAL { panic!("a fault of ours") } else { parse(path, text) };
        let (handed, mut came) = tokio::sync::mpsc::unbounded_channel();
        let adopt = async |found: Result<Compiled, &'static str>| {
            handed.send(found.map(|compiled| compiled.policy.version().to_owned())).unwrap();
            Ok(())
        };
        let watch = async {
            assert_eq!(came.recv().await.unwrap(), Err("policy_unbuildable"));
            fs::write(&path, "# mended\n").unwrap();
            came.recv().await.unwrap().unwrap();
        };
        tokio::select! {
            () = follow_by(build, file, adopt) => {}
            () = watch => {}
        }
    }
}
