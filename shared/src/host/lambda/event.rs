//! Reads a Function URL's event, payload version 2.0, as the request it stands for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{Either, Full};
use serde::Deserialize;

use crate::host::{Identity, Received};

/// What is wrong with an event. It quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e> {
    version: Cow<'e, str>,
    #[serde(borrow)]
    raw_path: Cow<'e, str>,
    #[serde(borrow, default)]
    raw_query_string: Cow<'e, str>,
    #[serde(borrow, default)]
    cookies: Vec<Cow<'e, str>>,
    #[serde(borrow, default)]
    headers: HashMap<Cow<'e, str>, Cow<'e, str>>,
    #[serde(borrow)]
    request_context: Context<'e>,
    #[serde(borrow, default)]
    body: Option<Cow<'e, str>>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context<'e> {
    #[serde(borrow)]
    http: Http<'e>,
    #[serde(borrow, default)]
    authorizer: Option<Authorizer<'e>>,
}

#[derive(Deserialize)]
struct Http<'e> {
    #[serde(borrow)]
    method: Cow<'e, str>,
}

#[derive(Deserialize)]
struct Authorizer<'e> {
    #[serde(borrow, default)]
    iam: Option<Iam<'e>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Iam<'e> {
    #[serde(borrow)]
    user_arn: Cow<'e, str>,
}

/// The request that an event stands for.
///
/// # Errors
/// [`Malformed`] where it stands for none.
pub(super) fn read(event: &[u8]) -> Result<Request<Received>, Malformed> {
    let event: Event<'_> = serde_json::from_slice(event).map_err(|_| Malformed("it is not JSON of that shape"))?;
    if event.version != "2.0" {
        return Err(Malformed("its payload version is not 2.0"));
    }
    let method = Method::from_bytes(event.request_context.http.method.as_bytes());
    let mut request = Request::new(Either::Left(Full::new(body(event.body, event.is_base64_encoded)?)));
    *request.method_mut() = method.map_err(|_| Malformed("its method is none"))?;
    *request.uri_mut() = uri(&event.raw_path, &event.raw_query_string)?;
    *request.headers_mut() = headers(&event.headers, &event.cookies)?;
    if let Some(iam) = event.request_context.authorizer.and_then(|authorizer| authorizer.iam) {
        request.extensions_mut().insert(Identity { arn: iam.user_arn.into_owned() });
    }
    Ok(request)
}

fn body(body: Option<Cow<'_, str>>, in_base64: bool) -> Result<Bytes, Malformed> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    if !in_base64 {
        return Ok(Bytes::from(body.into_owned()));
    }
    BASE64.decode(body.as_bytes()).map(Bytes::from).map_err(|_| Malformed("its body is not base64"))
}

/// Path and query as the client sent them: what is percent-encoded stays so. Where Lambda has decoded more than a path
/// may hold, that is encoded again.
fn uri(path: &str, query: &str) -> Result<Uri, Malformed> {
    let mut text = String::with_capacity(path.len() + query.len() + 1);
    encode(path, b"?", &mut text);
    if !query.is_empty() {
        text.push('?');
        encode(query, b"", &mut text);
    }
    let uri = Uri::try_from(text).map_err(|_| Malformed("its path is none"))?;
    if uri.path().starts_with('/') { Ok(uri) } else { Err(Malformed("its path is none")) }
}

/// What no path and no query may hold as it is.
const NEVER: &[u8] = br##""#<>\^`{|}"##;

fn encode(text: &str, and: &[u8], into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !NEVER.contains(&byte) && !and.contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _never = write!(into, "%{byte:02X}");
        }
    }
}

fn headers(given: &HashMap<Cow<'_, str>, Cow<'_, str>>, cookies: &[Cow<'_, str>]) -> Result<HeaderMap, Malformed> {
    let wrong = Malformed("one of its headers is none");
    let mut headers = HeaderMap::with_capacity(given.len() + 1);
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong)?;
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong)?);
    }
    if !cookies.is_empty() {
        headers.insert(COOKIE, HeaderValue::from_bytes(cookies.join("; ").as_bytes()).map_err(|_| wrong)?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn event(change: impl FnOnce(&mut Value)) -> Result<Request<Received>, Malformed> {
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/v1beta/models/m%3Agenerate", "rawQueryString": "a=%2F&b",
            "cookies": ["a=b", "c=d"], "headers": {"host": "x", "x-many": "1,2"},
            "requestContext": {"accountId": "anonymous", "http": {"method": "POST", "path": "/v1beta/models/m:generate",
                "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"}, "stage": "$default"},
            "body": "{\"a\": \"\\u00e9\"}", "isBase64Encoded": false,
        });
        change(&mut event);
        read(event.to_string().as_bytes())
    }

    async fn bytes(request: Request<Received>) -> Bytes {
        request.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_request_is_what_its_client_sent() {
        let request = event(|_| {}).unwrap();
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v1beta/models/m%3Agenerate"));
        assert_eq!(request.uri().query(), Some("a=%2F&b"));
        assert_eq!(
            (&request.headers()["x-many"], &request.headers()["cookie"]),
            (&"1,2".parse().unwrap(), &"a=b; c=d".parse().unwrap())
        );
        assert!(request.extensions().get::<Identity>().is_none());
        assert_eq!(bytes(request).await, "{\"a\": \"\\u00e9\"}".as_bytes());
    }

    #[tokio::test]
    async fn a_body_may_come_in_base64_or_not_at_all() {
        let request = event(|event| {
            event["body"] = "AP8=".into();
            event["isBase64Encoded"] = true.into();
        });
        assert_eq!(bytes(request.unwrap()).await, [0_u8, 255].as_slice());
        let without = event(|event| drop(event.as_object_mut().unwrap().remove("body")));
        assert_eq!(bytes(without.unwrap()).await, Bytes::new());
    }

    #[test]
    fn a_path_that_lambda_decoded_is_encoded_again() {
        let request = event(|event| event["rawPath"] = "/v1/models/a b\u{e9}%41#?".into()).unwrap();
        assert_eq!(request.uri().path(), "/v1/models/a%20b%C3%A9%41%23%3F");
    }

    #[test]
    fn an_event_that_stands_for_no_request_is_refused_without_its_words() {
        for change in [
            (|event: &mut Value| event["version"] = "1.0".into()) as fn(&mut Value),
            |event| event["rawPath"] = "hunter2".into(),
            |event| event["rawPath"] = Value::Null,
            |event| event["requestContext"]["http"]["method"] = "P OST".into(),
            |event| event["headers"]["x-a"] = "a\nhunter2".into(),
            |event| event["headers"]["x a"] = "hunter2".into(),
            |event| event["isBase64Encoded"] = true.into(),
            |event| event["requestContext"]["authorizer"] = json!({"iam": {"userArn": 1}}),
            |event| *event = json!([]),
        ] {
            let malformed = event(change).unwrap_err();
            assert!(!format!("{malformed} {malformed:?}").contains("hunter2"));
        }
    }
}
