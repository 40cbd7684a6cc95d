//! The one way out: words and tables for people, JSON for programs.

use std::{
    fmt::Write as _,
    io::{BufRead, Write},
};

use serde::Serialize;

use super::Error;

/// For whom the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Words and tables
    Table,
    /// One JSON document; a log is one document a line
    Json,
}

/// Who sits there.
pub struct Terminal<'a> {
    /// Takes the answer.
    pub out: &'a mut dyn Write,
    /// Takes questions, and what is no part of the answer.
    pub notes: &'a mut dyn Write,
    /// Whether the answer may have colours.
    pub colours: bool,
    /// Who answers a question; `None` when nobody sits there.
    pub person: Option<&'a mut dyn BufRead>,
}

/// Takes what a command has to say.
pub(super) struct Output<'a> {
    terminal: Terminal<'a>,
    format: Format,
}

impl<'a> Output<'a> {
    /// What a command says goes to this terminal.
    pub(super) fn new(terminal: Terminal<'a>, format: Format) -> Self {
        Self { terminal, format }
    }

    /// For whom the answer is.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The colours that are understood.
    pub(super) fn paint(&self) -> Paint {
        Paint(self.terminal.colours && self.format == Format::Table)
    }

    /// The answer: `value` for programs, `text` for people.
    pub(super) fn answer(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce(Paint) -> String,
    ) -> Result<(), Error> {
        let text = match self.format {
            Format::Table => text(self.paint()),
            Format::Json => {
                serde_json::to_string_pretty(value).map_err(std::io::Error::from)? + "\n"
            }
        };
        self.print(&text)
    }

    /// Text as it is.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Error> {
        self.write(text.as_bytes())
    }

    /// Bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.terminal.out.write_all(bytes)?;
        Ok(self.terminal.out.flush()?)
    }

    /// A line that is no part of the answer.
    pub(super) fn note(&mut self, line: &str) -> Result<(), Error> {
        Ok(writeln!(self.terminal.notes, "{}", visible(line))?)
    }

    /// Whether a person says yes. `None` when there is nobody to ask.
    pub(super) fn confirmed(&mut self, question: &str) -> Result<Option<bool>, Error> {
        let Some(person) = self.terminal.person.as_mut() else {
            return Ok(None);
        };
        write!(self.terminal.notes, "{} [y/N] ", visible(question))?;
        self.terminal.notes.flush()?;
        let mut answer = String::new();
        person.read_line(&mut answer)?;
        let answer = answer.trim().to_ascii_lowercase();
        Ok(Some(matches!(answer.as_str(), "y" | "yes")))
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    /// Needs somebody.
    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Passes by itself, or is worth a look.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// As it should be.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Of less weight.
    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Columns below their headings, each as wide as its widest cell.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(
        rows.iter()
            .map(|row| row.each_ref().map(|cell| visible(cell))),
    );
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a String does not fail.
            let _ = write!(row, "{cell:<width$}   ");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Text of others, such as a log line, without what would move a terminal's cursor or change its colours.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// What is not there, as kubectl writes it.
pub(super) fn or_none(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or("<none>")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_cell() {
        let rows = [
            ["web".to_owned(), "1/2".to_owned()],
            ["analytics-worker".to_owned(), "1/1".to_owned()],
        ];
        assert_eq!(
            table(["ROLE", "READY"], &rows),
            "ROLE               READY\nweb                1/2\nanalytics-worker   1/1\n"
        );
    }

    #[test]
    fn what_others_wrote_cannot_move_the_cursor() {
        assert_eq!(visible("a\x1b[2Jb\r\n\tc"), "a\\u{1b}[2Jb\\r\\n\tc");
        let rows = [["a\x1b[2Jb".to_owned()]];
        assert!(!table(["X"], &rows).contains('\x1b'));
    }

    #[test]
    fn colours_are_for_those_who_want_them() {
        assert_eq!(Paint(false).red("x"), "x");
        assert_eq!(Paint(true).red("x"), "\x1b[31mx\x1b[0m");
    }

    #[test]
    fn only_yes_is_a_yes_and_nobody_is_not_asked() {
        for (said, meant) in [
            ("y\n", true),
            ("YES\n", true),
            ("\n", false),
            ("no\n", false),
            ("", false),
        ] {
            let (mut out, mut notes, mut person) = (Vec::new(), Vec::new(), said.as_bytes());
            let terminal = Terminal {
                out: &mut out,
                notes: &mut notes,
                colours: false,
                person: Some(&mut person),
            };
            let mut output = Output::new(terminal, Format::Table);
            assert_eq!(output.confirmed("Sure?").unwrap(), Some(meant), "{said}");
            assert_eq!(notes, b"Sure? [y/N] ");
        }
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let terminal = Terminal {
            out: &mut out,
            notes: &mut notes,
            colours: false,
            person: None,
        };
        let asked = Output::new(terminal, Format::Table).confirmed("Sure?");
        assert_eq!(asked.unwrap(), None);
    }
}
