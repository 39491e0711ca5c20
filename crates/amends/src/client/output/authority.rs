//! Who may decide what, what waits, what was decided alone and what repeats, for people.

use api::compensation::{
    AbuseSignal, ApplyPolicyResponse, Approval, ListAbuseSignalsResponse, ListApprovalsResponse,
    ListAutonomousDecisionsResponse, ListCatalogueItemsResponse, Policy, abuse_signal, approval,
};

use super::assessment::{choices, line_words, lines};
use super::words::{amounts, date_time, money, word};
use super::{Page, Render, Sheet, Table};

impl Render for Policy {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        let applied_by = if self.create_time.is_some() { &self.applied_by } else { "nobody: it is the shipped one" };
        sheet
            .add("policy", &self.name)
            .add("version", &self.version)
            .add("from", &self.effective_from)
            .add("in force", date_time(self.in_force_time.as_ref()))
            .add("applied by", applied_by)
            .add("applied", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
        page.heading("Document:");
        page.block(&self.document);
    }
}

impl Render for ApplyPolicyResponse {
    fn render(&self, page: &mut Page) {
        let (name, version) =
            self.policy.as_ref().map(|policy| (policy.name.as_str(), policy.version.as_str())).unwrap_or_default();
        let done = if self.applied { "was applied" } else { "was not applied: a dry run, or it was applied before" };
        page.line(&format!("{name} version {version} {done}"));
        page.heading("What it changes of the version in force:");
        if self.changes.is_empty() {
            page.block("nothing");
        }
        self.changes.iter().for_each(|change| page.block(change));
    }
}

impl Render for Approval {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("approval", &self.name)
            .add("state", word(self.state, approval::State::as_str_name))
            .add("case", &self.case)
            .add("remedy", &self.remedy)
            .add("customer", &self.customer)
            .add("asked by", &self.requested_by)
            .add("role", &self.role)
            .list("because", self.reasons.iter().cloned())
            .list("policies", self.policies.iter().map(|(kind, version)| format!("{kind} {version}")))
            .add("decided by", &self.decided_by)
            .add("rejected for", &self.rejection_reason)
            .add("instead", &self.alternative)
            .add("offer", &self.offer)
            .add("given by", &self.granted_remedy)
            .add("asked", date_time(self.create_time.as_ref()))
            .add("expires", date_time(self.expire_time.as_ref()));
        page.sheet(&sheet);
        for (heading, given) in [("Would be given:", &self.lines), ("Together with the choice:", &self.plus)] {
            if !given.is_empty() {
                page.heading(heading);
                lines(page, given);
            }
        }
        if !self.options.is_empty() {
            page.heading("The customer would choose one of:");
            choices(page, &self.options);
        }
    }
}

impl Render for ListApprovalsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["APPROVAL", "STATE", "ASKED BY", "WHAT", "BECAUSE", "EXPIRES"]);
        for approval in &self.approvals {
            let options = approval.options.iter().map(|option| option.description.clone());
            let what: Vec<String> = options.chain(approval.lines.iter().map(line_words)).collect();
            table.row([
                approval.name.clone(),
                word(approval.state, approval::State::as_str_name),
                approval.requested_by.clone(),
                what.join(" or "),
                approval.reasons.join("; "),
                date_time(approval.expire_time.as_ref()),
            ]);
        }
        page.table(&table, "nothing waits");
    }
}

impl Render for ListCatalogueItemsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["EXTRA", "COSTS", "IS WORTH", "FOR ITS COST", "WHAT"]);
        for item in &self.catalogue_items {
            let leverage = match item.leverage_percent {
                0 => String::new(),
                percent => format!("{percent} %"),
            };
            table.row([
                item.name.clone(),
                money(item.cost.as_ref()),
                money(item.perceived_value.as_ref()),
                leverage,
                item.description.clone(),
            ]);
        }
        page.table(&table, "the catalogue has no extras");
    }
}

impl Render for ListAutonomousDecisionsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["TIME", "AGENT", "ROLE", "OFFER", "COSTS", "KEEPS", "SUMMARY"]);
        for decision in &self.autonomous_decisions {
            table.row([
                date_time(decision.create_time.as_ref()),
                decision.agent.clone(),
                decision.role.clone(),
                decision.offer.clone(),
                amounts(&decision.costs),
                money(decision.retained_value.as_ref()),
                decision.summary.replace('\n', "; "),
            ]);
        }
        page.table(&table, "no decisions");
    }
}

impl Render for ListAbuseSignalsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["TIME", "WHAT REPEATS", "CUSTOMER", "HELD BACK", "OBSERVED", "EVIDENCE"]);
        for signal in &self.abuse_signals {
            table.row([
                date_time(signal.create_time.as_ref()),
                word(signal.dimension, abuse_signal::Dimension::as_str_name),
                signal.customer.clone(),
                signal.remedy.clone(),
                signal.reason.clone(),
                evidence(signal),
            ]);
        }
        page.table(&table, "no signals");
    }
}

fn evidence(signal: &AbuseSignal) -> String {
    signal.evidence.join(", ")
}
