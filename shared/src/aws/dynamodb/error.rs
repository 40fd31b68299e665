//! Why there is no answer from `DynamoDB`.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::aws::Fault;
use crate::ports::Cause;

/// Why there is no answer from `DynamoDB`: one variant for each thing that can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It failed, or there was no connection. What was asked may have been done.
    #[error("DynamoDB failed")]
    Broken(#[source] Cause),
    /// Others were faster, again and again. Nothing was done.
    #[error("others changed the item again and again")]
    Contended,
    /// What is stored is nothing that Gatehouse has stored.
    #[error("the item makes no sense: {0}")]
    Garbled(&'static str),
    /// It does not take the request: a missing permission or table. The operator must act.
    #[error("DynamoDB refused the request")]
    Refused(#[source] Cause),
    /// There is more traffic than it takes. Nothing was done.
    #[error("DynamoDB is throttled")]
    Throttled(#[source] Cause),
    /// There was no answer in time. What was asked may have been done.
    #[error("DynamoDB did not answer in time")]
    TimedOut,
}

impl Error {
    /// What the SDK's error means. The raw answer, which may hold items, is left behind.
    pub(super) fn of<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(ToOwned::to_owned);
        let answered = error.as_service_error().is_some();
        let cause = Cause::from(Fault::from(error));
        match code.as_deref() {
            Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException") => {
                Self::Throttled(cause)
            }
            _ if answered && status.is_some_and(|status| status < 500) => Self::Refused(cause),
            _ => Self::Broken(cause),
        }
    }

    /// Whether another attempt may succeed.
    pub(super) const fn passes(&self) -> bool {
        match self {
            Self::Broken(_) | Self::Throttled(_) | Self::TimedOut => true,
            Self::Contended | Self::Garbled(_) | Self::Refused(_) => false,
        }
    }

    /// Whether what was asked may have been done.
    pub(super) const fn in_doubt(&self) -> bool {
        match self {
            Self::Broken(_) | Self::TimedOut => true,
            Self::Contended | Self::Garbled(_) | Self::Refused(_) | Self::Throttled(_) => false,
        }
    }
}
