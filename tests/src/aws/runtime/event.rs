//! A request at a Function URL, as the event of payload format 2.0 that Lambda makes of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::aws::{ACCOUNT, REGION};

/// What Lambda takes for itself, or passes in another field.
const KEPT: [HeaderName; 4] = [CONNECTION, TRANSFER_ENCODING, HOST, COOKIE];

/// Who signed a request, in a Function URL that demands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the access key that it was signed with.
    pub access_key: String,
    /// Such as `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`.
    pub arn: String,
}

/// The event of a request.
pub(super) fn event(parts: &Parts, body: &Bytes, identity: Option<&Identity>, id: &str) -> Value {
    let now = Timestamp::now();
    let domain = format!("gatehousetests.lambda-url.{REGION}.on.aws");
    let path = parts.uri.path();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut headers = headers(&parts.headers);
    for (name, value) in [
        ("host", domain.as_str()),
        ("x-amzn-trace-id", "Root=1-69000000-000000000000000000000001"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ] {
        headers.insert(name.to_owned(), value.to_owned());
    }
    let mut context = json!({
        "accountId": "anonymous",
        "apiId": "gatehousetests",
        "domainName": domain,
        "domainPrefix": "gatehousetests",
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": header("user-agent"),
        },
        "requestId": id,
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": now.as_millisecond(),
    });
    if let Some(Identity { access_key, arn }) = identity {
        context["accountId"] = json!(ACCOUNT);
        context["authorizer"] = json!({"iam": {
            "accessKey": access_key,
            "accountId": ACCOUNT,
            "callerId": "AROATESTS:session",
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": arn,
            "userId": "AROATESTS:session",
        }});
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        // A Function URL leaves the path as it came, where API Gateway decodes it.
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": false,
    });
    let cookies: Vec<_> = header("cookie").split("; ").filter(|cookie| !cookie.is_empty()).collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !body.is_empty() {
        let text = str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = json!(text.is_none());
        event["body"] = json!(text.map_or_else(|| BASE64.encode(body), ToOwned::to_owned));
    }
    event
}

/// Names in lower case, and values of one name joined by commas.
fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::new();
    for name in all.keys().filter(|name| !KEPT.contains(name)) {
        let values: Vec<_> = all.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        joined.insert(name.as_str().to_owned(), values.join(","));
    }
    joined
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut joined = BTreeMap::<String, String>::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = joined.entry(decode(name)).or_default();
        if !values.is_empty() {
            values.push(',');
        }
        values.push_str(&decode(value));
    }
    joined
}

/// Whether a body goes into the event as it is. Everything else is base64, also a body that does not say what it is.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml");
    !headers.contains_key(CONTENT_ENCODING) && (plain || kind.starts_with("text/"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn made(request: http::request::Builder, body: &str) -> Value {
        event(&request.body(()).unwrap().into_parts().0, &Bytes::copy_from_slice(body.as_bytes()), None, "id")
    }

    #[test]
    fn joins_headers_of_one_name_and_sets_cookies_apart() {
        let request = Request::get("/a%2Fb?x=1&x=%3D2&y").header("X-Two", "1").header("x-two", "2");
        let event = made(request.header("cookie", "a=1; b=2"), "");
        assert_eq!(event["headers"]["x-two"], "1,2");
        assert_eq!((&event["cookies"], &event["headers"]["cookie"]), (&json!(["a=1", "b=2"]), &Value::Null));
        assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/a%2Fb"), &json!("x=1&x=%3D2&y")));
        assert_eq!(event["queryStringParameters"], json!({"x": "1,=2", "y": ""}));
        assert_eq!((event.get("body"), &event["isBase64Encoded"]), (None, &json!(false)));
    }

    #[test]
    fn passes_json_as_it_is_and_all_else_as_base64() {
        let json = |kind| Request::post("/").header("content-type", kind);
        let event = made(json("application/json; charset=utf-8"), "{}");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        for request in [
            json("application/octet-stream"),
            Request::post("/"),
            json("text/plain").header("content-encoding", "gzip"),
        ] {
            let event = made(request, "{}");
            assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("e30="), &json!(true)));
        }
    }

    #[test]
    fn names_who_signed_it() {
        let identity = Identity { access_key: "A".to_owned(), arn: "arn:x".to_owned() };
        let parts = Request::get("/").body(()).unwrap().into_parts().0;
        let event = event(&parts, &Bytes::new(), Some(&identity), "id");
        assert_eq!(event["requestContext"]["authorizer"]["iam"]["userArn"], "arn:x");
        assert_eq!(event["requestContext"]["accountId"], ACCOUNT);
        assert_eq!(made(Request::get("/"), "")["requestContext"]["accountId"], "anonymous");
    }
}
