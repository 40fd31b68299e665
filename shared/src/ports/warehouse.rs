//! Where records go to be asked about: a table that takes rows in batches, and may refuse each of them.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::Cause;

/// A row on its way. `Debug` shows its id alone: it may hold a prompt.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// By which the warehouse may know that it has the row already: at most 128 bytes of ASCII.
    pub id: String,
    /// The row, an object in JSON.
    pub json: String,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("id", &self.id).field("json_bytes", &self.json.len()).finish_non_exhaustive()
    }
}

/// What became of a row of a batch that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not looked at, or failed by no fault of its own: send it again.
    Again,
    /// It will not be taken, however often it is sent.
    Invalid {
        /// The warehouse's name for the cause, and where in the row; no value of the row.
        reason: String,
    },
    /// It is in the table.
    Kept,
}

/// Takes rows. A row may stand in the table twice: where an answer is lost, or where it was sent again.
pub trait Warehouse: Send + Sync + 'static {
    /// Sends a batch, which must keep within [`MAX_ROWS`] and [`MAX_BYTES`]. One fate for each row, in order.
    ///
    /// # Errors
    /// [`Error`]: nothing is known of any row.
    fn insert(&self, rows: &[Row]) -> impl Future<Output = Result<Vec<Fate>, Error>> + Send;
}

/// Rows to a batch. BigQuery takes 50 000 and recommends 500.
pub const MAX_ROWS: usize = 500;

/// Bytes to a batch: what BigQuery takes is 10 MB, with all that is around the rows.
pub const MAX_BYTES: usize = 9_000_000;

/// What is around a row in a batch, at most.
pub const ROW_OVERHEAD: usize = 200;

/// Why a batch was not taken, or why nothing is known of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such table. One that was just made may be found some minutes later.
    #[error("the warehouse has no such table")]
    Absent,
    /// A rate or a quota: not now.
    #[error("the warehouse limits requests ({reason})")]
    Limited {
        /// The warehouse's name for the limit.
        reason: String,
        /// When to try again, where it said so.
        after: Option<Duration>,
    },
    /// It will not, until an operator changes something.
    #[error("the warehouse refuses: {reason}")]
    Refused {
        /// The warehouse's name for the cause.
        reason: String,
    },
    /// It may have taken it. Asking again may help.
    #[error("the warehouse is unavailable")]
    Unavailable(#[source] Cause),
}

impl Error {
    /// Whether the same request may succeed within seconds.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Limited { .. } | Self::Unavailable(_) => true,
            Self::Absent | Self::Refused { .. } => false,
        }
    }

    /// Its stable code, for logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Absent => "warehouse_absent",
            Self::Limited { .. } => "warehouse_limited",
            Self::Refused { .. } => "warehouse_refused",
            Self::Unavailable(_) => "warehouse_unavailable",
        }
    }
}
