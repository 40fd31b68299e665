//! What a key's secret holds: the key alone, or `{"v":1,"key":…,"key_id":…}` as the rotation writes it.

use serde::Deserialize;

use super::Version;
use crate::ports::Key;
use crate::secret::Secret;

/// Lengths that a key may have: Gemini's have had 39 characters and more. Bounds, since it becomes a header.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=512;

/// A value that cannot be a key. It says nothing of what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// A character that no key has, or too many or too few.
    #[error("the secret's key is not {} to {} letters, digits and `-._~+/=`", LENGTH.start(), LENGTH.end())]
    Characters,
    /// JSON, but not what the rotation writes.
    #[error("the secret's JSON is not {{\"v\":1,\"key\":…,\"key_id\":…}}")]
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u8,
    key: String,
    key_id: Option<String>,
}

/// The key in a text that a person may have pasted, with a line end or a byte order mark.
///
/// # Errors
/// [`NotAKey`], without the text.
pub fn provider_key(text: &str) -> Result<Secret<String>, NotAKey> {
    parse(text).map(|(key, _)| key)
}

/// The key of a version, called as the rotation called it, else by the version.
pub(super) fn key(version: &Version) -> Result<Key, NotAKey> {
    let (value, id) = parse(version.text.expose())?;
    Ok(Key { value, version: id.unwrap_or_else(|| version.id.clone()) })
}

fn parse(text: &str) -> Result<(Secret<String>, Option<String>), NotAKey> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if !text.starts_with('{') {
        return fits(text).then(|| (Secret::new(text.to_owned()), None)).ok_or(NotAKey::Characters);
    }
    let Written { v: 1, key, key_id } = serde_json::from_str(text).map_err(|_| NotAKey::Json)? else {
        return Err(NotAKey::Json);
    };
    let named = key_id.as_deref().is_none_or(|id| !id.is_empty() && id.len() <= 128 && id.bytes().all(legal));
    if !named {
        return Err(NotAKey::Json);
    }
    fits(&key).then(|| (Secret::new(key), key_id)).ok_or(NotAKey::Characters)
}

fn fits(key: &str) -> bool {
    LENGTH.contains(&key.len()) && key.bytes().all(legal)
}

const fn legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Option<String>), NotAKey> {
        parse(text).map(|(key, id)| (key.expose().clone(), id))
    }

    #[test]
    fn a_key_alone_is_read_as_it_was_pasted() {
        for text in ["a.key-1_2", " a.key-1_2\r\n", "\u{feff}a.key-1_2\n", "\u{feff}\t a.key-1_2"] {
            assert_eq!(read(text), Ok(("a.key-1_2".to_owned(), None)), "{text:?}");
        }
    }

    #[test]
    fn what_the_rotation_writes_names_its_key() {
        let written = r#"{"v":1,"key":"a.key-1_2","key_id":"g0123"}"#;
        assert_eq!(read(written), Ok(("a.key-1_2".to_owned(), Some("g0123".to_owned()))));
        assert_eq!(read(r#"{"v":1,"key":"a.key-1_2"}"#), Ok(("a.key-1_2".to_owned(), None)));
        let version = Version { text: Secret::new("a.key-1_2".to_owned()), id: "v-1".to_owned() };
        assert_eq!(key(&version).unwrap().version, "v-1");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_told() {
        let long = "k".repeat(513);
        for text in
            ["", "short", "two words here", "\"quoted-key\"", "key\u{0}key-key", "kéykeykey", &long, "[1,2,3,4]"]
        {
            assert_eq!(read(text), Err(NotAKey::Characters), "{text:?}");
        }
        for json in [
            "{}",
            r#"{"v":2,"key":"a.key-1_2"}"#,
            r#"{"v":"1","key":"a.key-1_2"}"#,
            r#"{"key":"a.key-1_2"}"#,
            r#"{"v":1,"key":"a.key-1_2","extra":0}"#,
            r#"{"v":1,"key":"a.key-1_2","key":"a.key-1_3"}"#,
            r#"{"v":1,"key":"a.key-1_2","key_id":""}"#,
            r#"{"v":1,"key":"a.key-1_2","key_id":"a b"}"#,
            r#"{"v":1,"key":"a.key-1_2"} {}"#,
            r#"{"v":1,"key":"a.key-1_2""#,
        ] {
            assert_eq!(read(json), Err(NotAKey::Json), "{json}");
        }
        assert_eq!(read(r#"{"v":1,"key":"two words here"}"#), Err(NotAKey::Characters));
        assert!(!NotAKey::Json.to_string().contains("a.key"));
    }
}
