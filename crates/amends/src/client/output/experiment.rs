//! Experiments and what they have shown, for people.

use api::compensation::{
    ApplyExperimentResponse, Experiment, ExperimentReport, ListExperimentsResponse, experiment, experiment_report,
};

use super::words::{date_time, money, severity, word};
use super::{Page, Render, Sheet, Table};

fn state(experiment: &Experiment) -> String {
    let state = word(experiment.state, experiment::State::as_str_name);
    match experiment.stop_reason() {
        experiment::StopReason::Unspecified => state,
        reason => format!("{state}, {}", reason.as_str_name().trim_start_matches("STOP_REASON_")),
    }
}

impl Render for Experiment {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("experiment", &self.name)
            .add("state", state(self))
            .add("because", &self.stop_text)
            .add("stopped by", &self.stopped_by)
            .add("hypothesis", &self.hypothesis)
            .add("from", date_time(self.start_time.as_ref()))
            .add("until", date_time(self.end_time.as_ref()))
            .add("metric", &self.metric)
            .add("sample per arm", self.sample_per_arm.to_string())
            .add("applied by", &self.applied_by)
            .add("applied", date_time(self.create_time.as_ref()))
            .add("stopped", date_time(self.stop_time.as_ref()));
        page.sheet(&sheet);
        page.heading("Document:");
        page.block(&self.document);
    }
}

impl Render for ApplyExperimentResponse {
    fn render(&self, page: &mut Page) {
        let name = self.experiment.as_ref().map(|experiment| experiment.name.as_str()).unwrap_or_default();
        let done = if self.applied { "was started" } else { "was not started: a dry run, or it was started before" };
        page.line(&format!("{name} {done}"));
    }
}

impl Render for ListExperimentsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["EXPERIMENT", "STATE", "METRIC", "FROM", "UNTIL", "HYPOTHESIS"]);
        for experiment in &self.experiments {
            table.row([
                experiment.name.clone(),
                state(experiment),
                experiment.metric.clone(),
                date_time(experiment.start_time.as_ref()),
                date_time(experiment.end_time.as_ref()),
                experiment.hypothesis.clone(),
            ]);
        }
        page.table(&table, "no experiments");
    }
}

/// Thousandths or millionths as a number with three places.
fn places(value: i64, parts: i64) -> String {
    let thousandths = value / (parts / 1_000);
    let sign = if thousandths < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", thousandths.abs() / 1_000, thousandths.abs() % 1_000)
}

impl Render for ExperimentReport {
    fn render(&self, page: &mut Page) {
        page.line(&format!("{}, {}: {}", self.name, self.metric, self.decision));
        let mut arms = Table::new(["ARM", "ASSIGNED", "ANSWERED", "LAPSED", "SAMPLE", "VALUE", "95 %", "BETTER BY"]);
        for arm in &self.arms {
            arms.row(arm_row(arm));
        }
        page.table(&arms, "no arms");
        if self.next_look_sample > 0 {
            page.line(&format!("The next look is due at {} outcomes in every arm.", self.next_look_sample));
        }
        if !self.looks.is_empty() {
            page.heading("Looks (in standard errors):");
            self.looks.iter().for_each(|look| page.block(&look_line(look)));
        }
        page.heading(if self.equal_treatment { "Equal treatment:" } else { "Equal treatment, LOOK AT THIS:" });
        let mut strata = Table::new(["SEVERITY", "KIND", "MONEY PER CASE", "FLAG"]);
        for stratum in &self.strata {
            let given = stratum
                .given
                .iter()
                .map(|given| format!("{} {} ({} cases)", given.arm, money(given.per_case.as_ref()), given.cases));
            let given = given.collect::<Vec<_>>().join(", ");
            strata.row([severity(stratum.severity), stratum.kind.clone(), given, stratum.flag.clone()]);
        }
        page.table(&strata, "no money");
    }
}

fn arm_row(arm: &experiment_report::ArmFigures) -> [String; 8] {
    let millionths = |value| places(value, 1_000_000);
    [
        if arm.control { format!("{} (control)", arm.arm) } else { arm.arm.clone() },
        arm.assigned.to_string(),
        arm.answered.to_string(),
        arm.lapsed.to_string(),
        arm.sample.to_string(),
        millionths(arm.value_millionths),
        format!("{} to {}", millionths(arm.low_millionths), millionths(arm.high_millionths)),
        if arm.control { String::new() } else { places(arm.better_thousandths, 1_000) },
    ]
}

fn look_line(look: &experiment_report::Look) -> String {
    let better: Vec<String> = look.better_thousandths.iter().map(|better| places(*better, 1_000)).collect();
    format!(
        "{} at {}: {}; boundaries {} and -{}; {}",
        look.number,
        date_time(look.take_time.as_ref()),
        better.join(", "),
        places(look.benefit_thousandths, 1_000),
        places(look.harm_thousandths, 1_000),
        look.decision
    )
}
