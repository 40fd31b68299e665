//! A message as the record that it should be.

use shared::audit::Record;
use shared::audit::line::Malformed;

/// Why a message is no record. It tells nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// Not a line of a record.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A record whose content was changed after it was written.
    #[error("the hash is not that of the content")]
    WrongHash,
}

/// Reads a record and checks its hash.
///
/// # Errors
/// [`Poison`].
pub fn read(line: &str) -> Result<Record, Poison> {
    let record = Record::from_line(line)?;
    if record.verify_hash() { Ok(record) } else { Err(Poison::WrongHash) }
}

#[cfg(test)]
mod tests {
    use shared::audit::{Hash, Kind, Link, WriterId};
    use shared::fakes::entry;

    use super::*;

    #[test]
    fn a_record_is_taken_and_one_that_was_changed_is_not() {
        let (record_id, writer_id) = ("r".to_owned(), WriterId::new([1; 16]));
        let link = Link { record_id, writer_id, seq: 0, prev_hash: Hash::ZERO, voids: Vec::new() };
        let record = Record::seal(entry(Kind::Intent), link);
        let line = record.to_line();
        assert_eq!(read(&line).unwrap(), record);
        assert_eq!(read(&line.replace("\"seq\":0", "\"seq\":1")).unwrap_err(), Poison::WrongHash);
        assert!(matches!(read("{}").unwrap_err(), Poison::Malformed(_)));
    }
}
