//! How lists are printed: aligned for a person, tab-separated for a pipe, JSON Lines where asked for.

use std::io::{self, IsTerminal, Write};

use shared::clock::Timestamp;

/// Who reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A program that asked for JSON: one object a line.
    Json,
    /// A person at a terminal: aligned columns under a heading.
    Person,
    /// A pipe: columns between tabs, no heading.
    Pipe,
}

impl Reader {
    /// Who reads standard output.
    pub(crate) fn of_stdout(json: bool) -> Self {
        match (json, io::stdout().is_terminal()) {
            (true, _) => Self::Json,
            (false, true) => Self::Person,
            (false, false) => Self::Pipe,
        }
    }
}

/// A row: its columns, and what it is as JSON.
pub(crate) struct Row {
    /// The columns, as many as there are headings.
    pub(crate) columns: Vec<String>,
    /// One line of JSON.
    pub(crate) json: String,
}

/// A time in RFC 3339, UTC, to the millisecond.
pub(crate) fn time(time: Timestamp) -> String {
    let time = i64::try_from(time.0).ok().and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    time.map_or_else(|| "beyond all time".to_owned(), |time| format!("{time:.3}"))
}

/// Prints rows as their reader wants them.
pub(crate) fn print(out: &mut dyn Write, reader: Reader, headings: &[&str], rows: &[Row]) -> io::Result<()> {
    match reader {
        Reader::Json => rows.iter().try_for_each(|row| writeln!(out, "{}", row.json))?,
        Reader::Pipe => {
            for row in rows {
                writeln!(out, "{}", row.columns.iter().map(|text| printable(text)).collect::<Vec<_>>().join("\t"))?;
            }
        }
        Reader::Person => aligned(out, headings, rows)?,
    }
    out.flush()
}

fn aligned(out: &mut dyn Write, headings: &[&str], rows: &[Row]) -> io::Result<()> {
    let heading = headings.iter().map(|text| (*text).to_owned()).collect();
    let lines = rows.iter().map(|row| row.columns.iter().map(|text| printable(text)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(lines).collect();
    let mut widths = vec![0; headings.len()];
    for line in &lines {
        for (width, text) in widths.iter_mut().zip(line) {
            *width = text.chars().count().max(*width);
        }
    }
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    Ok(())
}

/// What callers and users named themselves must neither move the cursor nor begin a new column or line.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// A reader that has gone, as `head` does, has read enough: no error.
pub(crate) fn until_closed(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Ok(()) | Err(_) => printed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(reader: Reader) -> String {
        let row = |name: &str, risk: &str| Row { columns: vec![name.into(), risk.into()], json: format!("[{risk}]") };
        let mut out = Vec::new();
        print(&mut out, reader, &["NAME", "RISK"], &[row("a\u{1b}[2J\tb", "1"), row("é", "22")]).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_reader_has_its_form_and_no_control_character_passes() {
        assert_eq!(printed(Reader::Json), "[1]\n[22]\n");
        assert_eq!(printed(Reader::Pipe), "a\\u{1b}[2J\\tb\t1\né\t22\n");
        assert_eq!(printed(Reader::Person), "NAME           RISK\na\\u{1b}[2J\\tb  1\né              22\n");
    }
}
