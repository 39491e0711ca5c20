//! BacktestPolicy: the request, and what came of it as the contract shows it.

use std::collections::BTreeMap;

use api::compensation as wire;
use api::google::r#type::Money as WireMoney;
use chassis::wire::{optional_timestamp, to_money, to_timestamp};
use kernel::{Currency, Money, ServiceError, Violations};

use super::backtest::max_differences;
use super::backtest_report::number;
use crate::app::{BacktestPolicy, PolicyBacktested};
use crate::domain::policy::trial::{Difference, Side, Tally};

/// What is asked for.
pub(super) fn query(request: &wire::BacktestPolicyRequest) -> Result<BacktestPolicy, ServiceError> {
    let mut violations = Violations::new();
    if request.document.trim().is_empty() {
        violations.add("document", "REQUIRED", "is required");
    }
    let start = optional_timestamp("start_time", request.start_time.as_ref(), &mut violations);
    let end = optional_timestamp("end_time", request.end_time.as_ref(), &mut violations);
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        violations.add("end_time", "TIMESTAMP_RANGE", "must be later than start_time");
    }
    let max_differences = max_differences(request.max_differences, &mut violations);
    violations.finish()?;
    Ok(BacktestPolicy { document: request.document.clone(), start, end, max_differences })
}

/// What came of it.
pub(super) fn response(backtested: PolicyBacktested) -> wire::BacktestPolicyResponse {
    let PolicyBacktested { versions, report, changes, start, end } = backtested;
    wire::BacktestPolicyResponse {
        offers: number(report.offers),
        baseline: Some(side(versions.0, &report.baseline)),
        candidate: Some(side(versions.1, &report.candidate)),
        more_alone: number(report.more_alone),
        more_to_approve: number(report.more_to_approve),
        differences: report.differences.into_iter().rev().map(difference).collect(),
        changes,
        start_time: Some(to_timestamp(start)),
        end_time: Some(to_timestamp(end)),
    }
}

fn side(version: String, side: &Side) -> wire::PolicyBacktestSide {
    let roles = side.roles.iter().map(|(role, of_role)| tally(role, of_role)).collect();
    wire::PolicyBacktestSide { version, total: Some(tally("", &side.total)), roles }
}

fn tally(role: &str, tally: &Tally) -> wire::PolicyBacktestTally {
    wire::PolicyBacktestTally {
        role: role.to_owned(),
        alone: number(tally.alone),
        to_approve: number(tally.to_approve),
        costs_alone: sums(&tally.costs_alone),
        costs_to_approve: sums(&tally.costs_to_approve),
    }
}

fn difference(difference: Difference) -> wire::PolicyBacktestDifference {
    let Difference { offer, costs, baseline, candidate } = difference;
    wire::PolicyBacktestDifference {
        offer: offer.id.to_string(),
        case: offer.case.to_string(),
        customer: offer.customer.to_string(),
        agent: offer.agent,
        role: offer.role,
        costs: costs.into_iter().map(to_money).collect(),
        baseline_reasons: baseline,
        candidate_reasons: candidate,
        create_time: Some(to_timestamp(offer.asked_at)),
    }
}

fn sums(sums: &BTreeMap<Currency, i64>) -> Vec<WireMoney> {
    sums.iter().map(|(currency, minor)| to_money(Money::new(*currency, *minor))).collect()
}
