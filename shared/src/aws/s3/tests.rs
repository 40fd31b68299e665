use super::*;
use crate::aws::scripted::{Asked, Reply, Server, told};

const KEY: &str = "records/dt=2026-11-27/hour=18/a.ndjson.gz";

fn bucket(server: &Server) -> Bucket {
    Bucket::new(server.clients().s3(), "audit")
}

fn error(status: u16, code: &str) -> Reply {
    Reply::Is(status, format!("<Error><Code>{code}</Code><Message>the words of AWS</Message></Error>"))
}

fn done() -> Reply {
    Reply::Is(200, String::new())
}

/// What came of making an object where requests are answered so, the last again and again; and the requests.
async fn made(answers: &'static [fn() -> Reply]) -> (Result<Created, Unavailable>, Vec<Asked>) {
    let server = Server::start(move |_, number| answers[number.min(answers.len() - 1)]());
    let created = bucket(&server).create(KEY, b"line\n".to_vec()).await;
    (created, server.asked())
}

/// What an error says, and prints for a developer: nothing that AWS said.
fn discreet(error: &Unavailable) -> String {
    let said = format!("{} {error:?}", told(error));
    assert!(!said.contains("the words of AWS"), "{said}");
    said
}

#[tokio::test]
async fn an_object_is_made_once_and_with_its_checksum() {
    let (created, asked) = made(&[done]).await;
    assert_eq!((created.unwrap(), asked.len()), (Created::New, 1));
    assert_eq!(asked[0].operation, format!("PUT /audit/{}", KEY.replace('=', "%3D")));
    assert_eq!((asked[0].headers["if-none-match"].as_str(), asked[0].text.as_str()), ("*", "line\n"));
    let checksum = BASE64.encode(&Sha256::digest(b"line\n"));
    assert_eq!(asked[0].headers["x-amz-checksum-sha256"], checksum);
    // Which key encrypts is the bucket's to say.
    assert!(!asked[0].headers.contains_key("x-amz-server-side-encryption"));
    let (created, _) = made(&[|| error(412, "PreconditionFailed")]).await;
    assert_eq!(created.unwrap(), Created::There);
}

#[tokio::test]
async fn what_passes_is_tried_again_and_a_lost_reply_is_an_object_that_is_there() {
    let (created, asked) = made(&[|| error(503, "SlowDown"), || error(500, "InternalError"), done]).await;
    assert_eq!((created.unwrap(), asked.len()), (Created::New, 3));
    let (created, asked) = made(&[|| Reply::Cut, || error(412, "PreconditionFailed")]).await;
    assert_eq!((created.unwrap(), asked.len()), (Created::There, 2));
    let (created, _) = made(&[|| error(409, "ConditionalRequestConflict"), done]).await;
    assert_eq!(created.unwrap(), Created::New);
}

#[tokio::test]
async fn what_does_not_pass_is_told_without_the_words_of_aws() {
    for (answer, told_as) in [
        ((|| error(503, "SlowDown")) as fn() -> Reply, "SlowDown"),
        (|| error(403, "AccessDenied"), "AccessDenied"),
        (|| error(409, "ConditionalRequestConflict"), "ConditionalRequestConflict"),
        (|| Reply::Cut, "reached"),
    ] {
        let server = Server::start(move |_, _| answer());
        let failed = bucket(&server).create(KEY, Vec::new()).await.unwrap_err();
        let said = format!("{} {failed:?}", told(&failed));
        assert!(said.contains(told_as), "{said}");
    }
    let (failed, asked) = made(&[|| error(400, "InvalidDigest")]).await;
    assert!(discreet(&failed.unwrap_err()).contains("InvalidDigest"));
    assert_eq!(asked.len(), 1, "what cannot pass was tried again");
}

#[tokio::test]
async fn an_absent_object_is_nothing_and_one_that_is_forbidden_or_cut_is_not() {
    let read = async |answer: fn() -> Reply| {
        let server = Server::start(move |_, _| answer());
        bucket(&server).read(KEY).await
    };
    assert_eq!(read(|| Reply::Is(200, "line\n".to_owned())).await.unwrap().as_deref(), Some(&b"line\n"[..]));
    assert_eq!(read(|| error(404, "NoSuchKey")).await.unwrap(), None);
    assert!(read(|| error(403, "AccessDenied")).await.is_err());
    assert!(read(|| error(404, "NoSuchBucket")).await.is_err());
    let cut = read(|| Reply::Raw(b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nline")).await;
    discreet(&cut.unwrap_err());
}

#[tokio::test]
async fn a_listing_goes_on_page_by_page() {
    let page = |keys: &[&str], next: &str| {
        let keys: String = keys.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        let more = !next.is_empty();
        let next = if more { format!("<NextContinuationToken>{next}</NextContinuationToken>") } else { String::new() };
        Reply::Is(200, format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{keys}</ListBucketResult>"))
    };
    let server = Server::start(move |_, number| if number == 0 { page(&["a", "b"], "more") } else { page(&["c"], "") });
    assert_eq!(bucket(&server).list("digests/", "0").await.unwrap(), ["a", "b", "c"]);
    let server = Server::start(|_, _| error(403, "AccessDenied"));
    assert!(bucket(&server).list("", "").await.is_err());
}
