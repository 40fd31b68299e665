//! What the audit trail is kept in: objects that are made once and never change, a signature, and queues to hand on to.

use std::future::Future;

use super::Unavailable;

/// The store of record.
pub trait Store: Send + Sync + 'static {
    /// Makes an object, unless there is one under this key: that is never replaced.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known whether the object is there.
    fn create(&self, key: &str, body: Vec<u8>) -> impl Future<Output = Result<Created, Unavailable>> + Send;

    /// An object's content; `None` where there is no such object.
    ///
    /// # Errors
    /// [`Unavailable`] when the store cannot tell.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Unavailable>> + Send;

    /// The keys that begin with `prefix` and lie behind `after`, in their order.
    ///
    /// # Errors
    /// [`Unavailable`] when the store cannot tell.
    fn list(&self, prefix: &str, after: &str) -> impl Future<Output = Result<Vec<String>, Unavailable>> + Send;
}

/// What became of an object that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is made.
    New,
    /// One was there under its key, which may be this one, of an earlier attempt.
    There,
}

/// Signs what seals the trail.
pub trait Signer: Send + Sync + 'static {
    /// ECDSA on P-256 over the message's SHA-256, in ASN.1's DER.
    ///
    /// # Errors
    /// [`Unavailable`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Vec<u8>, Unavailable>> + Send;
}

/// A queue to hand on to.
pub trait Outbox: Send + Sync + 'static {
    /// Sends a message, with a reason beside it where there is one.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be sent.
    fn send(&self, body: &str, reason: Option<&str>) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
