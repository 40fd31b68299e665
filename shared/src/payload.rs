//! What the secret with the provider's key holds: the bare key, as an operator pastes it, or a small JSON object that
//! names the key too, as a rotation writes it.
//!
//! Written, it is the same bytes for the same key: a store takes a repeated write only if nothing in it has changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The form that is written, and the only one that is read.
const FORM: u32 = 1;

/// A key, and its name where it has one.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The key itself.
    pub key: Secret<String>,
    /// Names the key in the project that made it.
    pub key_id: Option<String>,
}

/// The secret holds something else. What it is, is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret holds neither a key nor a JSON object with `v`, `key` and `key_id`")]
pub struct Malformed;

#[derive(Deserialize, Serialize)]
struct Written<'a> {
    v: u32,
    key: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<Cow<'a, str>>,
}

impl Payload {
    /// Reads either form.
    ///
    /// # Errors
    /// [`Malformed`] where it is neither.
    pub fn parse(text: &Secret<String>) -> Result<Self, Malformed> {
        let text = text.expose().trim();
        let (key, key_id) = if text.starts_with('{') {
            let written: Written<'_> = serde_json::from_str(text).map_err(|_| Malformed)?;
            if written.v != FORM {
                return Err(Malformed);
            }
            (written.key.into_owned(), written.key_id.map(Cow::into_owned))
        } else {
            (text.to_owned(), None)
        };
        // It becomes the value of a header.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed);
        }
        Ok(Self { key: Secret::new(key), key_id })
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`Malformed`] where it cannot be written.
    pub fn write(&self) -> Result<Secret<String>, Malformed> {
        let written =
            Written { v: FORM, key: self.key.expose().into(), key_id: self.key_id.as_deref().map(Cow::Borrowed) };
        serde_json::to_string(&written).map(Secret::new).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, Option<String>), Malformed> {
        let payload = Payload::parse(&Secret::new(text.to_owned()))?;
        Ok((payload.key.expose().clone(), payload.key_id))
    }

    #[test]
    fn a_bare_key_and_a_named_one_are_read() {
        assert_eq!(parse(" k.e-y_1\n"), Ok(("k.e-y_1".to_owned(), None)));
        assert_eq!(parse(r#"{"v":1,"key":"k","key_id":"g1"}"#), Ok(("k".to_owned(), Some("g1".to_owned()))));
        assert_eq!(parse(r#" {"v":1,"key":"k","later":true}"#), Ok(("k".to_owned(), None)));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "two words", "{", r#"{"key":"k"}"#, r#"{"v":2,"key":"k"}"#, r#"{"v":1,"key":"a\nb"}"#, "ké"] {
            assert_eq!(parse(text), Err(Malformed), "{text}");
        }
        assert!(!Malformed.to_string().contains("hunter"));
    }

    #[test]
    fn the_same_key_is_written_as_the_same_bytes() {
        let payload = Payload { key: Secret::new("k\"".to_owned()), key_id: Some("g1".to_owned()) };
        assert_eq!(payload.write().unwrap().expose(), r#"{"v":1,"key":"k\"","key_id":"g1"}"#);
        assert!(!format!("{payload:?}").contains("k\\\""));
    }
}
