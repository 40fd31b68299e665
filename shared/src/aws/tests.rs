use std::error::Error as _;

use serde_json::json;

use super::scripted::{Reply, Server, settings};
use super::*;

/// Short, so that a test of what takes too long does not.
const BRISK: Budget = Budget { attempt: Duration::from_millis(200), attempts: 3, total: Duration::from_secs(20) };

/// What `GetQueueUrl` says, as far as anybody asked.
async fn ask(server: &Server, budget: Budget) -> Result<String, aws_sdk_sqs::Error> {
    let client = aws_sdk_sqs::Client::new(&server.clients().configured(budget, &None));
    let told = client.get_queue_url().queue_name("audit").send().await?;
    Ok(told.queue_url.unwrap_or_default())
}

fn url() -> Reply {
    Reply::ok(&json!({"QueueUrl": "https://queue"}))
}

fn read(environment: &std::collections::HashMap<&str, &str>) -> Result<Access, crate::config::Invalid> {
    let mut read = Reader::new(environment);
    let access = Access::read(&mut read);
    read.finish(access)
}

#[tokio::test]
async fn a_request_is_signed_for_the_region_and_says_who_asks() {
    let server = Server::start(|_, _| url());
    assert_eq!(ask(&server, SQS).await.unwrap(), "https://queue");
    let asked = server.asked();
    let headers = &asked[0].headers;
    assert!(headers["authorization"].contains("canary-id/"), "{headers:?}");
    assert!(headers["authorization"].contains("/eu-central-1/sqs/"), "{headers:?}");
    assert_eq!(headers["x-amz-security-token"], "canary-token");
    assert!(headers["x-amz-user-agent"].contains("app/gatehouse"), "{headers:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let faults: [fn() -> Reply; 6] = [
        || Reply::error(500, "InternalFailure"),
        || Reply::error(503, "ServiceUnavailable"),
        || Reply::error(400, "ThrottlingException"),
        || Reply::Cut,
        || Reply::Hang,
        || Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    ];
    for (place, fault) in faults.into_iter().enumerate() {
        let server = Server::start(move |_, before| if before < 2 { fault() } else { url() });
        assert_eq!(ask(&server, BRISK).await.unwrap(), "https://queue", "fault {place}");
        assert_eq!(server.asked().len(), 3, "fault {place}");
    }
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    for kind in ["AccessDeniedException", "ExpiredTokenException", "QueueDoesNotExist"] {
        let server = Server::start(|_, _| Reply::error(400, kind));
        let refused = ask(&server, SQS).await.unwrap_err();
        assert_eq!(server.asked().len(), 1, "{kind}");
        assert!(!format!("{refused:?}").contains("canary-secret"));
    }
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let server = Server::start(|_, _| Reply::error(500, "InternalFailure"));
    ask(&server, BRISK).await.unwrap_err();
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_server_that_hangs_or_dribbles_is_left_in_time() {
    for fault in [|| Reply::Hang, || Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")] {
        let server = Server::start(move |_, _| fault());
        let begun = tokio::time::Instant::now();
        ask(&server, Budget { attempts: 10, total: Duration::from_millis(500), ..BRISK }).await.unwrap_err();
        // The budget, and as much again for a busy machine; ten attempts would take four times that.
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn no_connection_is_an_error_of_its_own_that_names_no_secret() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let clients = Clients::new(read(&settings(&url)).unwrap()).unwrap();
    let failed = clients.sqs().get_queue_url().queue_name("audit").send().await.unwrap_err();
    let aws_sdk_sqs::error::SdkError::DispatchFailure(failure) = &failed else { panic!("{failed:?}") };
    assert!(failure.is_io());
    assert!(failed.source().is_some());
    assert!(!format!("{failed:?} {clients:?}").contains("canary-secret"));
}

/// What a refusal or a silence becomes.
async fn fault_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Fault {
    let server = Server::start(move |_, _| reply());
    let client = aws_sdk_sqs::Client::new(&server.clients().configured(Budget { attempts: 1, ..BRISK }, &None));
    client.get_queue_url().queue_name("audit").send().await.unwrap_err().into()
}

#[tokio::test]
async fn a_fault_says_who_may_not_do_what_and_quotes_nothing_else() {
    let denied = fault_of(|| Reply::error(400, "AccessDeniedException")).await;
    assert!(denied.denied());
    assert_eq!(denied.to_string(), "it answered AccessDeniedException: the words of AWS");
    let refused = fault_of(|| Reply::error(400, "com.amazonaws.sqs#InvalidMessageContents")).await;
    assert!(!refused.denied());
    assert_eq!(refused.to_string(), "it answered InvalidMessageContents");
    assert_eq!(fault_of(|| Reply::Is(502, "<html>".to_owned())).await.code(), Some("status 502"));
    assert!(matches!(fault_of(|| Reply::Hang).await, Fault::Late));
    assert!(matches!(fault_of(|| Reply::Cut).await, Fault::Unreachable(_)));
    let garbled = fault_of(|| Reply::Is(200, "{\"QueueUrl\": canary".to_owned())).await;
    assert!(matches!(garbled, Fault::Garbled));
    assert!(!format!("{garbled:?}").contains("canary"));
}

#[tokio::test]
async fn each_service_may_have_an_endpoint_of_its_own() {
    let (everything, queues) = (Server::start(|_, _| Reply::Cut), Server::start(|_, _| url()));
    let mut environment = settings(&everything.url);
    environment.insert("AWS_ENDPOINT_URL_SQS", &queues.url);
    let apart = Clients::new(read(&environment).unwrap()).unwrap();
    apart.sqs().get_queue_url().queue_name("audit").send().await.unwrap();
    apart.secrets_manager().get_secret_value().secret_id("key").send().await.unwrap_err();
    apart.dynamodb().get_item().table_name("callers").send().await.unwrap_err();
    assert_eq!(queues.asked().len(), 1);
    let told: std::collections::BTreeSet<String> = everything.asked().into_iter().map(|one| one.operation).collect();
    assert_eq!(told, ["GetItem", "GetSecretValue"].map(str::to_owned).into());
}

#[test]
fn every_mistake_is_told_by_its_variable() {
    let invalid = read(&[("AWS_REGION", "evil.example/"), ("AWS_ENDPOINT_URL_SQS", "no url")].into()).unwrap_err();
    assert_eq!(
        invalid.to_string(),
        "`AWS_REGION` is not the name of a region, such as eu-central-1; `AWS_ACCESS_KEY_ID` is not set; \
         `AWS_SECRET_ACCESS_KEY` is not set; `AWS_ENDPOINT_URL_SQS` is not a URL"
    );
}

#[test]
fn debug_shows_no_credentials() {
    let access = read(&settings("http://127.0.0.1:1/")).unwrap();
    let clients = Clients::new(access.clone()).unwrap();
    let shown = format!("{access:?} {clients:?} {:?} {:?}", clients.sqs(), clients.dynamodb());
    assert!(shown.contains("eu-central-1"));
    assert!(!shown.contains("canary-secret") && !shown.contains("canary-token"), "{shown}");
}
