//! What is owed, offered and given, for people.

use api::compensation::{
    GetLedgerBalancesResponse, ListLedgerTransactionsResponse, ListOffersResponse, ListPacksResponse,
    ListPayoutsResponse, ListRemediesResponse, ListVouchersResponse, Offer, Payout, Remedy, Voucher, offer, pack,
    payout, remedy, voucher,
};

use super::assessment::{canary, choices, lines};
use super::words::{date_time, event, facts, money, severity, word};
use super::{Page, Render, Sheet, Table};

impl Render for Remedy {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("remedy", &self.name)
            .add("state", word(self.state, remedy::State::as_str_name))
            .add("case", &self.case)
            .add("customer", &self.customer)
            .add("event", event(self.event.as_ref()))
            .list("facts", self.event.iter().flat_map(|event| facts(&event.facts)))
            .add("severity", severity(self.severity))
            .add("payee", &self.payee)
            .add("apology", date_time(self.apology_time.as_ref()))
            .add("gate", self.gate_decision.as_ref().map(super::gate::in_words).unwrap_or_default())
            .add("offer", &self.offer)
            .list("vouchers", self.vouchers.iter().cloned())
            .list("payouts", self.payouts.iter().cloned())
            .add("opened", date_time(self.create_time.as_ref()))
            .add("changed", date_time(self.update_time.as_ref()))
            .add("etag", &self.etag);
        page.sheet(&sheet);
        if let Some(assessment) = &self.assessment {
            page.heading("What is owed:");
            assessment.render(page);
        }
    }
}

impl Render for ListRemediesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["REMEDY", "STATE", "OFFER", "VOUCHERS", "PAYOUTS", "OPENED"]);
        for remedy in &self.remedies {
            table.row([
                remedy.name.clone(),
                word(remedy.state, remedy::State::as_str_name),
                remedy.offer.clone(),
                remedy.vouchers.len().to_string(),
                remedy.payouts.len().to_string(),
                date_time(remedy.create_time.as_ref()),
            ]);
        }
        page.table(&table, "no remedies");
    }
}

impl Render for Offer {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("offer", &self.name)
            .add("state", word(self.state, offer::State::as_str_name))
            .add("case", &self.case)
            .add("remedy", &self.remedy)
            .add("chosen", &self.accepted_option)
            .add("declined", &self.decline_reason)
            .add("fair would be", &self.fair_ask)
            .add("fair amount", money(self.fair_ask_amount.as_ref()))
            .add("answers", &self.counter_to)
            .add("answered by", &self.counter_offer)
            .add("because", &self.explanation)
            .add("made by", &self.made_by)
            .add("made", date_time(self.create_time.as_ref()))
            .add("expires", date_time(self.expire_time.as_ref()));
        page.sheet(&sheet);
        page.heading("One of:");
        choices(page, &self.options);
        if !self.plus.is_empty() {
            page.heading("Together with:");
            lines(page, &self.plus);
        }
    }
}

impl Render for ListOffersResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["OFFER", "STATE", "EXPIRES", "OPTION", "DESCRIPTION"]);
        for offer in &self.offers {
            for (i, option) in offer.options.iter().enumerate() {
                let first = |text: String| if i == 0 { text } else { " ".to_owned() };
                table.row([
                    first(offer.name.clone()),
                    first(word(offer.state, offer::State::as_str_name)),
                    first(date_time(offer.expire_time.as_ref())),
                    option.id.clone(),
                    option.description.clone(),
                ]);
            }
        }
        page.table(&table, "no offers");
    }
}

impl Render for Voucher {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("voucher", &self.name)
            .add("state", word(self.state, voucher::State::as_str_name))
            .add("code", &self.code)
            .add("worth", worth(self))
            .add("left", money(self.remaining.as_ref()))
            .add("for", &self.description)
            .add("case", &self.case)
            .add("remedy", &self.remedy)
            .add("customer", &self.customer)
            .add("issued", date_time(self.create_time.as_ref()))
            .add("expires", date_time(self.expire_time.as_ref()));
        page.sheet(&sheet);
    }
}

fn worth(voucher: &Voucher) -> String {
    match voucher.percent {
        0 => money(voucher.amount.as_ref()),
        percent => format!("{percent} %"),
    }
}

impl Render for ListVouchersResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["VOUCHER", "STATE", "WORTH", "CODE", "EXPIRES", "FOR"]);
        for voucher in &self.vouchers {
            table.row([
                voucher.name.clone(),
                word(voucher.state, voucher::State::as_str_name),
                worth(voucher),
                voucher.code.clone(),
                date_time(voucher.expire_time.as_ref()),
                voucher.description.clone(),
            ]);
        }
        page.table(&table, "no vouchers");
    }
}

impl Render for Payout {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("payout", &self.name)
            .add("state", word(self.state, payout::State::as_str_name))
            .add("amount", money(self.amount.as_ref()))
            .add("payee", &self.payee)
            .add("case", &self.case)
            .add("remedy", &self.remedy)
            .add("key", &self.payout_key)
            .add("key until", date_time(self.key_valid_until.as_ref()))
            .add("attempts", self.attempts.to_string())
            .add("provider", &self.provider_reference)
            .add("reason", &self.reason)
            .add("decided", date_time(self.create_time.as_ref()))
            .add("changed", date_time(self.update_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListPayoutsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["PAYOUT", "STATE", "AMOUNT", "PAYEE", "ATTEMPTS", "PROVIDER", "REASON"]);
        for payout in &self.payouts {
            table.row([
                payout.name.clone(),
                word(payout.state, payout::State::as_str_name),
                money(payout.amount.as_ref()),
                payout.payee.clone(),
                payout.attempts.to_string(),
                payout.provider_reference.clone(),
                payout.reason.clone(),
            ]);
        }
        page.table(&table, "no payouts");
    }
}

impl Render for GetLedgerBalancesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["ACCOUNT", "DEBITS", "CREDITS"]);
        for balance in &self.balances {
            table.row([balance.account.clone(), money(balance.debits.as_ref()), money(balance.credits.as_ref())]);
        }
        page.table(&table, "nothing is in the ledger");
    }
}

impl Render for ListLedgerTransactionsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["TIME", "KIND", "SUBJECT", "ACCOUNT", "DEBIT", "CREDIT"]);
        for transaction in &self.ledger_transactions {
            for (i, entry) in transaction.entries.iter().enumerate() {
                let first = |text: String| if i == 0 { text } else { " ".to_owned() };
                table.row([
                    first(date_time(transaction.create_time.as_ref())),
                    first(transaction.kind.clone()),
                    first(transaction.subject.clone()),
                    entry.account.clone(),
                    money(entry.debit.as_ref()),
                    money(entry.credit.as_ref()),
                ]);
            }
        }
        page.table(&table, "nothing is in the ledger");
    }
}

impl Render for ListPacksResponse {
    fn render(&self, page: &mut Page) {
        for (i, pack) in self.packs.iter().enumerate() {
            if i > 0 {
                page.line("");
            }
            let mut sheet = Sheet::default();
            let end = if pack.effective_to.is_empty() { "no end" } else { &pack.effective_to };
            sheet
                .add("pack", &pack.name)
                .add("name", &pack.display_name)
                .add("version", &pack.version)
                .add("status", word(pack.status, pack::Status::as_str_name))
                .add("in force", format!("{} to {end}", pack.effective_from))
                .add("canary", canary(pack))
                .list("sources", pack.sources.iter().cloned())
                .list("rules", pack.rules.iter().map(|rule| format!("{}: {}", rule.id, rule.description)));
            page.sheet(&sheet);
        }
        if self.packs.is_empty() {
            page.line("no packs");
        }
    }
}
