//! The bundle on AWS, as its operator reaches it: by the names that Terraform gave its parts, with the operator's own
//! credentials.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use aws_config::SdkConfig;
use shared::aws::athena::Athena;
use shared::aws::dynamodb::Policy;
use shared::aws::dynamodb::callers::Register;
use shared::aws::{Clients, Fault, behavior, http_client};
use shared::https::Unbuildable;
use shared::ports::Cause;

/// What the names of a bundle's parts begin with: Terraform's `name_prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(String);

/// Not what Terraform would take.
#[derive(Debug, thiserror::Error)]
#[error("a name_prefix has 2 to 32 lower-case letters, digits and dashes, from a letter to a letter or digit")]
pub(crate) struct NoPrefix;

impl FromStr for Prefix {
    type Err = NoPrefix;

    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let letter = |byte: &u8| byte.is_ascii_lowercase();
        let sound = (2..=32).contains(&text.len())
            && text.bytes().all(|byte| letter(&byte) || byte.is_ascii_digit() || byte == b'-')
            && text.as_bytes().first().is_some_and(letter)
            && !text.ends_with('-');
        if sound { Ok(Self(text.to_owned())) } else { Err(NoPrefix) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a bundle, and what its operator must be allowed to do with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    kind: &'static str,
    prefix: &'static str,
    suffix: &'static str,
    actions: &'static str,
}

/// What it takes to put a secret's first value.
const PUT: &str = "secretsmanager:DescribeSecret and secretsmanager:PutSecretValue";

impl Part {
    pub(crate) const AUDIT: Self = Self::queue("-audit");
    pub(crate) const AUDIT_DEAD: Self = Self::queue("-audit-dead");
    /// The account's number stands behind it, since buckets of all accounts share their names.
    pub(crate) const AUDIT_BUCKET: Self =
        Self { kind: "bucket", prefix: "", suffix: "-audit", actions: "s3:ListBucket and s3:GetObject" };
    pub(crate) const CALLERS_ADD: Self = Self::table("-callers", "dynamodb:PutItem");
    pub(crate) const CALLERS_LIST: Self = Self::table("-callers", "dynamodb:Scan");
    pub(crate) const CALLERS_REVOKE: Self =
        Self::table("-callers", "dynamodb:GetItem, dynamodb:UpdateItem and dynamodb:DeleteItem");
    pub(crate) const GEMINI_KEY: Self = Self::secret("/gemini-key", PUT);
    pub(crate) const GEMINI_KEY_LOOK: Self =
        Self::secret("/gemini-key", "secretsmanager:DescribeSecret and secretsmanager:GetSecretValue");
    pub(crate) const GEMINI_KEY_REVOKE: Self = Self::secret(
        "/gemini-key",
        "secretsmanager:DescribeSecret, secretsmanager:GetSecretValue, secretsmanager:RotateSecret, \
         secretsmanager:UpdateSecretVersionStage and lambda:InvokeFunction on the rotation",
    );
    pub(crate) const PEPPER: Self = Self::secret("/pepper", PUT);
    pub(crate) const PEPPER_READ: Self = Self::secret("/pepper", "secretsmanager:GetSecretValue");
    /// The warehouse's queues, of which a bundle without a warehouse has none.
    pub(crate) const WAREHOUSE_QUEUES: [Self; 3] =
        [Self::queue("-warehouse"), Self::queue("-warehouse-dead"), Self::queue("-warehouse-poison")];
    pub(crate) const WAREHOUSE: Self = Self {
        kind: "queue",
        prefix: "",
        suffix: "-warehouse",
        actions: "sqs:GetQueueUrl and sqs:SendMessage, and s3:ListBucket on the audit's bucket",
    };
    pub(crate) const WORKGROUP: Self = Self {
        kind: "Athena workgroup",
        prefix: "",
        suffix: "-audit",
        actions: "athena:StartQueryExecution, athena:GetQueryExecution, athena:GetQueryResults, glue:GetTable, \
            glue:GetDatabase, s3:GetObject and s3:ListBucket of the audit's bucket, s3:PutObject for answers",
    };
    pub(crate) const POLICY: Self = Self::table("-policy", "dynamodb:GetItem");

    pub(crate) const SEALING_KEY: Self =
        Self { kind: "key", prefix: "alias/", suffix: "-seal", actions: "kms:GetPublicKey" };

    const fn queue(suffix: &'static str) -> Self {
        Self { kind: "queue", prefix: "", suffix, actions: "sqs:GetQueueUrl and sqs:GetQueueAttributes" }
    }

    const fn secret(suffix: &'static str, actions: &'static str) -> Self {
        Self { kind: "secret", prefix: "", suffix, actions }
    }

    const fn table(suffix: &'static str, actions: &'static str) -> Self {
        Self { kind: "table", prefix: "", suffix, actions }
    }
}

/// Why the bundle could not be asked: one variant for each thing that its operator can do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "there is no {part} in {region}: set --aws to the name_prefix that Terraform applied, and AWS_REGION (or the \
         region of AWS_PROFILE) to where"
    )]
    Absent { part: String, region: String },
    #[error("AWS could not be asked about the {part} in {region}")]
    Broken {
        part: String,
        region: String,
        #[source]
        cause: Cause,
    },
    #[error("you may not use the {part}: this takes {actions}, and kms:Decrypt and kms:GenerateDataKey with its key")]
    Denied {
        part: String,
        actions: &'static str,
        #[source]
        cause: Cause,
    },
    #[error("AWS does not know these credentials, or no longer: log in again")]
    Expired(#[source] Cause),
    #[error(
        "there are no AWS credentials: log in (`aws sso login`), set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY"
    )]
    NoCredentials(#[source] Cause),
    #[error("no AWS region is set: set AWS_REGION, or the region of AWS_PROFILE")]
    NoRegion,
    #[error("the runtime could not be started")]
    NoRuntime(#[source] std::io::Error),
    #[error(transparent)]
    Unbuildable(#[from] Unbuildable),
}

/// A bundle and the clients to reach it.
pub(crate) struct Bundle {
    prefix: Prefix,
    region: String,
    clients: Clients,
}

impl Bundle {
    /// Finds out who asks, and where, as AWS's own command does: environment, profile, single sign-on, instance role.
    /// No request is made yet.
    pub(crate) async fn open(prefix: &Prefix) -> Result<Self, Error> {
        let sdk: SdkConfig = aws_config::defaults(behavior()).http_client(http_client()?).load().await;
        let region = sdk.region().ok_or(Error::NoRegion)?.to_string();
        Ok(Self { prefix: prefix.clone(), region, clients: Clients::of(sdk) })
    }

    pub(crate) const fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// What a part is called.
    pub(crate) fn name(&self, part: Part) -> String {
        format!("{}{}{}", part.prefix, self.prefix, part.suffix)
    }

    /// The callers' table.
    pub(crate) fn callers(&self) -> Register {
        Register::new(&self.clients.dynamodb(), self.name(Part::CALLERS_LIST))
    }

    /// Athena, in the bundle's workgroup and database.
    pub(crate) fn athena(&self) -> Athena {
        let database = format!("{}_audit", self.prefix.to_string().replace('-', "_"));
        Athena::new(self.clients.athena(), self.name(Part::WORKGROUP), database)
    }

    /// The policy's table.
    pub(crate) fn policy(&self) -> Policy {
        Policy::new(&self.clients.dynamodb(), self.name(Part::POLICY))
    }

    /// What an error of a part means to its operator.
    pub(crate) fn told(&self, part: Part, error: impl Into<Cause>) -> Error {
        let cause = error.into();
        let region = self.region.clone();
        let name = format!("{} {}", part.kind, self.name(part));
        match fault(cause.as_ref()) {
            Some(Fault::NoCredentials(_)) => Error::NoCredentials(cause),
            Some(fault) if fault.code().is_some_and(unknown) => Error::Expired(cause),
            Some(fault) if fault.denied() => Error::Denied { part: name, actions: part.actions, cause },
            Some(fault) if fault.code().is_some_and(absent) => self.absent(part),
            Some(_) | None => Error::Broken { part: name, region, cause },
        }
    }

    pub(crate) fn absent(&self, part: Part) -> Error {
        Error::Absent { part: format!("{} {}", part.kind, self.name(part)), region: self.region.clone() }
    }
}

fn unknown(code: &str) -> bool {
    ["ExpiredToken", "InvalidClientTokenId", "InvalidSignature", "UnrecognizedClient"]
        .iter()
        .any(|of| code.contains(of))
}

fn absent(code: &str) -> bool {
    code.contains("ResourceNotFound") || code == "NotFoundException" || code == "NoSuchBucket"
}

/// What AWS answered, below what was made of it.
fn fault<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Fault> {
    error.downcast_ref().or_else(|| error.source().and_then(fault))
}

/// Asks the bundle and waits for its answer.
pub(crate) fn wait<T, E: From<Error>>(asked: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::NoRuntime)?;
    runtime.block_on(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_what_terraform_takes() {
        for right in ["gatehouse", "g2", "team-a-1", &"a".repeat(32)] {
            assert_eq!(right.parse::<Prefix>().unwrap().to_string(), right);
        }
        for wrong in ["", "g", "2g", "-g", "g-", "G2", "a_b", "a/b", "é2", &"a".repeat(33)] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong:?}");
        }
    }
}
