//! I20: no row of a tenant belongs to another one's. Within a service foreign keys carry the tenant; here is what they do
//! not see: cases across services, calls and their receipts, and the names that the ledger's transactions are about.

use std::collections::{BTreeMap, BTreeSet};

use amends::role::Role;
use durable::sql::column;
use uuid::Uuid;

use super::{Checker, Findings};

/// Tables that name cases of intake.
const OF_CASES: [(Role, &str); 8] = [
    (Role::Compensation, "remedies"),
    (Role::Compensation, "offers"),
    (Role::Compensation, "vouchers"),
    (Role::Compensation, "payouts"),
    (Role::Compensation, "ledger_transactions"),
    (Role::Compensation, "approval_requests"),
    (Role::Routing, "work_items"),
    (Role::Followup, "plans"),
];

impl Checker {
    pub(super) async fn check_tenants(&self, findings: &mut Findings) {
        let mut tenants: BTreeMap<Uuid, String> = BTreeMap::new();
        for row in self.rows(Role::Intake, "SELECT tenant_id, id FROM cases").await {
            tenants.insert(column(&row, "id").expect("id"), column(&row, "tenant_id").expect("tenant"));
        }
        for (role, table) in OF_CASES {
            let sql = format!("SELECT DISTINCT tenant_id, case_id FROM {table}");
            for row in self.rows(role, &sql).await {
                let (tenant, case): (String, Uuid) =
                    (column(&row, "tenant_id").expect("tenant"), column(&row, "case_id").expect("case"));
                // A service may be told of cases that intake does not have.
                if let Some(owner) = tenants.get(&case).filter(|owner| **owner != tenant) {
                    findings.add("I20", format!("{role}: {table} of {tenant} have {owner}'s case cases/{case}"));
                }
            }
        }
        self.check_tenants_of_calls(findings).await;
        self.check_tenants_of_books(findings).await;
    }

    async fn check_tenants_of_calls(&self, findings: &mut Findings) {
        let mut sent: BTreeMap<String, String> = BTreeMap::new();
        for sender in Role::ALL {
            for row in self.rows(sender, "SELECT message_id, tenant_id FROM outbound_calls").await {
                let message: Uuid = column(&row, "message_id").expect("message_id");
                sent.insert(message.to_string(), column(&row, "tenant_id").expect("tenant"));
            }
        }
        for receiver in Role::ALL {
            let receipts = "SELECT tenant_id, request_id FROM inbound_requests WHERE client LIKE 'service:%'";
            for row in self.rows(receiver, receipts).await {
                let (tenant, request): (String, String) =
                    (column(&row, "tenant_id").expect("tenant"), column(&row, "request_id").expect("request"));
                if let Some(owner) = sent.get(&request).filter(|owner| **owner != tenant) {
                    findings.add("I20", format!("{receiver}: {request} is {owner}'s and was received as {tenant}'s"));
                }
            }
        }
    }

    async fn check_tenants_of_books(&self, findings: &mut Findings) {
        let mut owners: BTreeSet<(String, String)> = BTreeSet::new();
        for (collection, table) in
            [("payouts", "payouts"), ("vouchers", "vouchers"), ("voucherRedemptions", "voucher_redemptions")]
        {
            for row in self.rows(Role::Compensation, &format!("SELECT tenant_id, id FROM {table}")).await {
                let id: Uuid = column(&row, "id").expect("id");
                owners.insert((column(&row, "tenant_id").expect("tenant"), format!("{collection}/{id}")));
            }
        }
        let booked = "SELECT DISTINCT tenant_id, subject FROM ledger_transactions";
        for row in self.rows(Role::Compensation, booked).await {
            let fact = (column(&row, "tenant_id").expect("tenant"), column(&row, "subject").expect("subject"));
            if !owners.contains(&fact) {
                findings.add("I20", format!("{} has booked {}, which it does not have", fact.0, fact.1));
            }
        }
    }
}
