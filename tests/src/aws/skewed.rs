//! Another time for a process, so that an hour can be over which has just begun: libfaketime before the C library's
//! clocks. What ships is linked to them dynamically, and so nothing in it knows.

use std::path::{Path, PathBuf};

use crate::{sdk, wait};

/// What a process must find in its environment to live `hours` ahead. Its timers run as ever.
///
/// # Panics
/// When libfaketime cannot be installed.
pub async fn hours_ahead(hours: u32) -> [(String, String); 3] {
    let install = || {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws/python/requirements-time.txt");
        let programs = sdk::python_programs(&requirements, "aws", "time");
        library(&programs)
    };
    let library = wait::done("install libfaketime", tokio::task::spawn_blocking(install).await);
    [
        ("LD_PRELOAD".to_owned(), library.to_string_lossy().into_owned()),
        ("FAKETIME".to_owned(), format!("+{hours}h")),
        ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
    ]
}

/// Python puts packages beneath a folder that is named after its version.
fn library(programs: &Path) -> PathBuf {
    let packages = programs.with_file_name("lib");
    let versions = wait::done("list Python's packages", std::fs::read_dir(&packages));
    let within = "site-packages/libfaketime/vendor/libfaketime/src/libfaketime.so.1";
    let found = versions.flatten().map(|version| version.path().join(within)).find(|library| library.exists());
    found.unwrap_or_else(|| panic!("no libfaketime beneath {}", packages.display()))
}
