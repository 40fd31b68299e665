//! The head of a streamed response: JSON, eight NULs, and then the body.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

/// Stands between the prelude and the body.
pub(super) const SEPARATOR: [u8; 8] = [0; 8];

/// Status and headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prelude {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// The prelude in what has come so far, and the bytes behind it; `None` while it is not whole.
pub(super) fn split(read: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = read.windows(SEPARATOR.len()).position(|window| window == SEPARATOR)?;
    let (prelude, rest) = read.split_at(at);
    Some((prelude, rest.get(SEPARATOR.len()..)?))
}

/// Reads a prelude; an error says what Lambda would not have taken.
pub(super) fn read(bytes: &[u8]) -> Result<Prelude, String> {
    let told: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| format!("the prelude: {error}"))?;
    if let Some(unknown) = told.keys().find(|name| !["statusCode", "headers", "cookies"].contains(&name.as_str())) {
        return Err(format!("the prelude has an unknown field {unknown:?}"));
    }
    let status = told.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut prelude = Prelude { status: status.ok_or("the prelude has no status")?, headers: HeaderMap::new() };
    for (name, value) in told.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header"))?;
        prelude.headers.append(header, text(name, value)?);
    }
    for cookie in told.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        prelude.headers.append(http::header::SET_COOKIE, text("cookies", cookie)?);
    }
    Ok(prelude)
}

fn text(name: &str, value: &Value) -> Result<HeaderValue, String> {
    let text = value.as_str().ok_or_else(|| format!("{name:?} in the prelude is no text"))?;
    HeaderValue::from_str(text).map_err(|_| format!("{name:?} in the prelude has characters that no header may have"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_the_first_eight_nulls() {
        assert_eq!(split(b"{}\0\0\0\0\0\0\0"), None);
        assert_eq!(split(b"{}\0\0\0\0\0\0\0\0\0x"), Some((&b"{}"[..], &b"\0x"[..])));
    }

    #[test]
    fn tells_status_headers_and_cookies() {
        let read = read(br#"{"statusCode":404,"headers":{"a":"b"},"cookies":["c=1","d=2"]}"#).unwrap();
        assert_eq!((read.status, &read.headers["a"]), (StatusCode::NOT_FOUND, &HeaderValue::from_static("b")));
        assert_eq!(read.headers.get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn refuses_what_lambda_would() {
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"statusCode":"200"}"#,
            r#"{"statusCode":1}"#,
            r#"{"statusCode":200,"body":"x"}"#,
            r#"{"statusCode":200,"headers":{"a":1}}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\n"}}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
