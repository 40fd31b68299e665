//! What the function reads from its environment.

use shared::config::{Invalid, Reader, Strings};

/// The bucket of the store of record.
pub const AUDIT_BUCKET: &str = "AUDIT_BUCKET";
/// The queue for what is no record.
pub const DEAD_QUEUE_URL: &str = "DEAD_QUEUE_URL";
/// The queue from which the warehouse is loaded. Without it there is no warehouse.
pub const WAREHOUSE_QUEUE_URL: &str = "WAREHOUSE_QUEUE_URL";

/// Settings of the function.
///
/// # Defaults
/// No warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bucket of the store of record.
    pub bucket: String,
    /// The URL of the queue for what is no record.
    pub dead: String,
    /// The URL of the queue from which the warehouse is loaded.
    pub warehouse: Option<String>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake.
    pub fn read(strings: &dyn Strings) -> Result<Self, Invalid> {
        let mut read = Reader::new(strings);
        let (bucket, dead) = (read.required(AUDIT_BUCKET), read.required(DEAD_QUEUE_URL));
        let warehouse = read.optional(WAREHOUSE_QUEUE_URL);
        let built = bucket.zip(dead).map(|(bucket, dead)| Self { bucket, dead, warehouse });
        read.finish(built)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let told = Config::read(&HashMap::new()).unwrap_err().to_string();
        assert!(told.contains(AUDIT_BUCKET) && told.contains(DEAD_QUEUE_URL), "{told}");
        let settings = HashMap::from([(AUDIT_BUCKET, "b"), (DEAD_QUEUE_URL, "https://q/dead")]);
        let config = Config::read(&settings).unwrap();
        assert_eq!((config.bucket.as_str(), config.warehouse), ("b", None));
    }
}
