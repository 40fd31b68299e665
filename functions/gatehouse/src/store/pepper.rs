//! The pepper's file, `DATA/pepper`: made once, never overwritten.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use shared::audit::{Pepper, WriterId};

use super::{Error, make_private_directory, private_file, sync_directory};

/// The data directory's pepper; the first to ask makes it. Processes that start at once agree on one.
pub(crate) fn open(data: &Path) -> Result<Pepper, Error> {
    let path = data.join("pepper");
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map(Pepper::new).map_err(|_| Error::BadPepper(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(data, &path)?;
            let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
            bytes.try_into().map(Pepper::new).map_err(|_| Error::BadPepper(path))
        }
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

/// Writes the whole file under a name of its own, then links it to its place: unlike a rename, a link never replaces
/// the pepper that another process has made meanwhile.
fn make(data: &Path, path: &Path) -> Result<(), Error> {
    make_private_directory(data)?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::NoRandomness)?;
    let draft = data.join(format!(".pepper.{}", WriterId::random().map_err(Error::NoRandomness)?));
    let made = private_file().write(true).open(&draft).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    });
    let removed = fs::remove_file(&draft);
    made.map_err(Error::file("write", path))?;
    removed.map_err(Error::file("remove", &draft))?;
    sync_directory(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_even_by_many_at_once() {
        let data = tempfile::tempdir().unwrap();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| open(data.path()).unwrap().id().to_owned())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(open(data.path()).unwrap().id(), ids[0]);
        let names: Vec<_> = fs::read_dir(data.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(names, ["pepper"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        open(data.path()).unwrap();
        let mode = fs::metadata(data.path().join("pepper")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_pepper_is_refused_and_left_alone() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("pepper");
        fs::write(&path, "short").unwrap();
        assert!(matches!(open(data.path()), Err(Error::BadPepper(_))));
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
