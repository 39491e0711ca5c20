//! Uses of vouchers, grants taken back, orders and the kill switch, for people.

use api::compensation::{
    GetOrderFundsResponse, GetVoucherLiabilityResponse, GrantReversal, OrderFunds, PayoutFreeze, VoucherRedemption,
    payout_freeze,
};

use super::words::{date_time, duration, money, word};
use super::{Page, Render, Sheet, Table};

impl Render for VoucherRedemption {
    fn render(&self, page: &mut Page) {
        let used = match self.percent {
            0 => money(self.amount.as_ref()),
            percent => format!("{percent} %"),
        };
        let mut sheet = Sheet::default();
        sheet.add("redemption", &self.name).add("used", used).add("order", &self.order);
        if let Some(voucher) = &self.voucher {
            sheet.add("voucher", &voucher.name).add("left", money(voucher.remaining.as_ref()));
        }
        sheet.add("at", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for GrantReversal {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("reversal", &self.name)
            .add("grant", &self.grant)
            .add("amount", money(self.amount.as_ref()))
            .add("reason", &self.reason)
            .add("by", &self.reversed_by)
            .add("booked", &self.ledger_transaction)
            .add("at", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for GetVoucherLiabilityResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["ISSUED AT LEAST", "LESS THAN", "VOUCHERS", "ISSUED", "OUTSTANDING"]);
        for line in &self.lines {
            table.row([
                duration(line.min_age.as_ref()),
                duration(line.max_age.as_ref()),
                line.vouchers.to_string(),
                money(line.issued.as_ref()),
                money(line.outstanding.as_ref()),
            ]);
        }
        page.table(&table, "no voucher with an amount is out");
    }
}

impl Render for OrderFunds {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("order", &self.order)
            .add("captured", money(self.captured.as_ref()))
            .add("refunded", money(self.refunded.as_ref()))
            .add("left", money(self.left.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for GetOrderFundsResponse {
    fn render(&self, page: &mut Page) {
        if let Some(funds) = &self.funds {
            funds.render(page);
        }
    }
}

impl Render for PayoutFreeze {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("payouts", word(self.state, payout_freeze::State::as_str_name))
            .add("reason", &self.reason)
            .add("by", &self.changed_by)
            .add("since", date_time(self.update_time.as_ref()));
        page.sheet(&sheet);
    }
}
