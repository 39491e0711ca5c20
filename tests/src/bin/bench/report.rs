//! What is printed: Markdown on standard output as it comes, so that it can be pasted; progress on standard error.

use crate::load::Outcome;

/// A heading of a section.
pub fn section(title: &str) {
    println!("\n### {title}\n");
}

/// A sentence or two.
pub fn note(text: &str) {
    println!("{text}\n");
}

/// A line for whoever waits.
pub fn progress(text: &str) {
    eprintln!("· {text}");
}

/// A table under construction; its cells are text, all but the first column to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len(), "a row has a cell for each heading");
        self.rows.push(cells);
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("{}", self.markdown());
    }

    fn markdown(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if column == 0 { format!("| {cell:<width$} |") } else { format!(" {cell:>width$} |") };
                text.push_str(&cell);
            }
            text.push('\n');
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let rule = if column == 0 {
                        format!("|{}|", "-".repeat(width + 2))
                    } else {
                        format!("{}:|", "-".repeat(width + 1))
                    };
                    text.push_str(&rule);
                }
                text.push('\n');
            }
        }
        text
    }
}

/// Headings of [`latency_cells`].
pub const LATENCY_HEADINGS: [&str; 4] = ["p50 ms", "p90 ms", "p99 ms", "p99.9 ms"];

/// Percentiles of rounds, each the median over the rounds.
pub fn latency_cells(outcomes: &[Outcome]) -> Vec<String> {
    let percentiles: [fn(&Outcome) -> u64; 4] = [|o| o.p50_us, |o| o.p90_us, |o| o.p99_us, |o| o.p999_us];
    percentiles.map(|of| milliseconds(median(outcomes.iter().map(|outcome| of(outcome) as f64)))).to_vec()
}

/// Microseconds as milliseconds, three digits that matter.
pub fn milliseconds(us: f64) -> String {
    let ms = us / 1_000.0;
    let digits = if ms < 10.0 { 2 } else { usize::from(ms < 100.0) };
    format!("{ms:.digits$}")
}

/// A count, with a comma before each group of three digits.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio.
pub fn ratio(value: f64) -> String {
    format!("{value:.2}×")
}

/// The middle value; the mean of the two middle ones when their number is even; NaN of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

/// Counts the failed calls of `outcomes` and says so; an error when no call succeeded.
pub fn failures(what: &str, outcomes: &[Outcome]) -> anyhow::Result<()> {
    for outcome in outcomes {
        for (error, count) in &outcome.errors {
            note(&format!("**{what}: {count} calls failed: {error}**"));
        }
        anyhow::ensure!(outcome.calls > 0, "{what}: no call succeeded within the window");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([count(7.4), count(999.6), count(1234567.0)], ["7", "1,000", "1,234,567"]);
        assert_eq!([milliseconds(123.0), milliseconds(12_340.0), milliseconds(1_234_000.0)], ["0.12", "12.3", "1234"]);
        assert_eq!(ratio(1.499), "1.50×");
        assert_eq!([median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])], [2.0, 2.5]);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_table_is_markdown_with_its_figures_to_the_right() {
        let mut table = Table::new(&["callers", "p50"]);
        table.row(vec!["1".to_owned(), "1,234×".to_owned()]);
        assert_eq!(table.markdown(), "| callers |    p50 |\n|---------|-------:|\n| 1       | 1,234× |\n");
    }
}
