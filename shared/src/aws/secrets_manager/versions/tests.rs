use serde_json::{Value, json};

use super::*;
use crate::aws::scripted::{Reply, Server};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:1:secret:gemini";

fn version(name: &str) -> VersionId {
    VersionId(name.to_owned())
}

fn store(server: &Server) -> Versions {
    Versions::new(server.clients().secrets_manager(), ARN)
}

fn said(kind: &str, words: &str) -> Reply {
    Reply::Is(400, json!({"__type": kind, "message": words}).to_string())
}

#[tokio::test]
async fn a_description_tells_stages_and_the_next_rotation_in_the_ports_terms() {
    let server = Server::start(|_, before| {
        Reply::ok(&match before {
            0 => json!({"ARN": ARN, "RotationEnabled": true, "NextRotationDate": 1_700_000_000.5,
                "VersionIdsToStages": {"a": ["AWSPREVIOUS"], "b": ["AWSCURRENT", "AWSPENDING"], "c": ["SUPPLIED"]}}),
            _ => json!({"ARN": ARN}),
        })
    });
    let described = store(&server).describe().await.unwrap();
    assert!(described.rotating);
    assert_eq!(described.due, Some(Timestamp(1_700_000_000_500)));
    assert_eq!(described.holder(&Stage::Current), Some(&version("b")));
    assert_eq!(described.holder(&Stage::Pending), Some(&version("b")));
    assert_eq!(described.holder(&Stage::Other("SUPPLIED".into())), Some(&version("c")));
    assert_eq!(store(&server).describe().await.unwrap(), Description::default());
}

#[tokio::test]
async fn a_version_is_read_by_its_name_and_one_that_is_announced_holds_nothing() {
    let server = Server::start(|asked, _| match asked.body["VersionId"].as_str() {
        Some("full") => Reply::ok(&json!({"SecretString": "canary-key", "VersionId": "full"})),
        Some("bytes") => Reply::ok(&json!({"SecretBinary": "AAAA", "VersionId": "bytes"})),
        _ => Reply::error(400, "ResourceNotFoundException"),
    });
    let store = store(&server);
    assert_eq!(store.read(&version("full")).await.unwrap().unwrap().expose(), "canary-key");
    assert!(store.read(&version("announced")).await.unwrap().is_none());
    assert!(matches!(store.read(&version("bytes")).await, Err(Error::Refused(_))));
    assert!(server.asked().iter().all(|asked| asked.body.get("VersionStage").is_none()));
}

#[tokio::test]
async fn a_value_is_put_under_the_pending_stage_and_never_under_the_current_one() {
    let server = Server::start(|_, before| match before {
        0 => Reply::ok(&json!({})),
        _ => Reply::error(400, "ResourceExistsException"),
    });
    let (store, value) = (store(&server), Secret::new("canary-key".to_owned()));
    store.put(&version("v"), &value, Some(&Secret::new("pass".to_owned()))).await.unwrap();
    assert!(matches!(store.put(&version("v"), &value, None).await, Err(Error::Conflict)));
    let [first, second] = &server.asked()[..] else { panic!("two requests") };
    let expected = json!({"SecretId": ARN, "ClientRequestToken": "v", "SecretString": "canary-key",
        "VersionStages": ["AWSPENDING"], "RotationToken": "pass"});
    assert_eq!(first.body, expected);
    assert_eq!(second.body.get("RotationToken"), None);
}

#[tokio::test]
async fn a_stage_moves_only_from_where_it_was_seen() {
    let server = Server::start(|_, before| match before {
        0 | 1 => Reply::ok(&json!({})),
        _ => Reply::error(400, "InvalidParameterException"),
    });
    let store = store(&server);
    store.transfer(&Stage::Current, Some(&version("a")), Some(&version("b"))).await.unwrap();
    store.transfer(&Stage::Pending, Some(&version("b")), None).await.unwrap();
    let late = store.transfer(&Stage::Current, None, Some(&version("b"))).await;
    assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
    let bodies: Vec<Value> = server.asked().into_iter().map(|asked| asked.body).collect();
    let from_to =
        json!({"SecretId": ARN, "VersionStage": "AWSCURRENT", "RemoveFromVersionId": "a", "MoveToVersionId": "b"});
    let off = json!({"SecretId": ARN, "VersionStage": "AWSPENDING", "RemoveFromVersionId": "b"});
    let first = json!({"SecretId": ARN, "VersionStage": "AWSCURRENT", "MoveToVersionId": "b"});
    assert_eq!(bodies, [from_to, off, first]);
}

#[tokio::test]
async fn versions_without_a_stage_are_listed_too_over_all_pages() {
    let server = Server::start(|asked, _| {
        Reply::ok(&match asked.body.get("NextToken") {
            None => json!({"Versions": [{"VersionId": "a", "CreatedDate": 1.0}], "NextToken": "more"}),
            Some(_) => json!({"Versions": [{"VersionId": "b", "CreatedDate": 2.5, "VersionStages": ["AWSCURRENT"]}]}),
        })
    });
    let listed = store(&server).versions().await.unwrap();
    let expected = [("a", 1000), ("b", 2500)].map(|(id, at)| Version { id: version(id), created: Timestamp(at) });
    assert_eq!(listed, expected);
    assert!(server.asked().iter().all(|asked| asked.body["IncludeDeprecated"] == true));
}

#[tokio::test]
async fn a_rotation_is_asked_for_under_the_rules_that_are_set_and_one_at_a_time() {
    let server = Server::start(|_, before| match before {
        0 => Reply::ok(&json!({"ARN": ARN})),
        1 => said("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted."),
        _ => said("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."),
    });
    let store = store(&server);
    store.rotate().await.unwrap();
    assert!(matches!(store.rotate().await, Err(Error::Conflict)));
    assert!(matches!(store.rotate().await, Err(Error::Refused(_))));
    let mut body = server.asked()[0].body.clone();
    assert!(body["ClientRequestToken"].take().as_str().is_some_and(|token| token.len() >= 32));
    assert_eq!(body, json!({"SecretId": ARN, "RotateImmediately": true, "ClientRequestToken": null}));
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    for (status, kind, passes, again) in [
        (400, "ThrottlingException", true, true),
        (500, "InternalServiceError", true, true),
        (503, "ServiceUnavailable", true, true),
        (400, "AccessDeniedException", false, false),
        (400, "DecryptionFailure", false, false),
        // The SDK takes it for throttling. It will not pass all the same.
        (400, "LimitExceededException", false, true),
        (400, "ResourceNotFoundException", false, false),
        (400, "ExpiredTokenException", false, false),
    ] {
        let server = Server::start(move |_, _| Reply::error(status, kind));
        let error = store(&server).describe().await.unwrap_err();
        assert_eq!(matches!(error, Error::Unavailable(_)), passes, "{kind}: {error:?}");
        assert_eq!(server.asked().len() > 1, again, "{kind} is tried again");
    }
    let server = Server::start(|_, _| Reply::Cut);
    assert!(matches!(store(&server).describe().await, Err(Error::Unavailable(_))));
}

/// A write whose answer was lost is repeated by the SDK, and then finds its own work: the port's callers look again.
#[tokio::test]
async fn a_move_whose_answer_was_lost_is_a_conflict_and_no_success_that_nobody_saw() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Cut,
        _ => Reply::error(400, "InvalidParameterException"),
    });
    let moved = store(&server).transfer(&Stage::Current, Some(&version("a")), Some(&version("b"))).await;
    assert!(matches!(moved, Err(Error::Conflict)), "{moved:?}");
}

#[tokio::test]
async fn no_secret_shows_in_what_a_garbled_answer_is_called() {
    let server = Server::start(|_, _| Reply::Is(200, r#"{"SecretString": "canary-key", "#.into()));
    let error = store(&server).read(&version("v")).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("canary-key"));
}
