//! A URL that only roles may knock at.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tests::aws::iam::Door;
use tests::aws::{ACCOUNT, REGION};
use tests::canary;
use tests::client::{Client, Reply};
use tests::gemini::cases;

use super::stack::Stack;
use crate::{GENERATE, assert_error, prompt};

/// A role, and what a session of it signs with.
struct Role {
    name: String,
    credentials: Credentials,
}

impl Role {
    fn new(name: &str) -> Self {
        let name = canary(name);
        let [key, secret, token] = ["key", "secret", "token"].map(canary);
        Self { credentials: Credentials::new(key, secret, Some(token), None, "tests"), name }
    }

    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{}", self.name)
    }

    fn session(&self) -> String {
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/session", self.name)
    }

    /// Asks for an answer as an SDK of AWS signs a request.
    async fn ask(&self, url: &str) -> Reply {
        let (uri, body) = (format!("{url}{GENERATE}"), prompt("case:hello").to_string());
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder().identity(&identity).region(REGION).name("lambda");
        let parameters = parameters.time(jiff::Timestamp::now().into()).settings(SigningSettings::default());
        let json = [(CONTENT_TYPE.as_str(), "application/json")];
        let signable =
            SignableRequest::new("POST", uri, json.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
        let (signed, _) = sign(signable, &parameters.build().unwrap().into()).unwrap().into_parts();
        let client = Client::new(url, "");
        let request = client.anonymous(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
        let headers = signed.headers();
        client.send(headers.fold(request, |request, (name, value)| request.header(name, value)), body).await
    }
}

/// It ends in another bundle than it began with: no step that comes later may need one with keys.
pub(super) async fn a_change_to_aws_iam_leaves_the_door_to_the_named_roles(stack: &Stack) {
    let [caller, unknown, unnamed] = ["caller", "unknown", "unnamed"].map(Role::new);
    let name = stack.outputs["function_name"].as_str().unwrap();
    let before = Door::of(name, &stack.terraform.resources().await).unwrap();
    assert_eq!(before.mode(), "NONE");
    assert_eq!((before.admits(&unnamed.arn()), before.lets_invoke(&unnamed.arn())), (Ok(true), Ok(false)));

    let named = json!({"url_auth": "AWS_IAM", "allowed_principals": [caller.arn(), unknown.arn()]});
    stack.terraform.change(&named).await;
    let told = stack.endpoint.get("lambda", &format!("/2021-10-31/functions/{name}/url")).await;
    assert_eq!(told["AuthType"], "AWS_IAM", "{told}");
    let door = Door::of(name, &stack.terraform.resources().await).unwrap();
    for role in [&caller, &unknown, &unnamed] {
        let named = role.name != unnamed.name;
        assert_eq!((door.admits(&role.arn()), door.lets_invoke(&role.arn())), (Ok(named), Ok(false)), "{}", role.name);
    }

    stack.answer_by(cases::brain);
    for role in [&caller, &unnamed] {
        stack.operator(&["caller", "add", &role.name, "--role", &role.arn(), "--json"]).await;
    }
    let all = [&caller, &unknown, &unnamed].map(|role| (role.credentials.access_key_id(), role.session()));
    let signers = all.iter().map(|(key, session)| (*key, session.as_str()));
    let changed = stack.function().envs(stack.changed_environment().await);
    let function = changed.env("GATEHOUSE_LOG", "trace").signed_by(signers).guarded_by(door).start().await;
    let url = function.url();
    let served = caller.ask(&url).await;
    assert_eq!(served.answer(), "Hello from the double.", "{served:?}");
    function.settle().await;
    // Named in Terraform, and no caller of Gatehouse's.
    assert_error(&unknown.ask(&url).await, 401, "UNAUTHENTICATED");
    function.settle().await;
    // A caller of Gatehouse's, whom Terraform does not name; and a key, where keys open nothing: AWS answers.
    let keyed = function.client(&stack.caller().await).post(GENERATE, &prompt("case:hello")).await;
    for refused in [unnamed.ask(&url).await, keyed] {
        assert_eq!((refused.status.as_u16(), function.invocations()), (403, 2), "{refused:?}");
    }
    let printed = function.printed();
    for credentials in [&caller.credentials, &unknown.credentials] {
        let secrets = [credentials.secret_access_key(), credentials.session_token().unwrap()];
        assert!(secrets.iter().all(|secret| !printed.contains(secret)), "a credential was printed");
    }
    function.assert_faultless();
}
