//! Settlements, discrepancies and people's decisions about payouts, for people.

use api::compensation::{
    ListPayoutSettlementsResponse, ListSettlementDiscrepanciesResponse, PayoutSettlement, ReconcileSettlementResponse,
    SettlementDiscrepancy, payout_settlement, settlement_discrepancy,
};

use super::words::{count, date_time, money, word, yes};
use super::{Page, Render, Sheet, Table};

impl Render for ReconcileSettlementResponse {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("file", &self.file)
            .add("lines", self.lines.to_string())
            .add("taken before", count(self.lines_taken_before))
            .add("matched", count(self.lines_matched))
            .add("adopted", count(self.payouts_adopted))
            .add("discrepancies", self.discrepancies.to_string())
            .add("complete", yes(self.complete));
        page.sheet(&sheet);
    }
}

impl Render for SettlementDiscrepancy {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("discrepancy", &self.name)
            .add("kind", word(self.kind, settlement_discrepancy::Kind::as_str_name))
            .add("state", word(self.state, settlement_discrepancy::State::as_str_name))
            .add("payout", &self.payout)
            .add("key", &self.payout_key)
            .add("amount", money(self.amount.as_ref()))
            .add("file", &self.file)
            .add("line", count(self.line))
            .add("explanation", &self.explanation)
            .add("resolution", &self.resolution)
            .add("resolved by", &self.resolved_by)
            .add("found", date_time(self.create_time.as_ref()))
            .add("resolved", date_time(self.resolve_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListSettlementDiscrepanciesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["DISCREPANCY", "KIND", "STATE", "PAYOUT", "AMOUNT", "EXPLANATION"]);
        for found in &self.settlement_discrepancies {
            table.row([
                found.name.clone(),
                word(found.kind, settlement_discrepancy::Kind::as_str_name),
                word(found.state, settlement_discrepancy::State::as_str_name),
                found.payout.clone(),
                money(found.amount.as_ref()),
                found.explanation.clone(),
            ]);
        }
        page.table(&table, "the books agree");
    }
}

impl Render for PayoutSettlement {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("decision", &self.name)
            .add("state", word(self.state, payout_settlement::State::as_str_name))
            .add("payout", &self.payout)
            .add("outcome", word(self.outcome, payout_settlement::Outcome::as_str_name))
            .add("provider", &self.provider_reference)
            .add("evidence", &self.evidence)
            .add("proposed by", &self.proposed_by)
            .add("decided by", &self.decided_by)
            .add("reason", &self.decision_reason)
            .add("proposed", date_time(self.create_time.as_ref()))
            .add("decided", date_time(self.decide_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListPayoutSettlementsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["DECISION", "STATE", "OUTCOME", "PROPOSED BY", "DECIDED BY", "EVIDENCE"]);
        for settlement in &self.payout_settlements {
            table.row([
                settlement.name.clone(),
                word(settlement.state, payout_settlement::State::as_str_name),
                word(settlement.outcome, payout_settlement::Outcome::as_str_name),
                settlement.proposed_by.clone(),
                settlement.decided_by.clone(),
                settlement.evidence.clone(),
            ]);
        }
        page.table(&table, "nobody decided anything");
    }
}
