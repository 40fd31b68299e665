//! What AWS asks the policies for when an operation is called.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Wiring;
use crate::aws::endpoint::Call;
use crate::aws::{ACCOUNT, REGION};

/// An action on a resource, with what its conditions may ask about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// Such as `sqs:SendMessage`.
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// Condition keys and their values.
    pub context: BTreeMap<String, String>,
}

/// The ARN of a queue.
pub(super) fn queue(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// The ARN of a bucket.
pub(super) fn bucket(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// All that a call asks for, the use of what stands behind a resource included.
///
/// # Errors
/// A call that is not known here.
pub(super) fn accesses(call: &Call, wiring: &Wiring) -> Result<Vec<Access>, String> {
    let asked = match call.service.as_str() {
        "athena" => {
            let workgroup = text(&call.body, "WorkGroup")?;
            let resource = format!("arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{workgroup}");
            vec![(format!("athena:{}", call.action), resource)]
        }
        "dynamodb" => dynamodb(call)?,
        "kms" => kms(call)?,
        "s3" => s3(call)?,
        "secretsmanager" => secretsmanager(call)?,
        "sns" => vec![(format!("sns:{}", call.action), text(&call.body, "TopicArn")?.to_owned())],
        "sqs" => sqs(call)?,
        _ => return Err(unknown(call)),
    };
    let mut all = Vec::new();
    for (action, resource) in asked {
        // What encrypts an object is told by its bucket.
        if let Some(key) = wiring.keys.get(&resource).or_else(|| wiring.keys.get(bucket_of(&resource))) {
            all.extend(key_uses(&call.service, &action, &resource, key)?);
        }
        if action == "secretsmanager:RotateSecret" {
            all.push(rotator_use(&resource, wiring)?);
        }
        let mut context = transport();
        if call.service == "s3" {
            for (key, parameter) in [("s3:if-none-match", "IfNoneMatch"), ("s3:prefix", "Prefix")] {
                context.extend(call.body[parameter].as_str().map(|value| (key.to_owned(), value.to_owned())));
            }
        }
        all.push(Access { action, resource, context });
    }
    Ok(all)
}

fn unknown(call: &Call) -> String {
    format!("what {} asks for in {} is not known", call.action, call.service)
}

/// What holds for every call: on AWS all of them go over TLS.
pub(super) fn transport() -> BTreeMap<String, String> {
    BTreeMap::from([("aws:SecureTransport".to_owned(), "true".to_owned())])
}

fn text<'c>(of: &'c Value, name: &str) -> Result<&'c str, String> {
    of[name].as_str().ok_or_else(|| format!("a call names no {name}: {of}"))
}

fn dynamodb(call: &Call) -> Result<Vec<(String, String)>, String> {
    let one = |action: &str, of: &Value| {
        let name = text(of, "TableName")?;
        let table = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}");
        let index = of["IndexName"].as_str().map(|index| format!("/index/{index}")).unwrap_or_default();
        Ok((format!("dynamodb:{action}"), table + &index))
    };
    match call.action.as_str() {
        "DeleteItem" | "GetItem" | "PutItem" | "Query" | "Scan" | "UpdateItem" => {
            Ok(vec![one(&call.action, &call.body)?])
        }
        // Each item asks for the action of its kind; there is none for the transaction.
        "TransactWriteItems" => {
            let items = call.body["TransactItems"].as_array().into_iter().flatten();
            let writes = items.flat_map(|item| item.as_object().into_iter().flatten());
            let action = |kind: &str| {
                if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") }
            };
            writes.map(|(kind, write)| one(&action(kind), write)).collect()
        }
        _ => Err(unknown(call)),
    }
}

fn secretsmanager(call: &Call) -> Result<Vec<(String, String)>, String> {
    let id = text(&call.body, "SecretId")?;
    if !id.starts_with("arn:") {
        // Policies name the ARN, whose end no name tells: AWS matches `NAME-??????`.
        return Err(format!("the secret {id} is not named by its ARN"));
    }
    Ok(vec![(format!("secretsmanager:{}", call.action), id.to_owned())])
}

fn kms(call: &Call) -> Result<Vec<(String, String)>, String> {
    let key = text(&call.body, "KeyId")?;
    if !key.starts_with("arn:") {
        // A policy's resource is the key, whatever name it is called by.
        return Err(format!("the key {key} is not named by its ARN"));
    }
    Ok(vec![(format!("kms:{}", call.action), key.to_owned())])
}

fn s3(call: &Call) -> Result<Vec<(String, String)>, String> {
    let bucket = bucket(text(&call.body, "Bucket")?);
    let action = call.action.as_str();
    match action {
        "ListObjectsV2" => Ok(vec![("s3:ListBucket".to_owned(), bucket)]),
        "GetObject" | "PutObject" => {
            Ok(vec![(format!("s3:{action}"), format!("{bucket}/{}", text(&call.body, "Key")?))])
        }
        _ => Err(unknown(call)),
    }
}

/// The bucket that an object is in; of all else, what it is itself.
pub(super) fn bucket_of(resource: &str) -> &str {
    let object = resource.strip_prefix("arn:aws:s3:::").and_then(|object| object.split_once('/'));
    let bucket = object.and_then(|(_, key)| resource.strip_suffix(key));
    bucket.map_or(resource, |bucket| bucket.trim_end_matches('/'))
}

/// Whoever begins a rotation must be allowed to invoke what does it: the page of `RotateSecret`, `Required permissions`.
fn rotator_use(secret: &str, wiring: &Wiring) -> Result<Access, String> {
    let function = wiring.rotators.get(secret).ok_or_else(|| format!("nobody rotates {secret}"))?;
    Ok(Access { action: "lambda:InvokeFunction".to_owned(), resource: function.clone(), context: transport() })
}

fn sqs(call: &Call) -> Result<Vec<(String, String)>, String> {
    let url = text(&call.body, "QueueUrl")?;
    // A batch asks for the action of its entries.
    let action = call.action.strip_suffix("Batch").unwrap_or(&call.action);
    Ok(vec![(format!("sqs:{action}"), queue(url.rsplit('/').next().unwrap_or_default()))])
}

/// What a service asks KMS for in the caller's name, each by its page on encryption at rest: Secrets Manager's `Secret
/// encryption and decryption`, `DynamoDB`'s `Encryption at rest: how it works`, SQS's `Key management`, by which a
/// producer needs both actions and a consumer the one, SNS's of the same name, and S3's `Using server-side encryption
/// with AWS KMS keys`, with a bucket key, whose encryption context is the bucket.
fn key_uses(service: &str, action: &str, resource: &str, key: &str) -> Result<Vec<Access>, String> {
    let (actions, about): (&[&str], _) = match (service, action) {
        ("secretsmanager", "secretsmanager:GetSecretValue") => (&["kms:Decrypt"], ("SecretARN", resource)),
        ("secretsmanager", "secretsmanager:PutSecretValue") => {
            (&["kms:Decrypt", "kms:GenerateDataKey"], ("SecretARN", resource))
        }
        ("secretsmanager", _) => (&[], ("SecretARN", resource)),
        ("dynamodb", _) => {
            let table = resource.split('/').nth(1).unwrap_or_default();
            (&["kms:Decrypt"], ("aws:dynamodb:tableName", table))
        }
        ("sqs", "sqs:SendMessage") => (&["kms:Decrypt", "kms:GenerateDataKey"], ("aws:sqs:arn", resource)),
        ("sqs", "sqs:ReceiveMessage") => (&["kms:Decrypt"], ("aws:sqs:arn", resource)),
        ("sqs", _) => (&[], ("aws:sqs:arn", resource)),
        ("s3", "s3:GetObject") => (&["kms:Decrypt"], ("aws:s3:arn", bucket_of(resource))),
        ("s3", "s3:PutObject") => (&["kms:GenerateDataKey"], ("aws:s3:arn", bucket_of(resource))),
        ("s3", _) => (&[], ("aws:s3:arn", resource)),
        ("sns", "sns:Publish") => (&["kms:Decrypt", "kms:GenerateDataKey"], ("aws:sns:topicArn", resource)),
        _ => return Err(format!("what {action} asks of KMS is not known")),
    };
    let mut context = transport();
    context.insert("kms:ViaService".to_owned(), format!("{service}.{REGION}.amazonaws.com"));
    context.insert(format!("kms:EncryptionContext:{}", about.0), about.1.to_owned());
    let access =
        |action: &&str| Access { action: (*action).to_owned(), resource: key.to_owned(), context: context.clone() };
    Ok(actions.iter().map(access).collect())
}
