//! The Gemini surface when the request is bad: refused in Google's shape, and Gemini never hears of it.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;
use tests::gate::Gate;
use tests::gemini::{Gemini, Script, answer};

use crate::{COUNT, GENERATE, STREAM, assert_error, detail, gate_before, prompt};

async fn gate() -> (Gemini, Gate) {
    gate_before(Script::json(200, &answer::text("hi"))).await
}

#[tokio::test]
async fn an_unknown_route_is_a_404_that_says_so() {
    let (gemini, gate) = gate().await;
    for path in [
        "/",
        "/v1beta/files",
        "/v1beta/cachedContents",
        "/v1beta/batches",
        "/v1beta/models/gemini-3.5-flash:embedContent",
        "/v1beta/models/gemini-3.5-flash:batchEmbedContents",
        "/v1beta/models/gemini-3.5-flash:predict",
        "/v1beta/interactions",
        "/v1beta/tunedModels/x:generateContent",
        "/v2/models/gemini-3.5-flash:generateContent",
        "//v1beta/models/gemini-3.5-flash:generateContent",
        "/v1beta/models/gemini-3.5-flash:generateContent/",
    ] {
        assert_error(&gate.client().post(path, &prompt("hi")).await, 404, "NOT_FOUND");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn another_method_is_refused() {
    let (gemini, gate) = gate().await;
    let client = gate.client();
    for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE, Method::GET] {
        let reply = client.send(client.request(method.clone(), GENERATE), "").await;
        assert!([404, 405].contains(&reply.status.as_u16()), "{method}: {reply:?}");
        assert!(reply.body.is_empty() == (method == Method::HEAD), "{method}: {reply:?}");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn every_bad_key_gets_the_same_401() {
    let (gemini, gate) = gate().await;
    let client = gate.client();
    let post = || client.anonymous(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
    let wrong_secret = format!("{}x", gate.key.get(..gate.key.len() - 1).unwrap());
    let mut told = Vec::new();
    for request in [
        post(),
        post().header("x-goog-api-key", ""),
        post().header("x-goog-api-key", "gh_wrong"),
        post().header("x-goog-api-key", "gh_00000000_0000"),
        post().header("x-goog-api-key", wrong_secret.as_str()),
        post().header("x-goog-api-key", gemini.key()),
        post().header("x-goog-api-key", "g".repeat(8000)),
        post().header(AUTHORIZATION, format!("Bearer {wrong_secret}")),
        post().header(AUTHORIZATION, "Basic Z2F0ZTpob3VzZQ=="),
    ] {
        let reply = client.send(request, prompt("hi").to_string()).await;
        assert_error(&reply, 401, "UNAUTHENTICATED");
        told.push(reply.text().replace(reply.header("x-gatehouse-request-id"), "ID"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "the bodies tell bad keys apart: {told:#?}");
    let bearer = post().header(AUTHORIZATION, format!("Bearer {}", gate.key));
    assert_eq!(client.send(bearer, prompt("hi").to_string()).await.status, 200, "a good key as bearer");
    assert_eq!(gemini.requests().len(), 1);
}

#[tokio::test]
async fn two_keys_in_one_request_are_refused() {
    let (gemini, gate) = gate().await;
    let client = gate.client();
    let post = || client.request(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
    for request in
        [post().header("x-goog-api-key", &gate.key), post().header(AUTHORIZATION, format!("Bearer {}", gate.key))]
    {
        assert_error(&client.send(request, prompt("hi").to_string()).await, 400, "INVALID_ARGUMENT");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_key_in_the_url_is_no_key() {
    let (_gemini, gate) = gate().await;
    let client = gate.client();
    let path = format!("{GENERATE}?key={}", gate.key);
    let request = client.anonymous(Method::POST, &path).header(CONTENT_TYPE, "application/json");
    let reply = client.send(request, prompt("hi").to_string()).await;
    assert!(reply.status.is_client_error(), "{reply:?}");
    assert!(!reply.text().contains(&gate.key), "{reply:?}");
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let (gemini, gate) = gate().await;
    for (place, field) in [
        ("", "brandNew"),
        ("/generationConfig", "brandNew"),
        ("/contents/0", "brandNew"),
        ("/contents/0/parts/0", "brandNew"),
        ("", "cachedContent"),
    ] {
        let mut body = prompt("hi");
        body["generationConfig"] = json!({"temperature": 0.1});
        body.pointer_mut(place).unwrap()[field] = json!("cachedContents/x");
        for path in [GENERATE, STREAM] {
            let reply = gate.client().post(path, &body).await;
            assert_error(&reply, 400, "INVALID_ARGUMENT");
            let told = reply.json();
            assert!(told["error"]["message"].as_str().unwrap().contains(field), "{told}");
        }
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"contents":[{{"parts":[{{"functionResponse":{{"name":"f","response":{{"a":{open}{close}}}}}}}]}}]}}"#)
}

#[tokio::test]
async fn a_body_that_is_not_sound_json_is_refused() {
    let (gemini, gate) = gate().await;
    let hi = r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#;
    let twice = r#"{"contents":[{"parts":[{"text":"hi","text":"ho"}]}]}"#;
    let twice_on_top = format!(r#"{},"contents":[]}}"#, hi.trim_end_matches('}'));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("an array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("half", b"{\"contents\":".to_vec()),
        ("a tail", format!("{hi} x").into()),
        ("a byte order mark", format!("\u{feff}{hi}").into()),
        ("a duplicate key", twice.into()),
        ("a duplicate key on top", twice_on_top.into()),
        ("a key spelt twice, once escaped", twice.replacen("text", "\\u0074ext", 1).into()),
        ("129 deep", nested(129).into()),
        ("100,000 deep", nested(100_000).into()),
        ("invalid UTF-8", [b"{\"contents\":[{\"parts\":[{\"text\":\"\xff\xfe\"}]}]}".as_slice()].concat()),
        ("an overlong slash", [b"{\"contents\":[{\"parts\":[{\"text\":\"\xc0\xaf\"}]}]}".as_slice()].concat()),
        ("a lone surrogate", r#"{"contents":[{"parts":[{"text":"\ud800"}]}]}"#.into()),
        ("NaN", r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"temperature":NaN}}"#.into()),
        ("1e400", r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"temperature":1e400}}"#.into()),
        ("single quotes", hi.replace('"', "'").into()),
    ];
    for (what, body) in bodies {
        for path in [GENERATE, COUNT] {
            let reply = gate.client().post_bytes(path, body.clone()).await;
            assert_eq!(reply.status, 400, "{what}: {reply:?}");
            assert_error(&reply, 400, "INVALID_ARGUMENT");
        }
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_refused() {
    let (gemini, gate) = gate().await;
    for body in [
        json!({}),
        json!({"contents": []}),
        json!({"contents": null}),
        json!({"contents": "hi"}),
        json!({"contents": [{"role": "user", "parts": []}]}),
        json!({"contents": [{"role": "system", "parts": [{"text": "hi"}]}]}),
        json!({"contents": [{"role": "user", "parts": [{"text": 7}]}]}),
        json!({"contents": [{"role": "user", "parts": [{}]}]}),
        json!({"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "https://example.org/x"}}]}]}),
        json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "text/html", "data": "PGI+"}}]}]}),
        json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "!!"}}]}]}),
    ] {
        let reply = gate.client().post(GENERATE, &body).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        assert_error(&reply, 400, "INVALID_ARGUMENT");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_model_that_is_a_path_or_not_allowed_is_refused() {
    let (gemini, gate) = gate().await;
    for model in [
        "../x",
        "..%2Fx",
        "%2e%2e",
        "x%00",
        "gemini-3.5-flash%3Fkey=x",
        "a b",
        "",
        "gemini-0-nowhere",
        "gemini-3.5-flash%2F..",
    ] {
        let path = format!("/v1beta/models/{}:generateContent", model.replace(' ', "%20"));
        let reply = gate.client().post(&path, &prompt("hi")).await;
        assert!([400, 403, 404].contains(&reply.status.as_u16()), "{model}: {reply:?}");
        let told = reply.json();
        assert!(detail(&told["error"], "type.googleapis.com/google.rpc.ErrorInfo").is_some(), "{model}: {told}");
    }
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let (gemini, gate) = gate().await;
    let client = gate.client();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]
    {
        let request = client.request(Method::POST, GENERATE).header(CONTENT_TYPE, media_type);
        let reply = client.send(request, prompt("hi").to_string()).await;
        assert!([400, 415].contains(&reply.status.as_u16()), "{media_type}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], reply.status.as_u16(), "{reply:?}");
    }
    let packed = client.request(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
    let reply = client.send(packed.header("content-encoding", "gzip"), prompt("hi").to_string()).await;
    assert!([400, 415].contains(&reply.status.as_u16()), "{reply:?}");
    let with_charset = client.request(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json; charset=utf-8");
    assert_eq!(client.send(with_charset, prompt("hi").to_string()).await.status, 200);
    assert_eq!(gemini.requests().len(), 1);
}

#[tokio::test]
async fn the_end_user_is_named_once_in_the_header_too() {
    let (gemini, gate) = gate().await;
    let client = gate.client();
    let request = client
        .request(Method::POST, GENERATE)
        .header(CONTENT_TYPE, "application/json")
        .header("x-gatehouse-user", "ada")
        .header("x-gatehouse-user", "grace");
    let reply = client.send(request, prompt("hi").to_string()).await;
    assert_error(&reply, 400, "INVALID_ARGUMENT");
    assert!(reply.text().contains("INVALID_HEADER"), "{reply:?}");
    assert!(gemini.requests().is_empty());
}
