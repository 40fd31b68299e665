//! `gatehouse audit user`: under which hash records name somebody.

use std::io::{self, BufRead, Write};
use std::path::Path;

use serde_json::json;
use shared::audit::Pepper;
use shared::aws::secrets_manager::Peppers;

use super::Error;
use crate::aws::{self, Bundle, Part, Prefix};
use crate::commands::listing::{self, Reader, Row};
use crate::store::{pepper, sqlite};

/// What the pepper's hashes of users are of.
const DOMAIN: &str = "user";

/// The pepper of this machine's data, or of a bundle on AWS.
pub(super) fn pepper_of(aws: Option<&Prefix>, data: &Path) -> Result<Pepper, Error> {
    match aws {
        Some(prefix) => aws::wait(async {
            let bundle = Bundle::open(prefix).await?;
            let peppers = Peppers::new(bundle.clients().secrets_manager(), bundle.name(Part::PEPPER_READ));
            let pepper = peppers.get().await.map_err(|error| bundle.told(Part::PEPPER_READ, error))?;
            Ok(pepper.clone())
        }),
        None => {
            // A pepper that nothing was hashed under would tell nothing, and is not made.
            sqlite::open_existing(data)?;
            Ok(pepper::open(data)?)
        }
    }
}

/// Prints the hash of each name; of those on `input`, one a line, where none are given.
pub(super) fn execute(
    names: &[String],
    input: impl BufRead,
    pepper: &Pepper,
    reader: Reader,
    out: &mut dyn Write,
) -> io::Result<()> {
    let from_input = if names.is_empty() { input.lines().collect::<io::Result<Vec<String>>>()? } else { Vec::new() };
    let row = |name: &String| {
        let hash = pepper.hmac(DOMAIN, name);
        Row { json: json!({"user": hash, "name": name}).to_string(), columns: vec![hash, name.clone()] }
    };
    let rows: Vec<Row> = names.iter().chain(&from_input).filter(|name| !name.is_empty()).map(row).collect();
    listing::until_closed(listing::print(out, reader, &["USER", "NAME"], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_beside_its_hash_from_the_command_line_or_the_input() {
        let pepper = Pepper::new([1; 32]);
        let shown = |names: &[&str], input: &str, reader| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut out = Vec::new();
            execute(&names, input.as_bytes(), &pepper, reader, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let ada = format!("{}\tada\n", pepper.hmac("user", "ada"));
        assert_eq!(shown(&["ada"], "ignored\n", Reader::Pipe), ada);
        assert_eq!(shown(&[], "ada\n\n", Reader::Pipe), ada);
        assert!(shown(&[], "ada", Reader::Json).ends_with("\"name\":\"ada\"}\n"));
    }

    #[test]
    fn a_directory_without_data_has_no_pepper_and_is_given_none() {
        let data = tempfile::tempdir().unwrap();
        assert!(pepper_of(None, data.path()).is_err());
        assert!(!data.path().join("pepper").exists());
    }
}
