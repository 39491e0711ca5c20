//! Tallies as the contract shows them.

use std::collections::BTreeMap;

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::google::r#type::Money as WireMoney;
use kernel::{Currency, ServiceError};

use crate::app::too_large;
use crate::domain::backtest::difference::{Difference, Differences, Hit};
use crate::domain::backtest::outcome::Outcome;
use crate::domain::backtest::tally::{CostCount, LineCount, Side, Tally};
use crate::domain::backtest::{HistoricEvent, Trial};
use crate::domain::line::Basis;
use crate::domain::pack::Pack;
use crate::wire as shown;

/// The parts of the customers that quantiles are told for.
const PERCENTS: [u32; 7] = [1, 10, 25, 50, 75, 90, 99];

/// How far a backtest is.
pub(super) fn progress(tally: &Tally) -> wire::BacktestProgress {
    wire::BacktestProgress { events: number(tally.events), owed: number(tally.candidate.owed) }
}

/// What came of all events.
pub(super) fn report(trial: &Trial, tally: &Tally) -> Result<wire::BacktestReport, ServiceError> {
    let baseline = trial.baseline().zip(tally.baseline.as_ref());
    Ok(wire::BacktestReport {
        events: number(tally.events),
        customers: number(tally.customers),
        candidate: Some(side(trial.candidate(), &tally.candidate)?),
        comparison: baseline.map(|_| comparison(&tally.differences)).transpose()?,
        baseline: baseline.map(|(pack, tally)| side(pack, tally)).transpose()?,
    })
}

fn side(pack: &Pack, side: &Side) -> Result<wire::BacktestSide, ServiceError> {
    let rules = side.rules.iter().map(|(rule, count)| wire::BacktestRule {
        rule: rule.clone(),
        applied: number(count.applied),
        customers: number(count.customers),
        missing: number(count.missing),
    });
    Ok(wire::BacktestSide {
        pack: format!("{}@{}", shown::pack_name(&pack.id), pack.version),
        judged: number(side.judged),
        owed: number(side.owed),
        customers_owed: number(side.customers_owed),
        undecided: number(side.undecided),
        costs: side.costs.iter().map(|(currency, count)| cost(*currency, count)).collect::<Result<_, _>>()?,
        rules: rules.collect(),
        lines: side.lines.iter().map(|(id, count)| line(id, count)).collect::<Result<_, _>>()?,
    })
}

fn cost(currency: Currency, count: &CostCount) -> Result<wire::BacktestCost, ServiceError> {
    let quantiles = PERCENTS.iter().filter_map(|percent| Some((*percent, count.spread.quantile(*percent)?)));
    let bands = count.spread.bands();
    let band = |band: &crate::domain::backtest::spread::Band| {
        Ok::<_, ServiceError>(wire::BacktestBand {
            from: Some(money(currency, band.from)?),
            below: Some(money(currency, band.below)?),
            customers: number(band.customers),
            cost: Some(money(currency, band.cost)?),
        })
    };
    let quantile = |(percent, amount)| {
        let percent = i32::try_from(percent).unwrap_or(i32::MAX);
        Ok::<_, ServiceError>(wire::BacktestQuantile { percent, amount: Some(money(currency, amount)?) })
    };
    Ok(wire::BacktestCost {
        events: number(count.events),
        customers: number(count.spread.customers()),
        low: Some(money(currency, count.low)?),
        high: Some(money(currency, count.high)?),
        quantiles: quantiles.map(quantile).collect::<Result<_, _>>()?,
        bands: bands.iter().map(band).collect::<Result<_, _>>()?,
    })
}

fn line(id: &str, count: &LineCount) -> Result<wire::BacktestLine, ServiceError> {
    Ok(wire::BacktestLine {
        line: id.to_owned(),
        basis: basis(count.basis).into(),
        kind: Kind::from_str_name(&format!("KIND_{}", count.kind)).unwrap_or_default().into(),
        description: count.description.clone(),
        offered: count.offered,
        events: number(count.events),
        customers: number(count.customers),
        costs: amounts(&count.cost)?,
    })
}

fn basis(basis: Basis) -> wire::remedy_line::Basis {
    match basis {
        Basis::Restitution => wire::remedy_line::Basis::Restitution,
        Basis::Time => wire::remedy_line::Basis::Time,
        Basis::Gesture => wire::remedy_line::Basis::Gesture,
        Basis::Statutory => wire::remedy_line::Basis::Statutory,
        Basis::NoFaultGoodwill => wire::remedy_line::Basis::NoFaultGoodwill,
    }
}

fn comparison(differences: &Differences) -> Result<wire::BacktestComparison, ServiceError> {
    let hit = |hit: Hit| Some(wire::BacktestHit { events: number(hit.events), customers: number(hit.customers) });
    let shift = |(currency, shift): (&Currency, &crate::domain::backtest::difference::Shift)| {
        let (gained, lost) = (money(*currency, shift.gained)?, money(*currency, shift.lost)?);
        Ok::<_, ServiceError>(wire::BacktestShift { gained: Some(gained), lost: Some(lost) })
    };
    Ok(wire::BacktestComparison {
        gain: hit(differences.gain),
        lose: hit(differences.lose),
        other: hit(differences.other),
        shifts: differences.money.iter().map(shift).collect::<Result<_, _>>()?,
    })
}

/// An event that the versions judge differently.
pub(super) fn difference(difference: &Difference) -> wire::BacktestDifference {
    wire::BacktestDifference {
        event: Some(historic(&difference.event)),
        baseline: Some(outcome(difference.baseline.as_ref())),
        candidate: Some(outcome(difference.candidate.as_ref())),
    }
}

fn historic(event: &HistoricEvent) -> wire::HistoricEvent {
    wire::HistoricEvent {
        event: Some(shown::event(&event.event)),
        severity: shown::severity(event.severity).into(),
        customers: i32::try_from(event.customers).unwrap_or(i32::MAX),
    }
}

fn outcome(outcome: Option<&Outcome>) -> wire::BacktestOutcome {
    let Some(outcome) = outcome else { return wire::BacktestOutcome::default() };
    wire::BacktestOutcome {
        in_force: true,
        automatic: outcome.automatic.iter().map(shown::line).collect(),
        choice_of: outcome.choice_of.iter().map(shown::option).collect(),
        plus: outcome.plus.iter().map(shown::line).collect(),
    }
}

fn amounts(costs: &BTreeMap<Currency, i128>) -> Result<Vec<WireMoney>, ServiceError> {
    costs.iter().map(|(currency, minor)| money(*currency, *minor)).collect()
}

/// A sum, which may be larger than one amount can be.
fn money(currency: Currency, minor: i128) -> Result<WireMoney, ServiceError> {
    let scale = 10_i128.pow(currency.exponent());
    let units = i64::try_from(minor / scale).map_err(|_| too_large())?;
    let nanos = i32::try_from(minor % scale * (1_000_000_000 / scale)).map_err(ServiceError::internal)?;
    Ok(WireMoney { currency_code: currency.code().to_owned(), units, nanos })
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_larger_than_an_amount_are_told_and_what_does_not_fit_is_refused() {
        let currency = Currency::parse("EUR").expect("known");
        let sum = money(currency, i128::from(i64::MAX) * 100 + 99).expect("its units fit");
        assert_eq!((sum.units, sum.nanos), (i64::MAX, 990_000_000));
        assert_eq!(money(currency, i128::MAX).map_err(|error| error.reason), Err("AMOUNTS_TOO_LARGE".to_owned()));
    }
}
