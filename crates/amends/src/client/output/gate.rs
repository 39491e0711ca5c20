//! What the paradox gate decided, for people.

use api::compensation::{GateDecision, GateOutcome, gate_decision};

use super::words::{date_time, money, word};
use super::{Page, Render, Sheet, Table};

/// What holds, and what the gate said where a person decided otherwise.
pub fn in_words(decision: &GateDecision) -> String {
    let (outcome, decided) = (outcome(decision.outcome), outcome(decision.decided));
    if outcome == decided { outcome } else { format!("{outcome} by a person (the gate: {decided})") }
}

fn outcome(value: i32) -> String {
    // An enum of the package, not of a message: its values carry two words in front.
    word(value, GateOutcome::as_str_name).trim_start_matches("OUTCOME_").to_owned()
}

impl Render for GateDecision {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("remedy", &self.name)
            .add("gate", in_words(self))
            .add("senior owner", if self.senior_owner { "needed" } else { "" })
            .add("evidence", &self.evidence)
            .add("matching", &self.matching)
            .list("inputs", self.inputs.iter().map(|(key, value)| format!("{key}: {value}")))
            .list("held back", self.withheld.iter().cloned())
            .add("decided", date_time(self.decide_time.as_ref()));
        if let Some(apology) = &self.apology {
            sheet.add("apology", word(apology.kind, gate_decision::apology::Kind::as_str_name)).add("", &apology.text);
        }
        if let Some(guidance) = &self.guidance {
            sheet
                .add("suggested", money(guidance.suggested.as_ref()))
                .add("without a person", money(guidance.to.as_ref()))
                .add("never above", money(guidance.ceiling.as_ref()))
                .add("", &guidance.text);
        }
        page.sheet(&sheet);
        page.heading("Why:");
        let mut table = Table::new(["INPUT", "ALLOWS", "WHY", "SOURCE"]);
        for reason in &self.reasons {
            table.row([reason.condition.clone(), outcome(reason.allows), reason.text.clone(), reason.source.clone()]);
        }
        page.table(&table, "nothing was looked at");
        if !self.prior_failures.is_empty() {
            page.heading("Earlier failures, in thousandths of an equal one just now:");
            let mut table = Table::new(["REMEDY", "KIND", "HAPPENED", "WEIGHT"]);
            for prior in &self.prior_failures {
                table.row([
                    prior.remedy.clone(),
                    prior.kind.clone(),
                    date_time(prior.occurred_time.as_ref()),
                    prior.weight.to_string(),
                ]);
            }
            page.table(&table, "");
        }
        if !self.overrides.is_empty() {
            page.heading("Decided by people:");
            let mut table = Table::new(["TIME", "FROM", "TO", "BY", "WHY"]);
            for decided in &self.overrides {
                table.row([
                    date_time(decided.decide_time.as_ref()),
                    outcome(decided.from),
                    outcome(decided.to),
                    decided.decided_by.clone(),
                    decided.reason.clone(),
                ]);
            }
            page.table(&table, "");
        }
    }
}
