//! Backtests for people: figures side by side, a chart of the cost by band, and the events that change most.
//!
//! Always holds: no line of a chart is wider than it was told to be, but for labels and figures, which are never cut;
//! without a terminal a chart is plain ASCII.

use std::collections::BTreeMap;

use api::compensation::{
    BacktestComparison, BacktestCost, BacktestDifference, BacktestOutcome, BacktestReport, BacktestSide, RemedyLine,
    remedy_line,
};
use api::google::r#type::Money as WireMoney;
use unicode_width::UnicodeWidthStr as _;

use super::words::{date_time, money, word};
use super::{Page, Table};

/// How a chart is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Columns of a line.
    pub width: usize,
    /// Draws blocks; signs of ASCII otherwise.
    pub blocks: bool,
}

impl Chart {
    /// As wide as the terminal; plain and 80 columns wide where there is none.
    pub fn for_standard_output() -> Self {
        match console::Term::stdout().size_checked() {
            Some((_, columns)) => Self { width: usize::from(columns), blocks: true },
            None => Self { width: 80, blocks: false },
        }
    }

    /// A bar of at most `columns`: `part` of `whole`, at least a trace when there is any.
    fn bar(self, part: i128, whole: i128, columns: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        if part <= 0 || whole <= 0 {
            return String::new();
        }
        let steps = if self.blocks { 8 } else { 1 };
        let most = i128::try_from(columns).unwrap_or(0) * steps;
        // Scaled down first, so that sums of any size can be multiplied.
        let scale = (whole / 1_000_000_000).max(1);
        let filled = ((part / scale) * most / (whole / scale).max(1)).clamp(1, most.max(1));
        let filled = usize::try_from(filled).unwrap_or(0);
        if self.blocks { "█".repeat(filled / 8) + EIGHTHS[filled % 8] } else { "#".repeat(filled) }
    }
}

/// A number with a comma before each group of three digits.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount with its whole units grouped.
fn sum(amount: Option<&WireMoney>) -> String {
    let text = money(amount);
    let Some((code, number)) = text.split_once(' ') else { return text };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    match whole.parse() {
        Ok(whole) => format!("{code} {}{}{part}", grouped(whole), if part.is_empty() { "" } else { "." }),
        Err(_) => text,
    }
}

/// An amount as a number to compare bars by.
fn size(amount: Option<&WireMoney>) -> i128 {
    amount.map_or(0, |amount| i128::from(amount.units) * 1_000_000_000 + i128::from(amount.nanos))
}

/// A backtest.
pub fn backtest(page: &mut Page, chart: Chart, report: &BacktestReport, differences: &[BacktestDifference]) {
    let Some(candidate) = &report.candidate else { return };
    let baseline = report.baseline.as_ref();
    match baseline {
        Some(baseline) => page.line(&format!("{} against {}", candidate.pack, baseline.pack)),
        None => page.line(&candidate.pack),
    }
    page.line(&format!("{} events, {} customers", grouped(report.events), grouped(report.customers)));
    page.heading("What they would have given:");
    figures(page, candidate, baseline);
    page.heading("By line:");
    lines(page, candidate, baseline);
    page.heading("By rule:");
    rules(page, candidate);
    for cost in &candidate.costs {
        bands(page, chart, cost);
    }
    if let Some(comparison) = &report.comparison {
        compared(page, comparison, differences);
    }
}

fn figures(page: &mut Page, candidate: &BacktestSide, baseline: Option<&BacktestSide>) {
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut row = |label: &str, of: &dyn Fn(&BacktestSide) -> String| {
        rows.push([label.to_owned(), of(candidate), baseline.map(of).unwrap_or_default()]);
    };
    row("events judged", &|side| grouped(side.judged));
    row("events that give something", &|side| grouped(side.owed));
    row("customers who get something", &|side| grouped(side.customers_owed));
    row("events that lack a fact", &|side| grouped(side.undecided));
    let mut codes: Vec<&str> = Vec::new();
    for cost in candidate.costs.iter().chain(baseline.into_iter().flat_map(|side| &side.costs)) {
        let code = cost.high.as_ref().map_or("", |high| high.currency_code.as_str());
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for code in codes {
        let of = |side: &BacktestSide, pick: fn(&BacktestCost) -> Option<&WireMoney>| {
            let amounts = side.costs.iter().filter_map(pick);
            amounts.into_iter().find(|amount| amount.currency_code == code).map_or("-".to_owned(), |a| sum(Some(a)))
        };
        let same = |side: &BacktestSide| {
            side.costs
                .iter()
                .all(|cost| cost.low == cost.high || cost.high.as_ref().is_none_or(|h| h.currency_code != code))
        };
        if same(candidate) && baseline.is_none_or(same) {
            row("cost", &|side| of(side, |cost| cost.high.as_ref()));
        } else {
            row("cost, cheapest options", &|side| of(side, |cost| cost.low.as_ref()));
            row("cost, dearest options", &|side| of(side, |cost| cost.high.as_ref()));
        }
    }
    if baseline.is_some() {
        let mut table = Table::new(["", "THEN", "NOW"]);
        rows.into_iter().for_each(|[label, now, before]| table.row([label, before, now]));
        page.table(&table, "");
    } else {
        let mut table = Table::new(["", "FIGURE"]);
        rows.into_iter().for_each(|[label, now, _]| table.row([label, now]));
        page.table(&table, "");
    }
}

fn lines(page: &mut Page, candidate: &BacktestSide, baseline: Option<&BacktestSide>) {
    let before: BTreeMap<&str, i64> =
        baseline.iter().flat_map(|side| &side.lines).map(|line| (line.line.as_str(), line.customers)).collect();
    let mut table = Table::new(["LINE", "BASIS", "KIND", "CUSTOMERS", "BEFORE", "COST"]);
    for line in &candidate.lines {
        let costs: Vec<_> = line.costs.iter().map(|cost| sum(Some(cost))).collect();
        let note = if line.offered && !costs.is_empty() { " if all choose it" } else { "" };
        table.row([
            line.line.clone(),
            word(line.basis, remedy_line::Basis::as_str_name),
            word(line.kind, remedy_line::Kind::as_str_name),
            grouped(line.customers),
            baseline.map(|_| grouped(before.get(line.line.as_str()).copied().unwrap_or(0))).unwrap_or_default(),
            format!("{}{note}", costs.join(", ")),
        ]);
    }
    for line in baseline.iter().flat_map(|side| &side.lines) {
        if !candidate.lines.iter().any(|other| other.line == line.line) {
            let basis = word(line.basis, remedy_line::Basis::as_str_name);
            let kind = word(line.kind, remedy_line::Kind::as_str_name);
            table.row([line.line.clone(), basis, kind, "0".to_owned(), grouped(line.customers), String::new()]);
        }
    }
    page.table(&table, "nothing is given");
}

fn rules(page: &mut Page, side: &BacktestSide) {
    let mut table = Table::new(["RULE", "APPLIED", "CUSTOMERS", "LACKED A FACT"]);
    for rule in &side.rules {
        table.row([rule.rule.clone(), grouped(rule.applied), grouped(rule.customers), grouped(rule.missing)]);
    }
    page.table(&table, "no rules");
}

/// One bar for each band: what one customer gets, what all in the band cost, and how many they are.
fn bands(page: &mut Page, chart: Chart, cost: &BacktestCost) {
    let code = cost.high.as_ref().map_or("", |high| high.currency_code.as_str());
    page.heading(&format!("Cost in {code} by what one customer gets:"));
    let number =
        |amount: Option<&WireMoney>| sum(amount).split_once(' ').map(|(_, n)| n.to_owned()).unwrap_or_default();
    let is_fine = cost.bands.len() <= 12;
    let rows: Vec<[String; 3]> = cost
        .bands
        .iter()
        .map(|band| {
            let from = number(band.from.as_ref());
            let label = if is_fine { from } else { format!("{from} up") };
            [label, number(band.cost.as_ref()), grouped(band.customers)]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    // Two blanks at the margin, and before the bar and each figure, and the word after the last one.
    let taken = widths.iter().sum::<usize>() + 2 + 6 + " customers".len();
    let columns = chart.width.saturating_sub(taken).max(1);
    let most = cost.bands.iter().map(|band| size(band.cost.as_ref())).max().unwrap_or(0);
    for (band, [label, money, customers]) in cost.bands.iter().zip(&rows) {
        let bar = chart.bar(size(band.cost.as_ref()), most, columns);
        let blank = columns.saturating_sub(bar.width());
        let right = |text: &str, width: usize| format!("{}{text}", " ".repeat(width.saturating_sub(text.width())));
        page.line(&format!(
            "  {}  {bar}{}  {}  {} customers",
            right(label, widths[0]),
            " ".repeat(blank),
            right(money, widths[1]),
            right(customers, widths[2]),
        ));
    }
    let quantiles = cost.quantiles.iter().filter(|quantile| [50, 90, 99].contains(&quantile.percent));
    let quantiles: Vec<_> = quantiles
        .map(|quantile| format!("{} % at most {}", quantile.percent, number(quantile.amount.as_ref())))
        .collect();
    page.line(&format!("  Of those who get money: {}.", quantiles.join(", ")));
}

fn compared(page: &mut Page, comparison: &BacktestComparison, differences: &[BacktestDifference]) {
    page.heading("Where they differ:");
    let mut table = Table::new(["", "EVENTS", "CUSTOMERS"]);
    for (label, hit) in [("gain", comparison.gain), ("lose", comparison.lose), ("get something else", comparison.other)]
    {
        let hit = hit.unwrap_or_default();
        table.row([label.to_owned(), grouped(hit.events), grouped(hit.customers)]);
    }
    page.table(&table, "");
    for shift in &comparison.shifts {
        page.line(&format!("gained {}, lost {}", sum(shift.gained.as_ref()), sum(shift.lost.as_ref())));
    }
    if differences.is_empty() {
        return;
    }
    page.heading("Those that change most:");
    let mut table = Table::new(["TIME", "EVENT", "CUSTOMERS", "BEFORE", "NOW"]);
    for difference in differences {
        let historic = difference.event.clone().unwrap_or_default();
        let event = historic.event.unwrap_or_default();
        let what = if event.reference.is_empty() { event.kind.clone() } else { event.reference.clone() };
        table.row([
            date_time(event.occurred_at.as_ref()),
            what,
            grouped(historic.customers.into()),
            outcome(difference.baseline.as_ref()),
            outcome(difference.candidate.as_ref()),
        ]);
    }
    page.table(&table, "");
}

fn outcome(outcome: Option<&BacktestOutcome>) -> String {
    let Some(outcome) = outcome.filter(|outcome| outcome.in_force) else { return "not in force".to_owned() };
    let line = |line: &RemedyLine| match (line.percent, money(line.amount.as_ref())) {
        (0, amount) if amount.is_empty() => line.description.clone(),
        (0, amount) => amount,
        (percent, _) => format!("{percent} %"),
    };
    let all = |lines: &[RemedyLine]| lines.iter().map(line).collect::<Vec<_>>().join(" + ");
    let options: Vec<_> = outcome.choice_of.iter().map(|option| all(&option.lines)).collect();
    let mut parts = vec![all(&outcome.automatic), options.join(" or "), all(&outcome.plus)];
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

#[cfg(test)]
#[path = "backtest_tests.rs"]
mod tests;
