//! Who answers behind the gate on a laptop, and with which key.

use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use shared::config::Reader;
use shared::google::base::{is_anonymous, keeps_the_key};
use shared::google::gemini::BASE_URL;
use shared::ports::{self, Key, Unavailable};
use shared::secret::Secret;
use url::Url;

/// The key for Gemini. Without it, and without a file, the offline model answers.
pub(crate) const GEMINI_API_KEY: &str = "GEMINI_API_KEY";
/// A file that holds the key for Gemini. It is read again when Gemini rejects the key, so that a new one can be put
/// in its place while the gate runs.
pub(crate) const GEMINI_API_KEY_FILE: &str = "GEMINI_API_KEY_FILE";
/// Where Gemini is: an HTTPS address, or any on this machine.
pub(crate) const GEMINI_BASE_URL: &str = "GEMINI_BASE_URL";

/// Who answers.
#[derive(Debug)]
pub(crate) enum Upstream {
    /// Gemini, or what stands in for it, at this address.
    Gemini(Url, Source),
    /// The offline model.
    Offline,
}

/// Settings that contradict each other or open a door.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("both {GEMINI_API_KEY} and {GEMINI_API_KEY_FILE} are set; set one of them")]
    TwoKeys,
    #[error(
        "{GEMINI_BASE_URL} must begin with https://, or with http:// for this machine itself: the key travels there"
    )]
    InTheClear,
    #[error("{GEMINI_BASE_URL} must not hold a user name or password")]
    Credentials,
    #[error("{GEMINI_BASE_URL} is set without a key; set {GEMINI_API_KEY} or {GEMINI_API_KEY_FILE} too, or unset it")]
    NoKey,
    #[error("the key for Gemini is no key; it must be one line of printable characters without spaces")]
    NotAKey,
    #[error("the key for Gemini cannot be read")]
    Unreadable(#[source] Unavailable),
}

/// Where the key comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The environment, read once.
    Given(Secret<String>),
    /// A file, read whenever a key is needed.
    File(PathBuf),
}

impl Upstream {
    /// Reads who is to answer; mistakes in a single setting are gathered in `reader`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let given: Option<Secret<String>> = reader.optional(GEMINI_API_KEY);
        let file: Option<PathBuf> = reader.optional(GEMINI_API_KEY_FILE);
        let base: Option<Url> = reader.optional(GEMINI_BASE_URL);
        let source = match (given, file) {
            (None, None) if base.is_some() => return Err(Error::NoKey),
            (None, None) => return Ok(Self::Offline),
            (Some(key), None) => Source::Given(key),
            (None, Some(path)) => Source::File(path),
            (Some(_), Some(_)) => return Err(Error::TwoKeys),
        };
        let base = match base {
            None => Url::parse(BASE_URL).map_err(|_| Error::InTheClear)?,
            Some(base) if !is_anonymous(&base) => return Err(Error::Credentials),
            Some(base) if keeps_the_key(&base) => base,
            Some(_) => return Err(Error::InTheClear),
        };
        // Found out now, and not by the first request.
        let key = source.key().map_err(Error::Unreadable)?;
        if key.value.expose().is_empty() || !key.value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::NotAKey);
        }
        Ok(Self::Gemini(base, source))
    }
}

impl Source {
    fn key(&self) -> Result<Key, Unavailable> {
        let value = match self {
            Self::Given(key) => key.clone(),
            Self::File(path) => {
                let text =
                    fs::read_to_string(path).map_err(|cause| Unavailable { store: "key file", cause: cause.into() })?;
                Secret::new(text.trim().to_owned())
            }
        };
        // A key is random: eight digits of its hash tell keys apart and tell nothing of them.
        let hash = HEXLOWER.encode(&Sha256::digest(value.expose()));
        Ok(Key { value, version: hash.chars().take(8).collect() })
    }
}

impl ports::Keys for Source {
    async fn current(&self) -> Result<Key, Unavailable> {
        self.key()
    }

    async fn replacement(&self, rejected: &Key) -> Result<Option<Key>, Unavailable> {
        self.key().map(|key| (key.version != rejected.version).then_some(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shared::ports::Keys as _;

    use super::*;

    fn read(settings: &[(&'static str, &'static str)]) -> Result<Upstream, Error> {
        let settings: HashMap<&str, &str> = settings.iter().copied().collect();
        Upstream::read(&mut Reader::new(&settings))
    }

    #[test]
    fn without_a_key_the_offline_model_answers() {
        assert!(matches!(read(&[]), Ok(Upstream::Offline)));
        assert!(matches!(read(&[(GEMINI_API_KEY, " ")]), Ok(Upstream::Offline)));
    }

    #[test]
    fn the_key_is_never_sent_in_the_clear_to_another_machine() {
        let with = |base| read(&[(GEMINI_API_KEY, "k"), (GEMINI_BASE_URL, base)]);
        for base in ["http://example.com", "http://127.0.0.1.example.com", "ftp://localhost", "http://10.0.0.1"] {
            assert!(matches!(with(base), Err(Error::InTheClear)), "{base}");
        }
        for base in ["https://example.com", "http://127.0.0.1:9", "http://localhost:9/prefix", "http://[::1]:9"] {
            assert!(with(base).is_ok(), "{base}");
        }
    }

    #[test]
    fn a_key_that_cannot_work_is_told_at_once() {
        assert!(matches!(read(&[(GEMINI_BASE_URL, "http://127.0.0.1:9")]), Err(Error::NoKey)));
        assert!(matches!(read(&[(GEMINI_API_KEY_FILE, "/does/not/exist")]), Err(Error::Unreadable(_))));
        assert!(matches!(read(&[(GEMINI_API_KEY, "two words")]), Err(Error::NotAKey)));
        assert!(matches!(
            read(&[(GEMINI_API_KEY, "k"), (GEMINI_BASE_URL, "https://me:pw@x.com")]),
            Err(Error::Credentials)
        ));
    }

    #[tokio::test]
    async fn a_file_is_read_anew_for_a_replacement() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "first\n").unwrap();
        let source = Source::File(file.path().to_owned());
        let first = source.current().await.unwrap();
        assert_eq!(first.value.expose(), "first");
        assert!(source.replacement(&first).await.unwrap().is_none());
        fs::write(file.path(), "second").unwrap();
        assert_eq!(source.replacement(&first).await.unwrap().unwrap().value.expose(), "second");
    }
}
