//! What the secret with the provider's key holds: the bare key, as an operator pastes it, or a small JSON object that
//! names the key too, as a rotation writes it.
//!
//! Written, it is the same bytes for the same key: a store takes a repeated write only if nothing in it has changed.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The form that is written, and the only one that is read. Fields that a later version adds to it are passed by.
const FORM: u32 = 1;

/// Lengths that a key may have: Gemini's have had 39 characters and more. Bounds, since it becomes a header.
const LENGTH: RangeInclusive<usize> = 8..=512;

/// The longest name of a key.
const LONGEST_ID: usize = 128;

/// A key, and its name where it has one.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The key itself.
    pub key: Secret<String>,
    /// Names the key in the project that made it.
    pub key_id: Option<String>,
}

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

#[derive(Deserialize, Serialize)]
struct Written<'a> {
    v: u32,
    key: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<Cow<'a, str>>,
}

impl Payload {
    /// Reads either form, of a text that a person may have pasted, with a line end or a byte order mark.
    ///
    /// # Errors
    /// [`NotAKey`] where it is neither.
    pub fn parse(text: &Secret<String>) -> Result<Self, NotAKey> {
        let text = text.expose().trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let (key, key_id) = if text.starts_with('{') {
            let Written { v: FORM, key, key_id } = serde_json::from_str(text).map_err(|_| NotAKey::Json)? else {
                return Err(NotAKey::Json);
            };
            (key.into_owned(), key_id.map(Cow::into_owned))
        } else {
            (text.to_owned(), None)
        };
        let named = |id: &str| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(legal);
        if !key_id.as_deref().is_none_or(named) {
            return Err(NotAKey::Json);
        }
        if !LENGTH.contains(&key.len()) || !key.bytes().all(legal) {
            return Err(NotAKey::Characters);
        }
        Ok(Self { key: Secret::new(key), key_id })
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`NotAKey`] where it cannot be written.
    pub fn write(&self) -> Result<Secret<String>, NotAKey> {
        let written =
            Written { v: FORM, key: self.key.expose().into(), key_id: self.key_id.as_deref().map(Cow::Borrowed) };
        serde_json::to_string(&written).map(Secret::new).map_err(|_| NotAKey::Json)
    }
}

const fn legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, Option<String>), NotAKey> {
        let payload = Payload::parse(&Secret::new(text.to_owned()))?;
        Ok((payload.key.expose().clone(), payload.key_id))
    }

    #[test]
    fn a_key_alone_is_read_as_it_was_pasted() {
        for text in ["a.key-1_2", " a.key-1_2\r\n", "\u{feff}a.key-1_2\n", "\u{feff}\t a.key-1_2"] {
            assert_eq!(parse(text), Ok(("a.key-1_2".to_owned(), None)), "{text:?}");
        }
    }

    #[test]
    fn what_the_rotation_writes_names_its_key_and_may_have_more_fields_later() {
        let written = r#"{"v":1,"key":"a.key-1_2","key_id":"g0123"}"#;
        assert_eq!(parse(written), Ok(("a.key-1_2".to_owned(), Some("g0123".to_owned()))));
        assert_eq!(parse(" {\"v\":1,\"key\":\"a.key-1_2\"}\n"), Ok(("a.key-1_2".to_owned(), None)));
        assert_eq!(parse(r#"{"v":1,"key":"a.key-1_2","later":true}"#), Ok(("a.key-1_2".to_owned(), None)));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_told() {
        let long = "k".repeat(513);
        for text in
            ["", "short", "two words here", "\"quoted-key\"", "key\u{0}key-key", "kéykeykey", &long, "[1,2,3,4]"]
        {
            assert_eq!(parse(text), Err(NotAKey::Characters), "{text:?}");
        }
        for json in [
            "{",
            "{}",
            r#"{"v":2,"key":"a.key-1_2"}"#,
            r#"{"v":"1","key":"a.key-1_2"}"#,
            r#"{"key":"a.key-1_2"}"#,
            r#"{"v":1,"key":"a.key-1_2","key":"a.key-1_3"}"#,
            r#"{"v":1,"key":"a.key-1_2","key_id":"a","key_id":"b"}"#,
            r#"{"v":1,"key":"a.key-1_2","key_id":""}"#,
            r#"{"v":1,"key":"a.key-1_2","key_id":"a b"}"#,
            r#"{"v":1,"key":"a.key-1_2"} {}"#,
            r#"{"v":1,"key":"a.key-1_2""#,
        ] {
            assert_eq!(parse(json), Err(NotAKey::Json), "{json}");
        }
        for key in ["two words here", "a.key\\n-1_2", "short"] {
            assert_eq!(parse(&format!(r#"{{"v":1,"key":"{key}"}}"#)), Err(NotAKey::Characters));
        }
        assert!(!NotAKey::Json.to_string().contains("a.key"));
    }

    #[test]
    fn the_same_key_is_written_as_the_same_bytes_and_read_back() {
        let payload = Payload { key: Secret::new("a.key-1_2".to_owned()), key_id: Some("g1".to_owned()) };
        let written = payload.write().unwrap();
        assert_eq!(written.expose(), r#"{"v":1,"key":"a.key-1_2","key_id":"g1"}"#);
        assert_eq!(parse(written.expose()), Ok(("a.key-1_2".to_owned(), Some("g1".to_owned()))));
        assert!(!format!("{payload:?}").contains("a.key"));
    }
}
