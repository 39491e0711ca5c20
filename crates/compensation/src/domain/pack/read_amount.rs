//! Reading amounts: one source of the sum, and what is done with it.

use kernel::Money;

use super::amount::{Adjustment, AmountRule, Base, Bound, Row, RowGives, Table, Times, WHOLE};
use super::document::{AmountDocument, BoundDocument, RowDocument, TableDocument, TimesDocument};
use super::expression::Reads;
use super::input::{Type, Value};
use super::read::Reader;
use crate::domain::money::parse_amount;

/// Most rows of a table, adjustments of an amount.
const MAX_ROWS: usize = 64;

impl Reader {
    pub(super) fn amount(&mut self, path: &str, document: AmountDocument) -> Option<AmountRule> {
        let path = format!("{path}.amount");
        let is_whole_table = document.fixed.is_none() && document.from_fact.is_none();
        let base = match (&document.fixed, &document.from_fact, &document.table) {
            (Some(text), None, _) => self.positive(&format!("{path}.fixed"), text).map(Base::Fixed),
            (None, Some(fact), _) => self.input(&format!("{path}.from_fact"), fact, &[Type::Money]).map(Base::Input),
            (None, None, Some(_)) => Some(Base::Table),
            (None, None, None) | (Some(_), Some(_), _) => {
                self.problem(&path, "give fixed, from_fact or table; a table of percents may stand beside one of them");
                None
            }
        };
        let table = document.table.map(|table| self.table(&format!("{path}.table"), table, is_whole_table));
        let share = document.percent.map_or(Some(WHOLE), |percent| self.share(&format!("{path}.percent"), percent));
        let divide_by = self.divisor(&format!("{path}.divide_by"), document.divide_by);
        let times = self.times(&format!("{path}.times"), document.times);
        if document.adjust.len() > MAX_ROWS {
            self.problem(&format!("{path}.adjust"), format!("has more than {MAX_ROWS} entries"));
        }
        let mut adjust = Vec::new();
        for (index, one) in document.adjust.into_iter().enumerate() {
            let path = format!("{path}.adjust[{index}]");
            self.text(&format!("{path}.because"), &one.because, 1, 120);
            let share = self.share(&format!("{path}.percent"), one.percent);
            let when = self.condition(&format!("{path}.when"), &one.when);
            adjust.extend(when.zip(share).map(|(when, share)| Adjustment { when, share, because: one.because }));
        }
        let mut bound =
            |name: &str, text: Option<String>| text.and_then(|text| self.positive(&format!("{path}.{name}"), &text));
        let (min, max) = (bound("min", document.min), bound("max", document.max));
        let nothing_below = bound("nothing_below", document.nothing_below);
        Some(AmountRule {
            base: base?,
            table: table.transpose_flat()?,
            share: share?,
            divide_by: divide_by?,
            times: times?,
            adjust,
            min,
            max,
            nothing_below,
        })
    }

    fn table(&mut self, path: &str, document: TableDocument, gives_amounts: bool) -> Option<Table> {
        let by = document.by.as_ref().map(|by| self.input(&format!("{path}.by"), by, &[Type::Integer, Type::Money]));
        let by_type = by.flatten().and_then(|index| self.inputs.get(index)).map(|input| input.kind);
        if !(1..=MAX_ROWS).contains(&document.rows.len()) {
            self.problem(&format!("{path}.rows"), format!("must have 1 to {MAX_ROWS} rows"));
        }
        let mut rows = Vec::new();
        for (index, row) in document.rows.into_iter().enumerate() {
            let path = format!("{path}.rows[{index}]");
            rows.extend(self.row(&path, row, by_type, gives_amounts));
        }
        match by {
            Some(None) => None,
            Some(Some(index)) => Some(Table { by: Some(index), rows }),
            None => Some(Table { by: None, rows }),
        }
    }

    fn row(&mut self, path: &str, row: RowDocument, by: Option<Type>, gives_amounts: bool) -> Option<Row> {
        let mut labels = Vec::new();
        let bound = match (row.up_to, row.below) {
            (None, None) => Some(None),
            (Some(bound), None) => self.bound(&format!("{path}.up_to"), bound, by).map(|bound| {
                labels.push(format!("up to {bound}"));
                Some(Bound::UpTo(bound))
            }),
            (None, Some(bound)) => self.bound(&format!("{path}.below"), bound, by).map(|bound| {
                labels.push(format!("below {bound}"));
                Some(Bound::Below(bound))
            }),
            (Some(_), Some(_)) => {
                self.problem(path, "has up_to (the value itself included) and below (excluded); give one");
                None
            }
        };
        let mut day = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| {
                labels.push(format!("{name} {text}"));
                self.day(&format!("{path}.{name}"), text)
            })
        };
        let (since, until) = (day("since", &row.since), day("until", &row.until));
        let when = row.when.map(|source| {
            let when = self.condition(&format!("{path}.when"), &source);
            labels.push(format!("where {}", source.split_whitespace().collect::<Vec<_>>().join(" ")));
            when
        });
        let gives = match (row.amount, row.percent, row.divide_by, gives_amounts) {
            (Some(text), None, None, true) => self.positive(&format!("{path}.amount"), &text).map(RowGives::Amount),
            (None, percent, divide_by, false) if percent.is_some() || divide_by.is_some() => {
                let share = percent.map_or(Some(WHOLE), |percent| self.share(&format!("{path}.percent"), percent));
                let divide_by = self.divisor(&format!("{path}.divide_by"), divide_by);
                share.zip(divide_by).map(|(share, divide_by)| RowGives::Share(share, divide_by))
            }
            (_, _, _, true) => {
                self.problem(path, "needs an amount, and neither percent nor divide_by: the table gives the amount");
                None
            }
            (_, _, _, false) => {
                self.problem(path, "needs percent or divide_by, and no amount: the table gives a share");
                None
            }
        };
        if labels.is_empty() {
            labels.push("otherwise".to_owned());
        }
        Some(Row {
            bound: bound?,
            since: since.transpose_flat()?,
            until: until.transpose_flat()?,
            when: when.transpose_flat()?,
            gives: gives?,
            label: labels.join(", "),
            assumption: row.assumption,
        })
    }

    fn bound(&mut self, path: &str, document: BoundDocument, by: Option<Type>) -> Option<Value<'static>> {
        let value = match document {
            BoundDocument::Integer(value) => Some(Value::Integer(value)),
            BoundDocument::Text(text) => parse_amount(&text).map(Value::Money),
        };
        match (value, by) {
            (Some(value), Some(by)) if value.kind() == by => Some(value),
            (_, Some(by)) => {
                self.problem(path, format!("must be {by}, as the input that the table goes by"));
                None
            }
            (_, None) => {
                self.problem(path, "needs `by` in the table: the input that it bounds");
                None
            }
        }
    }

    fn times(&mut self, path: &str, document: Option<TimesDocument>) -> Option<Times> {
        match document {
            None => Some(Times::Fixed(1)),
            Some(TimesDocument::Integer(times @ 1..=1_000)) => Some(Times::Fixed(times)),
            Some(TimesDocument::Integer(_)) => {
                self.problem(path, "must be 1 to 1000, or an input");
                None
            }
            Some(TimesDocument::Input(name)) => self.input(path, &name, &[Type::Integer]).map(Times::Input),
        }
    }

    fn positive(&mut self, path: &str, text: &str) -> Option<Money> {
        let amount = parse_amount(text).filter(|amount| amount.minor > 0);
        if amount.is_none() {
            self.problem(path, format!("`{text}` is not a positive amount such as USD 15.00"));
        }
        amount
    }

    /// Hundredths of a percent.
    fn share(&mut self, path: &str, percent: f64) -> Option<u32> {
        let hundredths = percent * 100.0;
        let rounded = hundredths.round();
        if !(1.0..=100_000.0).contains(&rounded) || (hundredths - rounded).abs() > 1e-6 {
            self.problem(path, "must be 0.01 to 1000, with at most two decimal places");
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 1 to 100,000 and whole")]
        let share = rounded as u32;
        Some(share)
    }

    fn divisor(&mut self, path: &str, divide_by: Option<u32>) -> Option<u32> {
        match divide_by {
            None => Some(1),
            Some(divide_by @ 1..=10_000) => Some(divide_by),
            Some(_) => {
                self.problem(path, "must be 1 to 10000");
                None
            }
        }
    }
}

/// What an amount reads.
pub(super) fn reads(amount: &AmountRule) -> Reads {
    let mut reads = Reads::default();
    if let Base::Input(index) = amount.base {
        reads.inputs.insert(index);
    }
    reads.inputs.extend(amount.times.input());
    for adjustment in &amount.adjust {
        reads.add(adjustment.when.reads());
    }
    if let Some(table) = &amount.table {
        reads.inputs.extend(table.by);
        table.rows.iter().filter_map(|row| row.when.as_ref()).for_each(|when| reads.add(when.reads()));
    }
    reads
}

/// For what is optional and was given: absent is fine, given and wrong is not.
trait TransposeFlat<T> {
    fn transpose_flat(self) -> Option<Option<T>>;
}

impl<T> TransposeFlat<T> for Option<Option<T>> {
    fn transpose_flat(self) -> Option<Option<T>> {
        match self {
            None => Some(None),
            Some(Some(value)) => Some(Some(value)),
            Some(None) => None,
        }
    }
}
