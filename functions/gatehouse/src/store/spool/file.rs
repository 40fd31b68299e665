//! A writer's files, one after the other.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use shared::audit::WriterId;

use super::{Error, Log};
use crate::store::{private_file, sync_directory};

/// A writer's files, of which it writes to the last.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    writer: WriterId,
    /// The last number in use, from 0.
    number: u32,
    file: File,
}

impl Files {
    /// The first file of a writer who has none.
    pub(super) fn begin(directory: PathBuf, writer: WriterId) -> Result<Self, Error> {
        let file = make(&directory, &name(writer, 0))?;
        Ok(Self { directory, writer, number: 0, file })
    }
}

/// Names sort as their files follow one another, since `_` comes after `.`: the drain keeps the order of the chain.
fn name(writer: WriterId, number: u32) -> String {
    if number == 0 { writer.to_string() } else { format!("{writer}_{number:06}") }
}

fn make(directory: &Path, name: &str) -> Result<File, Error> {
    let path = directory.join(format!("{name}.ndjson"));
    // It gets its name when it is locked: a drain never sees it without its writer. A link, unlike a rename, never
    // replaces the file of a writer who is already there.
    let draft = directory.join(format!(".{name}"));
    let file = private_file().append(true).open(&draft).map_err(Error::file("make", &draft))?;
    file.lock().map_err(Error::file("lock", &draft))?;
    let named = fs::hard_link(&draft, &path).map_err(Error::file("make", &path));
    fs::remove_file(&draft).map_err(Error::file("remove", &draft))?;
    named?;
    sync_directory(directory)?;
    Ok(file)
}

impl Log for Files {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        // What is written to a file without a name is gone with the process.
        if std::os::unix::fs::MetadataExt::nlink(&self.file.metadata()?) == 0 {
            return Err(io::Error::other("the spool file was deleted; restart the process that writes it"));
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn turn_over(&mut self) -> Result<(), Error> {
        // A number that failed is not tried again: something of it may be there.
        self.number += 1;
        // The old one is closed, and with it unlocked: all of it is whole.
        self.file = make(&self.directory, &name(self.writer, self.number))?;
        Ok(())
    }
}
