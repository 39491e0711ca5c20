//! Amounts of rules: from a fixed sum, a fact or a table, by shares and multiples, within bounds.
//!
//! What always holds: an amount is worked out in checked integers and rounded once, half up to the minor unit; a
//! reduction whose reason is not known is not made; and the arithmetic is told as it was done.

use std::fmt::Write as _;

use kernel::{Money, Timestamp};

use super::expression::{Expression, Scope, Stop};
use super::input::Value;

/// Hundredths of a percent in the whole.
pub const WHOLE: u32 = 10_000;

/// Where an amount comes from.
#[derive(Debug)]
pub struct AmountRule {
    /// What it starts from.
    pub base: Base,
    /// The row that applies gives the amount, or a share of the base.
    pub table: Option<Table>,
    /// Hundredths of a percent of it.
    pub share: u32,
    /// Divided by this.
    pub divide_by: u32,
    /// Multiplied by this.
    pub times: Times,
    /// The first that holds changes it.
    pub adjust: Vec<Adjustment>,
    /// Not less than this.
    pub min: Option<Money>,
    /// Not more than this.
    pub max: Option<Money>,
    /// Nothing at all below this.
    pub nothing_below: Option<Money>,
}

/// What an amount starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The rule names it.
    Fixed(Money),
    /// An input that is an amount.
    Input(usize),
    /// The row of the table names it.
    Table,
}

/// Rows, of which the first that fits applies.
#[derive(Debug)]
pub struct Table {
    /// The input that the bounds of the rows are compared with.
    pub by: Option<usize>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// Largest value that it is for.
    pub bound: Option<Bound>,
    /// First moment that it is for.
    pub since: Option<Timestamp>,
    /// First moment that it is not for any more.
    pub until: Option<Timestamp>,
    /// When it is for, besides.
    pub when: Option<Expression>,
    /// What it gives.
    pub gives: RowGives,
    /// How it is told, e.g. `up to 1500`.
    pub label: String,
    /// What the source does not say about the row and the pack assumes; empty when the source says it all.
    pub assumption: String,
}

/// Upper end of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The value itself belongs to the row.
    UpTo(Value<'static>),
    /// The value itself belongs to the next row.
    Below(Value<'static>),
}

/// What a row gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowGives {
    /// An amount.
    Amount(Money),
    /// A share of the base, in hundredths of a percent, divided by a number.
    Share(u32, u32),
}

/// How often an amount is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// As often as the rule says.
    Fixed(i64),
    /// As often as an input says.
    Input(usize),
}

/// A change of an amount on a condition.
#[derive(Debug)]
pub struct Adjustment {
    /// When it is made.
    pub when: Expression,
    /// Hundredths of a percent that remain.
    pub share: u32,
    /// Why, for people.
    pub because: String,
}

/// Why there is no amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAmount {
    /// An input stops it.
    Stop(Stop),
    /// For another reason, in words.
    Because(String),
}

impl From<Stop> for NoAmount {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// An amount with its arithmetic, and inputs that could have reduced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkedOut {
    /// The amount.
    pub amount: Money,
    /// How it came about.
    pub arithmetic: String,
    /// Inputs that an adjustment lacked.
    pub lacking: Vec<usize>,
}

impl AmountRule {
    /// The amount for an event.
    ///
    /// # Errors
    /// When an input is missing, no row fits, or it is not an amount that can be paid.
    pub fn work_out<'a>(&'a self, scope: &Scope<'a>) -> Result<WorkedOut, NoAmount> {
        let row = self.table.as_ref().map(|table| Ok::<_, NoAmount>((table, table.row(scope)?))).transpose()?;
        let (base, mut arithmetic) = self.base(scope, row)?;
        let mut sum = Sum { numerator: i128::from(base.minor), denominator: 1 };
        let mut is_plain = true;
        if let Some((table, row)) = row
            && let RowGives::Share(share, divide_by) = row.gives
        {
            sum.times(share.into(), WHOLE.into()).times(1, divide_by.into());
            told_share(&mut arithmetic, share, divide_by);
            table.tell(&mut arithmetic, row, scope);
            is_plain = false;
        }
        if self.share != WHOLE || self.divide_by != 1 || (matches!(self.base, Base::Input(_)) && row.is_none()) {
            sum.times(self.share.into(), WHOLE.into()).times(1, self.divide_by.into());
            told_share(&mut arithmetic, self.share, self.divide_by);
            is_plain = false;
        }
        let (times, name) = match self.times {
            Times::Fixed(times) => (times, None),
            Times::Input(index) => match scope.value(index)? {
                Value::Integer(times) => (times, scope.input(index)),
                other => return Err(Stop::WrongType(index, other.kind()).into()),
            },
        };
        if times != 1 || name.is_some() {
            sum.times(times.into(), 1);
            let name = name.map_or(String::new(), |input| format!(" ({})", input.name));
            let _ = write!(arithmetic, " x {times}{name}");
            is_plain = false;
        }
        let lacking = self.adjusted(scope, &mut sum, &mut arithmetic, &mut is_plain)?;
        let amount = sum.rounded(base).ok_or_else(|| NoAmount::Because(format!("{arithmetic} is out of range.")))?;
        let amount = self.bounded(amount, &mut arithmetic, &mut is_plain)?;
        if amount.minor <= 0 {
            return Err(NoAmount::Because(format!("{arithmetic} is not an amount that can be paid.")));
        }
        if !is_plain {
            let _ = write!(arithmetic, " = {amount}");
        }
        if let Some((_, row)) = row
            && !row.assumption.is_empty()
        {
            let _ = write!(arithmetic, "; {}", row.assumption);
        }
        Ok(WorkedOut { amount, arithmetic, lacking })
    }

    fn base(&self, scope: &Scope<'_>, row: Option<(&Table, &Row)>) -> Result<(Money, String), NoAmount> {
        match (self.base, row) {
            (Base::Fixed(amount), _) => Ok((amount, format!("fixed {amount}"))),
            (Base::Input(index), _) => match scope.value(index)? {
                Value::Money(amount) => {
                    let name = scope.input(index).map_or("", |input| input.name.as_str());
                    Ok((amount, format!("{name} {amount}")))
                }
                other => Err(Stop::WrongType(index, other.kind()).into()),
            },
            (Base::Table, Some((table, row))) => match row.gives {
                RowGives::Amount(amount) => {
                    let mut arithmetic = amount.to_string();
                    table.tell(&mut arithmetic, row, scope);
                    Ok((amount, arithmetic))
                }
                RowGives::Share(..) => Err(NoAmount::Because("The table's row has no amount.".to_owned())),
            },
            (Base::Table, None) => Err(NoAmount::Because("There is no table.".to_owned())),
        }
    }

    /// The first adjustment that holds. One that cannot be told is not made: a reduction needs its reason.
    fn adjusted<'a>(
        &'a self,
        scope: &Scope<'a>,
        sum: &mut Sum,
        arithmetic: &mut String,
        is_plain: &mut bool,
    ) -> Result<Vec<usize>, NoAmount> {
        let mut lacking = Vec::new();
        for adjustment in &self.adjust {
            match scope.holds(&adjustment.when) {
                Ok(true) => {
                    sum.times(adjustment.share.into(), WHOLE.into());
                    let _ = write!(arithmetic, " x {} ({})", percent(adjustment.share), adjustment.because);
                    *is_plain = false;
                    break;
                }
                Ok(false) => {}
                Err(Stop::Missing(index)) => lacking.push(index),
                Err(stop) => return Err(stop.into()),
            }
        }
        Ok(lacking)
    }

    fn bounded(&self, amount: Money, arithmetic: &mut String, is_plain: &mut bool) -> Result<Money, NoAmount> {
        for bound in [self.min, self.max, self.nothing_below].into_iter().flatten() {
            if bound.currency != amount.currency {
                let text = format!("{arithmetic} cannot be compared with {bound}: the currencies differ.");
                return Err(NoAmount::Because(text));
            }
        }
        if let Some(least) = self.nothing_below
            && amount.minor < least.minor
        {
            return Err(NoAmount::Because(format!("{arithmetic} = {amount}; nothing is given below {least}.")));
        }
        let mut amount = amount;
        if let Some(min) = self.min
            && amount.minor < min.minor
        {
            let _ = write!(arithmetic, " = {amount}, at least {min}");
            (amount, *is_plain) = (min, false);
        }
        if let Some(max) = self.max
            && amount.minor > max.minor
        {
            let _ = write!(arithmetic, " = {amount}, at most {max}");
            (amount, *is_plain) = (max, false);
        }
        Ok(amount)
    }
}

impl Table {
    fn row<'a>(&'a self, scope: &Scope<'a>) -> Result<&'a Row, NoAmount> {
        let value = self.by.map(|index| scope.value(index)).transpose()?;
        let at = scope.event().occurred_at;
        for row in &self.rows {
            let in_time = row.since.is_none_or(|since| since <= at) && row.until.is_none_or(|until| at < until);
            if !in_time {
                continue;
            }
            if let Some(bound) = &row.bound
                && !bound.takes(value.as_ref())?
            {
                continue;
            }
            match &row.when {
                Some(when) if !scope.holds(when)? => {}
                Some(_) | None => return Ok(row),
            }
        }
        let by = self.by.and_then(|index| scope.input(index)).map_or("the event", |input| input.name.as_str());
        let value = value.map_or(String::new(), |value| format!(" = {value}"));
        Err(NoAmount::Because(format!("No row of the table is for {by}{value}.")))
    }

    fn tell(&self, arithmetic: &mut String, row: &Row, scope: &Scope<'_>) {
        let by = self.by.and_then(|index| Some((scope.input(index)?, scope.value(index).ok()?)));
        let by = by.map_or(String::new(), |(input, value)| format!("{} {value}: ", input.name));
        if !(by.is_empty() && row.label.is_empty()) {
            let _ = write!(arithmetic, " ({by}{})", row.label);
        }
    }
}

impl Bound {
    /// Where it lies.
    pub const fn value(&self) -> &Value<'static> {
        match self {
            Self::UpTo(value) | Self::Below(value) => value,
        }
    }

    fn takes(&self, value: Option<&Value<'_>>) -> Result<bool, NoAmount> {
        let (value, bound) = match (value, self.value()) {
            (Some(Value::Integer(value)), Value::Integer(bound)) => (*value, *bound),
            (Some(Value::Money(value)), Value::Money(bound)) if value.currency == bound.currency => {
                (value.minor, bound.minor)
            }
            (Some(value), bound) => {
                return Err(NoAmount::Because(format!("{value} cannot be compared with {bound} of the table.")));
            }
            (None, _) => return Ok(false),
        };
        Ok(match self {
            Self::UpTo(_) => value <= bound,
            Self::Below(_) => value < bound,
        })
    }
}

impl Times {
    /// The input that it reads.
    pub const fn input(self) -> Option<usize> {
        match self {
            Self::Fixed(_) => None,
            Self::Input(index) => Some(index),
        }
    }
}

/// A fraction of minor units; `None` once it does not fit.
struct Sum {
    numerator: i128,
    denominator: i128,
}

impl Sum {
    fn times(&mut self, by: i128, over: i128) -> &mut Self {
        // At most 64 + 5 x 32 bits in all, so that a fact at the end of its range is the only way out of range.
        let product = self.numerator.checked_mul(by).zip(self.denominator.checked_mul(over));
        (self.numerator, self.denominator) = product.unwrap_or((i128::MAX, 1));
        self
    }

    /// Rounded half up to the minor unit.
    fn rounded(&self, base: Money) -> Option<Money> {
        let doubled = self.numerator.checked_mul(2)?.checked_add(self.denominator)?;
        let minor = doubled.div_euclid(self.denominator.checked_mul(2)?);
        i64::try_from(minor).ok().map(|minor| Money::new(base.currency, minor))
    }
}

fn told_share(arithmetic: &mut String, share: u32, divide_by: u32) {
    let _ = write!(arithmetic, " x {}", percent(share));
    if divide_by != 1 {
        let _ = write!(arithmetic, " / {divide_by}");
    }
}

/// Hundredths of a percent for people: `50 %`, `12.5 %`.
pub fn percent(share: u32) -> String {
    let (whole, part) = (share / 100, share % 100);
    match part {
        0 => format!("{whole} %"),
        part if part % 10 == 0 => format!("{whole}.{} %", part / 10),
        part => format!("{whole}.{part:02} %"),
    }
}

#[cfg(test)]
#[path = "amount_tests.rs"]
mod tests;
