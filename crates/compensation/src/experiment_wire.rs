//! Experiments, their reports, and what they do with a remedy, as the contract shows them.

use std::collections::BTreeMap;

use api::compensation as wire;
use chassis::wire::{to_money, to_timestamp};
use kernel::{Currency, Money, Timestamp};

use crate::domain::experiment::figures::Counts;
use crate::domain::experiment::look::Look;
use crate::domain::experiment::state::{ExperimentState, StopReason};
use crate::domain::experiment::strata::{Given, Stratum, Treated};
use crate::domain::experiment::{Arm, Experiment};
use crate::domain::gate::ApologyKind;
use crate::domain::records::Remedy;
use crate::domain::remedy::RemedyState;
use crate::store::experiments::StoredExperiment;
use crate::wire::{severity, small};

/// An experiment; one that is not stored would run.
pub(crate) fn experiment(read: &Experiment, stored: Option<&StoredExperiment>) -> wire::Experiment {
    use wire::experiment::State;
    let state = stored.map_or(ExperimentState::Running, |stored| stored.state);
    let (state, reason) = match state {
        ExperimentState::Running => (State::Running, wire::experiment::StopReason::Unspecified),
        ExperimentState::Stopped(reason) => (State::Stopped, stop_reason(reason)),
    };
    let text = |of: fn(&StoredExperiment) -> &String| stored.map(of).cloned().unwrap_or_default();
    wire::Experiment {
        name: name(&read.id),
        state: state.into(),
        stop_reason: reason.into(),
        stop_text: text(|stored| &stored.stop_reason),
        stopped_by: text(|stored| &stored.stopped_by),
        hypothesis: read.hypothesis.clone(),
        start_time: Some(to_timestamp(read.starts_at)),
        end_time: Some(to_timestamp(read.ends_at)),
        arms: read.arms.iter().map(arm).collect(),
        metric: read.metric.as_str().to_owned(),
        sample_per_arm: small(read.sample_per_arm),
        document: read.document.clone(),
        applied_by: text(|stored| &stored.applied_by),
        create_time: stored.map(|stored| to_timestamp(stored.created_at)),
        stop_time: stored.and_then(|stored| stored.stopped_at).map(to_timestamp),
    }
}

fn name(id: &str) -> String {
    format!("experiments/{id}")
}

const fn stop_reason(reason: StopReason) -> wire::experiment::StopReason {
    match reason {
        StopReason::SampleReached => wire::experiment::StopReason::SampleReached,
        StopReason::Benefit => wire::experiment::StopReason::Benefit,
        StopReason::Harm => wire::experiment::StopReason::Harm,
        StopReason::ByPerson => wire::experiment::StopReason::ByPerson,
        StopReason::Expired => wire::experiment::StopReason::Expired,
    }
}

fn arm(arm: &Arm) -> wire::experiment::Arm {
    wire::experiment::Arm {
        arm: arm.id.clone(),
        description: arm.description.clone(),
        weight: small(arm.weight),
        control: arm.control,
    }
}

/// What an experiment does with a remedy.
pub(crate) fn treatment(remedy: &Remedy) -> Option<wire::ExperimentTreatment> {
    use wire::experiment_treatment::Apology;
    let treatment = remedy.experiment.as_ref()?;
    let apology = match treatment.apology {
        ApologyKind::Usual => Apology::Usual,
        ApologyKind::AnotherKind => Apology::AnotherKind,
        ApologyKind::Explanation => Apology::Explanation,
    };
    let waits_for_apology = remedy.state == RemedyState::AwaitingApology;
    Some(wire::ExperimentTreatment {
        experiment: name(&treatment.experiment),
        arm: treatment.arm.clone(),
        apology: apology.into(),
        withheld: treatment.withheld.clone(),
        offer_time: remedy.offer_at().filter(|_| !waits_for_apology).map(to_timestamp),
    })
}

/// What an experiment has shown so far.
pub(crate) fn report(
    experiment: &Experiment,
    stored: &StoredExperiment,
    counts: &BTreeMap<String, Counts>,
    strata: &BTreeMap<(Stratum, String), Given>,
) -> wire::ExperimentReport {
    let of = |arm: &Arm| counts.get(&arm.id).copied().unwrap_or_default();
    let control = experiment.arms.iter().find(|arm| arm.control).map(of).unwrap_or_default();
    let treated = experiment.treated(strata);
    wire::ExperimentReport {
        name: name(&experiment.id),
        metric: experiment.metric.as_str().to_owned(),
        arms: experiment.arms.iter().map(|arm| figures(experiment, arm, &of(arm), &control)).collect(),
        looks: stored.looks.iter().map(look).collect(),
        next_look_sample: match stored.state {
            ExperimentState::Running => experiment.needed_at(stored.looks.len()).unwrap_or_default(),
            ExperimentState::Stopped(_) => 0,
        },
        decision: decision(stored),
        equal_treatment: treated.iter().all(|treated| treated.flag.is_empty()),
        strata: treated.iter().map(|treated| stratum(experiment, treated)).collect(),
    }
}

fn decision(stored: &StoredExperiment) -> String {
    match (stored.state, stored.looks.last()) {
        (ExperimentState::Stopped(reason), _) => format!("Stopped, {}: {}.", reason.as_str(), stored.stop_reason),
        (ExperimentState::Running, Some(look)) => format!("Look {}: {}.", look.number, look.decision),
        (ExperimentState::Running, None) => "Runs; no look was due yet.".to_owned(),
    }
}

fn figures(
    experiment: &Experiment,
    arm: &Arm,
    counts: &Counts,
    control: &Counts,
) -> wire::experiment_report::ArmFigures {
    let estimate = counts.estimate(experiment.metric);
    let millionths = |of: f64| (of * 1_000_000.0).round() as i64;
    let better = if arm.control { 0.0 } else { counts.better_than(control, experiment.metric) };
    wire::experiment_report::ArmFigures {
        arm: arm.id.clone(),
        control: arm.control,
        assigned: counts.assigned,
        answered: counts.answered(),
        lapsed: counts.lapsed,
        sample: counts.sample(experiment.metric),
        value_millionths: estimate.map(|estimate| millionths(estimate.value)).unwrap_or_default(),
        low_millionths: estimate.map(|estimate| millionths(estimate.low)).unwrap_or_default(),
        high_millionths: estimate.map(|estimate| millionths(estimate.high)).unwrap_or_default(),
        better_thousandths: thousandths(better),
    }
}

fn thousandths(of: f64) -> i64 {
    (of * 1_000.0).round() as i64
}

fn look(look: &Look) -> wire::experiment_report::Look {
    wire::experiment_report::Look {
        number: small(look.number),
        benefit_thousandths: thousandths(look.benefit),
        harm_thousandths: thousandths(look.harm),
        better_thousandths: look.better.iter().copied().map(thousandths).collect(),
        decision: look.decision.clone(),
        take_time: Some(to_timestamp(Timestamp::from_micros(look.taken_at))),
    }
}

fn stratum(experiment: &Experiment, treated: &Treated) -> wire::experiment_report::Stratum {
    let currency = Currency::parse(&treated.stratum.currency);
    let given = experiment.arms.iter().zip(&treated.arms).map(|(arm, given)| wire::experiment_report::stratum::Given {
        arm: arm.id.clone(),
        cases: given.cases,
        per_case: currency.map(|currency| to_money(Money::new(currency, given.minor / given.cases.max(1)))),
    });
    wire::experiment_report::Stratum {
        severity: severity(treated.stratum.severity).into(),
        kind: treated.stratum.kind.clone(),
        given: given.collect(),
        flag: treated.flag.clone(),
    }
}
