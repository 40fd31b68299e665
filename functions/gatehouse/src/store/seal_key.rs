//! The sealing key's file, `DATA/seal.key`, and its public half, `DATA/seal.pub`: made once, never overwritten.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use shared::signature::LocalKey;

use super::{Error, make_once};

/// The public half, for whoever verifies elsewhere.
const PUBLIC: &str = "seal.pub";

/// The data directory's key; the first to ask makes it. Processes that start at once agree on one.
pub(crate) fn open(data: &Path) -> Result<LocalKey, Error> {
    let path = data.join("seal.key");
    let bad = |source| Error::BadSealingKey { path: path.clone(), source };
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_once(data, "seal.key", &LocalKey::make().map_err(bad)?)?;
            fs::read(&path)
        }
        read => read,
    };
    let key = LocalKey::read(&bytes.map_err(Error::file("read", &path))?).map_err(bad)?;
    if !data.join(PUBLIC).exists() {
        make_once(data, PUBLIC, key.public().to_pem().as_bytes())?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use shared::signature::PublicKey;

    use super::*;

    #[test]
    fn is_made_once_and_only_its_owner_can_read_it() {
        let data = tempfile::tempdir().unwrap();
        let keys: Vec<PublicKey> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| open(data.path()).unwrap().public())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        let public = fs::read(data.path().join(PUBLIC)).unwrap();
        assert_eq!(PublicKey::read(&public).unwrap(), keys[0]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data.path().join("seal.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_left_alone() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("seal.key"), "short").unwrap();
        assert!(matches!(open(data.path()), Err(Error::BadSealingKey { .. })));
        assert_eq!(fs::read(data.path().join("seal.key")).unwrap(), b"short");
    }
}
