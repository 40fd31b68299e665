//! The AWS that the bench needs: dynalite, two secrets, and a queue that takes all.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use shared::caller::Key;
use tests::aws::dynalite::Dynalite;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// AWS, as far as the function asks for it.
pub(crate) struct Aws {
    dynalite: Dynalite,
    /// Where secrets and queue are.
    rest: String,
    key: Key,
    _serving: JoinSet<()>,
}

impl Aws {
    pub(crate) async fn start(gemini_key: &str) -> Self {
        let dynalite = Dynalite::with_tables("b").await;
        let key = Key::mint().unwrap();
        let caller = key.caller("bench");
        let shared::caller::Credential::Key(hash) = caller.credential else { unreachable!("it was minted as a key") };
        let caller = json!({
            "id": {"S": caller.id.as_str()}, "name": {"S": "bench"}, "created": {"N": "0"},
            "secret_hash": {"B": data_encoding::BASE64.encode(&hash)},
        });
        // As many requests as the bench sends, in one minute.
        let policy = "[admission.caller]\nrequests_per_minute = 100000\n";
        let policy = json!({"id": {"S": "policy"}, "toml": {"S": policy}});
        dynalite.call("PutItem", &json!({"TableName": "b-callers", "Item": caller})).await;
        dynalite.call("PutItem", &json!({"TableName": "b-policy", "Item": policy})).await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rest = format!("http://{}", listener.local_addr().unwrap());
        let gemini_key = gemini_key.to_owned();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let key = gemini_key.clone();
                let service = service_fn(move |request| {
                    let key = key.clone();
                    async move { Ok::<_, Infallible>(answer(request, &key).await) }
                });
                // It ends with the function.
                connections.spawn(async move {
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { dynalite, rest, key, _serving: serving }
    }

    pub(crate) fn key(&self) -> String {
        self.key.text().expose().clone()
    }

    pub(crate) fn environment(&self, gemini: &str) -> Vec<(String, String)> {
        let all = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_ENDPOINT_URL", &self.rest),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynalite.endpoint()),
            ("GEMINI_BASE_URL", gemini),
            ("GEMINI_SECRET_ARN", "gemini"),
            ("PEPPER_SECRET_ARN", "pepper"),
            ("CALLERS_TABLE", "b-callers"),
            ("LEDGER_TABLE", "b-ledger"),
            ("POLICY_TABLE", "b-policy"),
            ("AUDIT_QUEUE_URL", &format!("{}/1/audit", self.rest)),
        ];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

async fn answer(request: Request<Incoming>, gemini_key: &str) -> Response<Full<Bytes>> {
    let operation = request.headers()["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&request.into_body().collect().await.unwrap().to_bytes()).unwrap();
    let answer = match (operation.as_str(), body["SecretId"].as_str()) {
        ("GetSecretValue", Some("pepper")) => secret("0f".repeat(32)),
        ("GetSecretValue", _) => secret(gemini_key.to_owned()),
        ("SendMessage", _) => json!({"MessageId": "m"}),
        _ => {
            let entries = body["Entries"].as_array().unwrap().iter();
            let sent: Vec<_> = entries.map(|entry| json!({"Id": entry["Id"], "MessageId": "m"})).collect();
            json!({"Successful": sent, "Failed": []})
        }
    };
    Response::new(Full::new(answer.to_string().into()))
}

fn secret(text: String) -> Value {
    json!({
        "ARN": "arn", "Name": "name", "SecretString": text, "VersionId": "00000000-0000-0000-0000-000000000001",
        "VersionStages": ["AWSCURRENT"],
    })
}
