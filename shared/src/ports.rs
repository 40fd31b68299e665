//! The seams between what Gatehouse decides and what it touches. Ports never name an adapter.

pub mod mint;
pub mod reports;
pub mod secrets;
pub mod trail;
pub mod warehouse;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::answer::{Chunk, Usage};
use crate::audit::Record;
use crate::caller::{self, Caller};
use crate::clock::Timestamp;
use crate::conversation::{Conversation, Text};
use crate::limits::{Admission, Claim, Demand, Settled, Taken, Ticket};
use crate::secret::Secret;

/// A cause, for `source()`.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

// === Callers ===

/// Looks up who may call.
pub trait Callers: Send + Sync + 'static {
    /// The caller with this id, active or revoked; `None` where there is no such caller.
    ///
    /// # Errors
    /// [`Unavailable`] when the store cannot tell.
    fn find(&self, id: &caller::Id) -> impl Future<Output = Result<Option<Caller>, Unavailable>> + Send;
}

/// A store that could not be asked, or could not keep what it was given.
#[derive(Debug, thiserror::Error)]
#[error("{store} is unavailable")]
pub struct Unavailable {
    /// Which store, as an operator knows it.
    pub store: &'static str,
    /// Why.
    #[source]
    pub cause: Cause,
}

// === The ledger ===

/// Keeps the accounts of who may ask how much: one [`Item`](crate::limits::Item) for each subject and budget window,
/// each changed in atomic steps.
///
/// Every step may be repeated: what is admitted under the same request is charged once, and settled or released once.
pub trait Ledger: Send + Sync + 'static {
    /// Admits a request with every claim, or with none. The first claim that refuses decides.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be admitted. Should it be, it is booked when its time is up.
    fn admit(
        &self,
        claims: &[Claim],
        demand: &Demand,
        now: Timestamp,
    ) -> impl Future<Output = Result<Admission, Unavailable>> + Send;

    /// Books what a request took in place of what was reserved for it, in the window in which it was admitted. The
    /// worst of what happened to its holds is returned.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be settled. The reservation then stands, and is booked when its time is
    /// up.
    fn settle(
        &self,
        ticket: &Ticket,
        taken: Taken,
        now: Timestamp,
    ) -> impl Future<Output = Result<Settled, Unavailable>> + Send;

    /// Gives back what was reserved for a request that never reached the provider.
    ///
    /// # Errors
    /// As for [`Ledger::settle`].
    fn release(&self, ticket: &Ticket, now: Timestamp) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

// === Audit ===

/// Keeps audit records until the drain takes them over.
pub trait AuditQueue: Send + Sync + 'static {
    /// Returns once the record is durable. Called again with the same record, it may keep it twice.
    ///
    /// The first poll hands the record over, without blocking: where the queue has an order, it is that of the first
    /// polls.
    ///
    /// # Errors
    /// [`Unavailable`] when the record is not known to be durable.
    fn append(&self, record: &Record) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

// === The provider's key ===

/// A key for the model provider, and which one it is.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key itself.
    pub value: Secret<String>,
    /// Names the key without telling it, for the audit record.
    pub version: String,
}

/// Where the provider's key comes from.
pub trait Keys: Send + Sync + 'static {
    /// The key to use now.
    ///
    /// # Errors
    /// [`Unavailable`] when there is none.
    fn current(&self) -> impl Future<Output = Result<Key, Unavailable>> + Send;

    /// Another key than `rejected`, which the provider refused: read anew, past every cache. `None` where the source
    /// still holds the same.
    ///
    /// # Errors
    /// [`Unavailable`] when the source cannot be read.
    fn replacement(&self, rejected: &Key) -> impl Future<Output = Result<Option<Key>, Unavailable>> + Send;
}

// === The model ===

/// What the model is asked, composed and clamped.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The model's bare name, such as `gemini-3.5-flash`.
    pub model: String,
    /// Hardened system instruction first, then the caller's, then the turns.
    pub conversation: Conversation,
    /// Tool declarations as Gemini takes them.
    pub tools: Vec<Value>,
    /// `toolConfig`, where the caller gave one.
    pub tool_config: Option<Value>,
    /// `generationConfig`, clamped.
    pub generation: Map<String, Value>,
    /// `safetySettings`: category and threshold.
    pub safety: Vec<(String, String)>,
}

/// The provider of answers.
pub trait Model: Send + Sync + 'static {
    /// An answer on its way.
    type Answer: Answer;

    /// Asks for an answer, whole or piece by piece, and returns with the provider's first sign of one.
    ///
    /// # Errors
    /// [`Failure`], by what the caller of Gatehouse can do about it.
    fn generate(&self, prompt: &Prompt, mode: Mode) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;

    /// Counts the tokens of a conversation.
    ///
    /// # Errors
    /// [`Failure`], as for [`Model::generate`].
    fn count(&self, prompt: &Prompt) -> impl Future<Output = Result<Count, Failure>> + Send;
}

/// Whether an answer comes whole or piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As a stream of chunks.
    Stream,
    /// As one chunk.
    Whole,
}

/// An answer on its way.
pub trait Answer: Send {
    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// [`Failure`] when the stream broke; nothing follows.
    fn next(&mut self) -> impl Future<Output = Result<Option<Chunk>, Failure>> + Send;

    /// Which key the provider accepted.
    fn key_version(&self) -> Option<&str>;
}

/// How many tokens a conversation has.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// The counts that the provider gave.
    pub usage: Usage,
    /// Which key the provider accepted.
    pub key_version: Option<String>,
}

/// Why there is no answer, or no more of it: one variant for each thing that can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The provider says that the request is wrong; asking again will not help.
    #[error("the provider refused the request with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's words, which may quote the request.
        message: Text,
    },
    /// The key does not work. The operator must act.
    #[error("the provider rejected the key with status {status}")]
    KeyRejected {
        /// The HTTP status.
        status: u16,
        /// Whether the provider says that the key has leaked.
        leaked: bool,
    },
    /// Region, billing, a disabled API, a wrong kind of credential. The operator must act.
    #[error("the provider refuses this account with status {status}")]
    Account {
        /// The HTTP status.
        status: u16,
    },
    /// The model is not there (any more).
    #[error("the provider does not know the model")]
    NoSuchModel,
    /// The provider's own limit is reached; it may pass.
    #[error("the provider's quota is used up")]
    Limited {
        /// When to try again, where the provider said so.
        after: Option<Duration>,
    },
    /// The provider is overloaded or broken; it may pass.
    #[error("the provider failed with status {status}")]
    Broken {
        /// The HTTP status.
        status: u16,
    },
    /// No connection could be made: the provider saw nothing.
    #[error("the provider could not be reached")]
    Unreachable(#[source] Cause),
    /// A deadline passed. The provider may have done, and billed, the work.
    #[error("the provider did not answer in time ({0})")]
    TimedOut(Deadline),
    /// The answer broke off. The provider may have billed it.
    #[error("the provider's answer broke off")]
    Cut(#[source] Cause),
    /// The answer is not what the provider documents.
    #[error("the provider's answer makes no sense: {0}")]
    Garbled(&'static str),
    /// There is no key to ask with.
    #[error("there is no key for the provider")]
    NoKey(#[source] Unavailable),
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Until the connection stands.
    Connect,
    /// Until the provider's first byte.
    FirstByte,
    /// Between two pieces of the answer.
    Idle,
    /// For all of it.
    Total,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::FirstByte => "first byte",
            Self::Idle => "idle",
            Self::Total => "total",
        })
    }
}

/// How long each step of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the head of the answer. A model that thinks may take a minute before it.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For everything, attempts and pauses included.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(280),
        }
    }
}

impl Failure {
    /// The provider's HTTP status, where it sent one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. }
            | Self::KeyRejected { status, .. }
            | Self::Account { status }
            | Self::Broken { status } => Some(*status),
            Self::NoSuchModel => Some(404),
            Self::Limited { .. } => Some(429),
            Self::Unreachable(_) | Self::TimedOut(_) | Self::Cut(_) | Self::Garbled(_) | Self::NoKey(_) => None,
        }
    }
}
