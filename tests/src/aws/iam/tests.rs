use serde_json::json;

use super::policy::glob;
use super::*;

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/t";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/k";

fn call(service: &str, action: &str, body: Value) -> Call {
    Call { by: "role".to_owned(), service: service.to_owned(), action: action.to_owned(), body }
}

fn read() -> Call {
    call("dynamodb", "GetItem", json!({"TableName": "t", "Key": {}}))
}

fn role_policy(statements: &Value) -> Value {
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    json!({"address": "a", "type": "aws_iam_role_policy", "values": {"role": "r", "policy": policy}})
}

fn judged(statements: &Value, calls: &[Call]) -> Result<Findings, String> {
    Rules::of("r", &[role_policy(statements)])?.evaluate(calls)
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Sid": "S", "Effect": "Allow", "Action": action, "Resource": resource})
}

/// A secret under a key, and the key's policy.
fn encrypted(key_statement: &Value, condition: &Value) -> Result<Findings, String> {
    let decrypt =
        json!({"Sid": "K", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY, "Condition": condition});
    let policy = json!({"Statement": key_statement}).to_string();
    let state = [
        role_policy(&json!([allow("secretsmanager:GetSecretValue", SECRET), decrypt])),
        json!({"type": "aws_secretsmanager_secret", "values": {"arn": SECRET, "kms_key_id": KEY}}),
        json!({"type": "aws_kms_key", "values": {"arn": KEY, "policy": policy}}),
    ];
    Rules::of("r", &state)?.evaluate(&[call("secretsmanager", "GetSecretValue", json!({"SecretId": SECRET}))])
}

fn account() -> Value {
    let root = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    json!({"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"})
}

#[test]
fn what_is_allowed_and_called_is_neither_denied_nor_unused() {
    assert_eq!(judged(&allow("dynamodb:GetItem", TABLE), &[read()]), Ok(Findings::default()));
}

#[test]
fn what_no_statement_allows_is_denied() {
    for (action, resource) in
        [("dynamodb:PutItem", TABLE), ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/other")]
    {
        let findings = judged(&allow(action, resource), &[read()]).unwrap();
        assert_eq!(findings.denied.len(), 1, "{action} {resource}");
        assert_eq!(findings.unused.len(), 1, "{action} {resource}");
    }
}

#[test]
fn each_action_on_each_resource_must_be_used() {
    let statement = json!({"Sid": "S", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "Resource": [TABLE, "arn:aws:dynamodb:eu-west-1:123456789012:table/u"]});
    let findings = judged(&statement, &[read()]).unwrap();
    assert_eq!((findings.denied.len(), findings.unused.len()), (0, 3), "{findings:?}");
}

#[test]
fn a_deny_wins() {
    let deny = json!({"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"});
    let findings = judged(&json!([allow("dynamodb:GetItem", TABLE), deny]), &[read()]).unwrap();
    assert_eq!(findings.denied.len(), 1);
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    let findings = judged(&json!([allow("dynamodb:GetItem", TABLE), deny]), &[read()]).unwrap();
    assert_eq!(findings, Findings::default());
}

#[test]
fn batches_and_transactions_ask_for_what_they_hold() {
    let queue = "arn:aws:sqs:eu-west-1:123456789012:q";
    let batch = call("sqs", "SendMessageBatch", json!({"QueueUrl": "http://127.0.0.1/123456789012/q"}));
    assert_eq!(judged(&allow("sqs:SendMessage", queue), &[batch]), Ok(Findings::default()));
    let items = json!({"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}]});
    let findings = judged(&allow("dynamodb:PutItem", TABLE), &[call("dynamodb", "TransactWriteItems", items)]).unwrap();
    let denied: Vec<_> = findings.denied.iter().map(|access| access.action.as_str()).collect();
    assert_eq!(denied, ["dynamodb:ConditionCheckItem"]);
}

#[test]
fn a_key_must_be_allowed_by_the_role_and_by_its_own_policy() {
    let via = |service: &str| json!({"StringEquals": {"kms:ViaService": format!("{service}.eu-west-1.amazonaws.com")}});
    assert_eq!(encrypted(&account(), &via("secretsmanager")), Ok(Findings::default()));
    assert_eq!(encrypted(&account(), &via("sqs")).unwrap().denied.len(), 1);
    let other = json!({"Effect": "Allow", "Principal": {"Service": "logs.eu-west-1.amazonaws.com"}, "Action": "kms:*",
        "Resource": "*", "Condition": {"ArnLike": {"aws:SourceArn": "x"}}});
    assert_eq!(encrypted(&other, &via("secretsmanager")).unwrap().denied.len(), 1);
}

#[test]
fn conditions_hold_as_aws_evaluates_them() {
    for (condition, holds) in [
        (json!({"StringEquals": {"kms:EncryptionContext:SecretARN": [SECRET, "x"]}}), true),
        (json!({"StringEquals": {"kms:EncryptionContext:Other": "x"}}), false),
        (json!({"StringEqualsIfExists": {"kms:EncryptionContext:Other": "x"}}), true),
        (json!({"StringNotEquals": {"kms:EncryptionContext:Other": "x"}}), true),
        (json!({"StringLike": {"kms:ViaService": "secrets*.amazonaws.com"}}), true),
        (json!({"StringNotLike": {"kms:ViaService": "secrets*"}}), false),
        (json!({"Null": {"kms:ViaService": "false"}}), true),
        (json!({"Null": {"kms:ViaService": "true"}}), false),
        (json!({"Bool": {"aws:SecureTransport": true}}), true),
        (json!({"Bool": {"aws:SecureTransport": true}, "StringEquals": {"kms:ViaService": "x"}}), false),
    ] {
        let findings = encrypted(&account(), &condition).unwrap();
        assert_eq!(findings.denied.is_empty(), holds, "{condition}");
        assert_eq!(findings.unused.is_empty(), holds, "{condition}");
    }
}

fn object(action: &str, body: Value) -> Call {
    call("s3", action, body)
}

/// A bucket that takes nothing but what is new, under a key.
fn bucket(statements: &Value) -> Rules {
    let guard = json!({"Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::b/*", "Condition": {"Null": {"s3:if-none-match": "true"}}}]});
    let rule = json!([{"apply_server_side_encryption_by_default": [{"kms_master_key_id": KEY}]}]);
    let state = [
        role_policy(statements),
        json!({"type": "aws_s3_bucket_policy", "values": {"bucket": "b", "policy": guard.to_string()}}),
        json!({"type": "aws_s3_bucket_server_side_encryption_configuration", "values": {"bucket": "b", "rule": rule}}),
        json!({"type": "aws_kms_key", "values": {"arn": KEY, "policy": json!({"Statement": account()}).to_string()}}),
    ];
    Rules::of("r", &state).unwrap()
}

#[test]
fn an_object_asks_for_itself_and_for_its_buckets_key_and_a_listing_for_its_prefix() {
    let listing = json!({"Sid": "L", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b",
        "Condition": {"StringLike": {"s3:prefix": "records/*"}}});
    let rules =
        bucket(&json!([allow("s3:PutObject", "arn:aws:s3:::b/records/*"), allow("kms:GenerateDataKey", KEY), listing]));
    let new = object("PutObject", json!({"Bucket": "b", "Key": "records/a", "IfNoneMatch": "*"}));
    let list = object("ListObjectsV2", json!({"Bucket": "b", "Prefix": "records/a"}));
    assert_eq!(rules.evaluate(&[new.clone(), list]), Ok(Findings::default()));
    for (call, denied) in [
        (object("PutObject", json!({"Bucket": "b", "Key": "records/a"})), "s3:PutObject"),
        (object("PutObject", json!({"Bucket": "b", "Key": "digests/a", "IfNoneMatch": "*"})), "s3:PutObject"),
        (object("GetObject", json!({"Bucket": "b", "Key": "records/a"})), "kms:Decrypt"),
        (object("ListObjectsV2", json!({"Bucket": "b", "Prefix": "digests/"})), "s3:ListBucket"),
        (object("ListObjectsV2", json!({"Bucket": "b"})), "s3:ListBucket"),
    ] {
        let findings = rules.evaluate(&[call]).unwrap();
        assert!(findings.denied.iter().any(|access| access.action == denied), "{denied}: {findings:?}");
    }
    let without_key = bucket(&allow("s3:PutObject", "arn:aws:s3:::b/records/*"));
    assert_eq!(without_key.evaluate(&[new]).unwrap().denied.len(), 1);
}

#[test]
fn what_is_asked_about_a_query_is_asked_of_the_workgroup_that_it_was_started_in() {
    let workgroup = |name: &str| format!("arn:aws:athena:eu-west-1:123456789012:workgroup/{name}");
    let start = call("athena", "StartQueryExecution", json!({"WorkGroup": "w", "QueryString": "SELECT 1"}));
    let calls = [start, call("athena", "GetQueryResults", json!({"QueryExecutionId": "q"}))];
    assert_eq!(judged(&allow("athena:*", &workgroup("w")), &calls), Ok(Findings::default()));
    assert_eq!(judged(&allow("athena:*", &workgroup("v")), &calls).unwrap().denied.len(), 2);
    assert!(judged(&allow("athena:*", &workgroup("w")), &calls[1..]).is_err());
}

#[test]
fn a_key_that_one_role_alone_may_sign_with_is_closed_to_others() {
    let guard = |role: &str| {
        let other = json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:Sign", "Resource": "*",
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}}});
        let policy = json!({"Statement": [account(), other]}).to_string();
        let state = [
            role_policy(&allow("kms:Sign", KEY)),
            json!({"type": "aws_kms_key", "values": {"arn": KEY, "policy": policy}}),
        ];
        Rules::of("r", &state).unwrap().evaluate(&[call("kms", "Sign", json!({"KeyId": KEY}))]).unwrap().denied.len()
    };
    assert_eq!((guard("r"), guard("another")), (0, 1));
}

#[test]
fn what_is_not_known_is_refused() {
    for statement in [
        json!({"Effect": "Allow", "NotAction": "dynamodb:GetItem", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "NotResource": "*"}),
        json!({"Effect": "Perhaps", "Action": "dynamodb:GetItem", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "${aws:PrincipalArn}"}),
        json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::"}}}),
        json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpc": "x"}}}),
    ] {
        assert!(judged(&statement, &[read()]).is_err(), "{statement}");
    }
    let allowed = allow("*", "*");
    for call in [
        call("dynamodb", "Unheard", json!({"TableName": "t"})),
        call("dynamodb", "GetItem", json!({})),
        call("secretsmanager", "GetSecretValue", json!({"SecretId": "s"})),
        call("ec2", "RunInstances", json!({})),
        call("kms", "Sign", json!({"KeyId": "alias/k"})),
        call("s3", "DeleteObject", json!({"Bucket": "b", "Key": "k"})),
        call("s3", "GET /b", json!({})),
    ] {
        assert!(judged(&allowed, std::slice::from_ref(&call)).is_err(), "{call:?}");
    }
    let attached = json!({"type": "aws_iam_role_policy_attachment", "values": {"role": "r"}});
    assert!(Rules::of("r", &[role_policy(&allowed), attached]).is_err());
    assert!(Rules::of("another", &[role_policy(&allowed)]).is_err());
}

#[test]
fn patterns_fit_as_a_whole() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("", "a", false),
        ("a**", "a", true),
        ("*:key/k", "arn:key/k", true),
    ] {
        assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
    }
}
