//! Aligned text: tables and sheets of labelled values.
//!
//! Always holds: what others wrote cannot steer the terminal, and no line ends in blanks.

use unicode_width::UnicodeWidthStr as _;

/// Space between two columns.
const GAP: usize = 2;

/// Text without characters that steer a terminal or reverse what is read.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is going to be printed.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// What was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One line.
    pub fn line(&mut self, text: &str) {
        self.0.push_str(clean(text).trim_end());
        self.0.push('\n');
    }

    /// A heading with an empty line before it, unless it is the first.
    pub fn heading(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(text);
    }

    /// Text that may have lines of its own, indented.
    pub fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("  {line}"));
        }
    }

    /// A table; `nothing` when it has no rows.
    pub fn table(&mut self, table: &Table, nothing: &str) {
        if table.rows.is_empty() {
            self.line(nothing);
            return;
        }
        let head: Vec<String> = table.head.iter().map(|cell| (*cell).to_owned()).collect();
        self.rows(std::iter::once(&head).chain(&table.rows));
    }

    /// A sheet.
    pub fn sheet(&mut self, sheet: &Sheet) {
        self.rows(&sheet.0);
    }

    fn rows<'a>(&mut self, rows: impl IntoIterator<Item = &'a Vec<String>> + Clone) {
        let mut widths = Vec::new();
        for row in rows.clone() {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + GAP));
            }
            self.0.push_str(line.trim_end());
            self.0.push('\n');
        }
    }
}

/// Rows under a head.
#[derive(Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<const N: usize>(head: [&'static str; N]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; an empty cell shows as `-`.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        let cells = cells.into_iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { clean(&cell) });
        self.rows.push(cells.collect());
    }
}

/// Labelled values, one a line.
#[derive(Debug, Default)]
pub struct Sheet(Vec<Vec<String>>);

impl Sheet {
    /// Adds a value; a missing one is left out, the lines of a long one go below each other.
    pub fn add(&mut self, label: &str, value: impl AsRef<str>) -> &mut Self {
        for (i, line) in value.as_ref().lines().enumerate() {
            self.0.push(vec![if i == 0 { label.to_owned() } else { String::new() }, clean(line)]);
        }
        self
    }

    /// Adds values below each other under one label.
    pub fn list(&mut self, label: &str, values: impl IntoIterator<Item = String>) -> &mut Self {
        let values: Vec<String> = values.into_iter().map(|value| clean(&value)).collect();
        self.add(label, values.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_the_terminal_shows() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["日本".to_owned(), "A".to_owned()]);
        table.row(["José".to_owned(), String::new()]);
        let mut page = Page::default();
        page.table(&table, "nothing");
        assert_eq!(page.as_str(), "NAME  STATE\n日本  A\nJosé  -\n");
    }

    #[test]
    fn a_sheet_leaves_out_what_is_missing_and_keeps_lines() {
        let mut sheet = Sheet::default();
        sheet.add("case", "cases/1").add("finding", "").add("text", "one\ntwo");
        let mut page = Page::default();
        page.sheet(&sheet);
        assert_eq!(page.as_str(), "case  cases/1\ntext  one\n      two\n");
    }

    #[test]
    fn nothing_that_others_wrote_steers_the_terminal() {
        let mut table = Table::new(["TEXT"]);
        table.row(["a\u{1b}[31m\r\nb\u{202e}c".to_owned()]);
        let mut page = Page::default();
        page.table(&table, "nothing");
        page.block("x\u{7}\ny");
        assert_eq!(page.as_str(), "TEXT\na\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}c\n  x\u{fffd}\n  y\n");
    }
}
