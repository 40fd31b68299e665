//! Where the trail is asked.

use std::future::Future;

use super::Unavailable;
use crate::audit::reports::{Cells, Report};
use crate::clock::Timestamp;

/// A store that answers reports.
pub trait Reports: Send + Sync + 'static {
    /// A report's rows over what was made at or after `since`: its columns as text.
    ///
    /// # Errors
    /// [`Unavailable`] when the store does not answer.
    fn ask(&self, report: Report, since: Timestamp) -> impl Future<Output = Result<Vec<Cells>, Unavailable>> + Send;
}
