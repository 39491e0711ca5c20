//! What a version of a policy would have changed, for people.

use api::compensation::{BacktestPolicyResponse, PolicyBacktestDifference, PolicyBacktestSide, PolicyBacktestTally};

use super::backtest::grouped;
use super::words::{amounts, date_time};
use super::{Page, Render, Table};

impl Render for BacktestPolicyResponse {
    fn render(&self, page: &mut Page) {
        let (start, end) = (date_time(self.start_time.as_ref()), date_time(self.end_time.as_ref()));
        page.line(&format!("{} offers of agents from {start} to {end}", grouped(self.offers)));
        page.heading("What it changes of the version in force:");
        if self.changes.is_empty() {
            page.block("nothing");
        }
        self.changes.iter().for_each(|change| page.block(change));

        page.heading("What would have come of it:");
        let mut table = Table::new(["VERSION", "ROLE", "ALONE", "COST", "TO APPROVE", "COST"]);
        for side in [&self.baseline, &self.candidate].into_iter().flatten() {
            side.total.iter().chain(&side.roles).for_each(|tally| add(&mut table, side, tally));
        }
        page.table(&table, "no offers");
        page.line("");
        page.line(&format!("more that agents decide alone  {}", grouped(self.more_alone)));
        page.line(&format!("more that wait for approval    {}", grouped(self.more_to_approve)));
        if self.differences.is_empty() {
            return;
        }
        page.heading("Offers that are judged differently, the latest first:");
        let mut table = Table::new(["TIME", "AGENT", "ROLE", "OFFER", "COST", "BECOMES"]);
        self.differences.iter().for_each(|difference| table.row(row(difference)));
        page.table(&table, "");
    }
}

fn add(table: &mut Table, side: &PolicyBacktestSide, tally: &PolicyBacktestTally) {
    let role = if tally.role.is_empty() { "all".to_owned() } else { tally.role.clone() };
    table.row([
        side.version.clone(),
        role,
        grouped(tally.alone),
        amounts(&tally.costs_alone),
        grouped(tally.to_approve),
        amounts(&tally.costs_to_approve),
    ]);
}

fn row(difference: &PolicyBacktestDifference) -> [String; 6] {
    let becomes = if difference.candidate_reasons.is_empty() {
        "decided alone".to_owned()
    } else {
        format!("to approve: {}", difference.candidate_reasons.join("; "))
    };
    [
        date_time(difference.create_time.as_ref()),
        difference.agent.clone(),
        difference.role.clone(),
        difference.offer.clone(),
        amounts(&difference.costs),
        becomes,
    ]
}
