//! Why a call to AWS failed.
//!
//! The SDK's own errors keep the raw answer and show it in `Debug`: a garbled answer of Secrets Manager would show the
//! secret. A [`Fault`] keeps what an operator needs and nothing that was sent or answered.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::ports::Cause;

/// Longest message that is kept.
const MESSAGE: usize = 400;

/// Why a call failed, after all its attempts.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The answer is not what the service documents, or ended half-way.
    #[error("its answer makes no sense")]
    Garbled,
    /// No answer in time. What was asked may have been done.
    #[error("no answer in time")]
    Late,
    /// There is nobody to ask as, or who it is could not be found out.
    #[error("there are no credentials")]
    NoCredentials(#[source] Cause),
    /// The service answered with an error.
    #[error("it answered {code}{}{}", if message.is_empty() { "" } else { ": " }, message)]
    Refused {
        /// The error's name, such as `ThrottlingException`, or the HTTP status where it has none.
        code: String,
        /// The service's words, where they tell who may not do what. Others may quote what was sent, and are not kept.
        message: String,
    },
    /// The request could not be made, the connection neither, or it broke.
    #[error("it could not be reached")]
    Unreachable(#[source] Cause),
}

impl Fault {
    /// The error's name, where the service answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Garbled | Self::Late | Self::NoCredentials(_) | Self::Unreachable(_) => None,
        }
    }

    /// Whether whoever asked is not allowed to, or not known.
    #[must_use]
    pub fn denied(&self) -> bool {
        self.code().is_some_and(denial)
    }
}

fn denial(code: &str) -> bool {
    ["AccessDenied", "UnrecognizedClient", "InvalidClientTokenId", "ExpiredToken", "InvalidSignature", "NotAuthorized"]
        .iter()
        .any(|denial| code.contains(denial))
}

fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<CredentialsError>() || error.source().is_some_and(lacks_credentials)
}

impl<E> From<SdkError<E, HttpResponse>> for Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    #[expect(clippy::wildcard_enum_match_arm, reason = "the SDK may add kinds of its own; none of them is an answer")]
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match error {
            // What cannot be read of a success is an error of the service's to the SDK.
            SdkError::ServiceError(success) if success.raw().status().is_success() => Self::Garbled,
            SdkError::ServiceError(refusal) => {
                let status = refusal.raw().status().as_u16();
                let meta = refusal.err().meta();
                let code = meta.code().map_or_else(|| format!("status {status}"), str::to_owned);
                let message = meta.message().filter(|_| denial(&code)).unwrap_or_default();
                Self::Refused { message: message.chars().take(MESSAGE).collect(), code }
            }
            SdkError::TimeoutError(_) => Self::Late,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Late,
            error @ (SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_)) => match error.into_source() {
                Ok(cause) if lacks_credentials(cause.as_ref()) => Self::NoCredentials(cause),
                Ok(cause) => Self::Unreachable(cause),
                Err(_) => Self::Garbled,
            },
            _ => Self::Garbled,
        }
    }
}
