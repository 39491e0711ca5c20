//! Where answers go: the answer itself to one stream, remarks about it to the other.

use std::fmt;
use std::io::Write;

use prost::Message;

use super::super::connection::Format;
use super::{Page, Render, clean, to_json};

/// Prints in one format.
pub struct Screen {
    format: Format,
    answers: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
}

impl Screen {
    /// Prints answers and notes to these.
    pub fn new(format: Format, answers: Box<dyn Write + Send>, notes: Box<dyn Write + Send>) -> Self {
        Self { format, answers, notes }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints a response of `method`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print<M: Message + Render>(&mut self, method: &str, message: &M) -> anyhow::Result<()> {
        match self.format {
            Format::Text => self.text(|page| message.render(page)),
            Format::Json => {
                let json = to_json(method, message)?;
                self.answer(&format!("{}\n", serde_json::to_string_pretty(&json)?))
            }
        }
    }

    /// Prints one response of a stream of `method`, on one line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn json_line<M: Message>(&mut self, method: &str, message: &M) -> anyhow::Result<()> {
        let json = to_json(method, message)?;
        self.answer(&format!("{json}\n"))
    }

    /// Prints a value of this client's own as JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn json(&mut self, value: &serde_json::Value) -> anyhow::Result<()> {
        self.answer(&format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// Prints text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(&mut self, write: impl FnOnce(&mut Page)) -> anyhow::Result<()> {
        let mut page = Page::default();
        write(&mut page);
        self.answer(page.as_str())
    }

    /// Where answers go, for one that is a file of its own.
    pub fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.answers
    }

    /// Tells something that is not part of the answer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.notes, "{}", clean(text))?;
        Ok(())
    }

    fn answer(&mut self, text: &str) -> anyhow::Result<()> {
        self.answers.write_all(text.as_bytes())?;
        // A watched case shows each change when it comes.
        self.answers.flush()?;
        Ok(())
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("format", &self.format).finish_non_exhaustive()
    }
}
