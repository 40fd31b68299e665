//! The pepper's file, `DATA/pepper`: made once, never overwritten.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use shared::audit::Pepper;

use super::{Error, make_once};

/// The data directory's pepper; the first to ask makes it. Processes that start at once agree on one.
pub(crate) fn open(data: &Path) -> Result<Pepper, Error> {
    let path = data.join("pepper");
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map(Pepper::new).map_err(|_| Error::BadPepper(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(Error::NoRandomness)?;
            make_once(data, "pepper", &bytes)?;
            let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
            bytes.try_into().map(Pepper::new).map_err(|_| Error::BadPepper(path))
        }
        Err(error) => Err(Error::file("read", &path)(error)),
    }
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
