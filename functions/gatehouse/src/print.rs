//! What people see: colours and tables on a terminal, plain text when piped, errors on stderr.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use shared::guards::Decision;
use shared::telemetry::Chain;

/// The narrowest terminal, in columns, that a table is fitted to.
const NARROWEST: u16 = 60;

/// How stdout is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    terminal: bool,
    colour: bool,
}

impl Look {
    /// As piped into a file.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { terminal: false, colour: false };

    /// Stdout as it is: `NO_COLOR` and its like are honoured.
    pub(crate) fn of_stdout() -> Self {
        let stdout = io::stdout();
        Self { terminal: stdout.is_terminal(), colour: anstream::AutoStream::choice(&stdout) != ColorChoice::Never }
    }

    /// A text in a style, where colours are wanted.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A decision in its colour.
    pub(crate) fn decision(self, decision: Decision) -> String {
        let colour = match decision {
            Decision::Allow => AnsiColor::Green,
            Decision::Flag => AnsiColor::Yellow,
            Decision::Block => AnsiColor::Red,
        };
        self.paint(colour.on_default().bold(), word(decision))
    }

    /// Writes rows under their names: a table on a terminal, else columns that a tab separates. Columns from
    /// `numbers` on are numbers.
    pub(crate) fn table(
        self,
        out: &mut impl Write,
        names: &[&str],
        numbers: usize,
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        if !self.terminal {
            writeln!(out, "{}", names.join("\t"))?;
            return rows.iter().try_for_each(|row| writeln!(out, "{}", row.join("\t")));
        }
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_header(names);
        // Some terminals give no width or a hopeless one; there the terminal may wrap.
        if table.width().is_some_and(|width| width >= NARROWEST) {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        for row in rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut().skip(numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")
    }
}

/// A decision as it stands in records.
pub(crate) const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Flag => "flag",
        Decision::Block => "block",
    }
}

/// Tells on stderr what keeps a command from going on as it should; it goes on nevertheless.
pub(crate) fn complaint(text: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Tells an error with its causes, and is its exit code. That the reader of a pipe has gone is no error.
pub(crate) fn failure(error: &(dyn Error + Send + Sync + 'static)) -> ExitCode {
    if reader_has_gone(error) {
        return ExitCode::SUCCESS;
    }
    let red = AnsiColor::Red.on_default().bold();
    complaint(&format!("{red}error:{red:#} {}", Chain(error)));
    ExitCode::FAILURE
}

fn reader_has_gone(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look::PLAIN;
    const TERMINAL: Look = Look { terminal: true, colour: true };

    fn table(look: Look) -> String {
        let mut out = Vec::new();
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["b".to_owned(), "20".to_owned()]];
        look.table(&mut out, &["name", "count"], 1, &rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_piped_table_is_separated_by_tabs() {
        assert_eq!(table(PLAIN), "name\tcount\na\t1\nb\t20\n");
    }

    #[test]
    fn a_table_on_a_terminal_is_drawn_with_its_numbers_to_the_right() {
        let drawn = table(TERMINAL);
        assert!(drawn.contains('─') && drawn.contains("    20 "), "{drawn}");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(PLAIN.decision(Decision::Block), "block");
        assert!(TERMINAL.decision(Decision::Block).starts_with("\u{1b}["));
    }

    #[test]
    fn a_broken_pipe_is_found_below_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not write")]
        struct Write(#[source] io::Error);
        assert!(reader_has_gone(&Write(io::ErrorKind::BrokenPipe.into())));
        assert!(!reader_has_gone(&Write(io::ErrorKind::StorageFull.into())));
    }
}
