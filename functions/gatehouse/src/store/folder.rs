//! A trail in a folder, as `aws s3 sync` brings it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use shared::ports::Unavailable;
use shared::ports::trail::{Created, Store};

/// A folder. It is read, and never written to.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn gather(&self, below: &Path, keys: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(self.0.join(below)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.gather(&path, keys)?;
            } else {
                // With slashes, whatever the system writes.
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                keys.push(parts.join("/"));
            }
        }
        Ok(())
    }
}

impl Folder {
    /// The keys that begin with `prefix`, a folder, in their order.
    pub(crate) fn keys(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        self.gather(Path::new(prefix.trim_end_matches('/')), &mut keys)?;
        keys.sort_unstable();
        Ok(keys)
    }
}

impl Store for Folder {
    async fn create(&self, _: &str, _: Vec<u8>) -> Result<Created, Unavailable> {
        Err(unavailable(io::Error::from(ErrorKind::ReadOnlyFilesystem)))
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        // A digest names what is to be read: nothing of it leads out of the folder.
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) || Path::new(key).is_absolute() {
            return Ok(None);
        }
        match fs::read(self.0.join(key)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Vec<String>, Unavailable> {
        let mut keys = self.keys(prefix).map_err(unavailable)?;
        keys.retain(|key| key.as_str() > after);
        Ok(keys)
    }
}

fn unavailable(error: io::Error) -> Unavailable {
    Unavailable { store: "folder", cause: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_paths_below_the_folder_and_none_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("trail/digests/dt=2026-11-27");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("hour=18.json"), "x").unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        let store = Folder::new(&folder.path().join("trail"));
        let keys = store.list("digests/", "").await.unwrap();
        assert_eq!(keys, ["digests/dt=2026-11-27/hour=18.json"]);
        assert_eq!(store.read(&keys[0]).await.unwrap().as_deref(), Some(&b"x"[..]));
        for outside in ["../secret", "digests/../../secret", "/etc/passwd", "digests", "absent"] {
            assert_eq!(store.read(outside).await.unwrap(), None, "{outside}");
        }
        assert!(store.list("manifests/", "").await.unwrap().is_empty());
    }
}
