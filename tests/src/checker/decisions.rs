//! Decisions and keys: I6 (no payout without what decided it), I12 (what exists came of one request, and of no other),
//! I19 (the audit chains are whole, and each act that has a record of its own has one there).
//!
//! I12 sees effects and answers: that a key came again with another body leaves nothing behind but the refusal, which the
//! service's own tests look at.

use std::collections::{BTreeMap, BTreeSet};

use amends::role::Role;
use api::compensation::{Remedy, VoucherRedemption};
use api::method::compensation_service::OPEN_REMEDY;
use api::method::ledger_service::REDEEM_VOUCHER;
use durable::sql::column;
use kernel::TenantId;
use prost::Message as _;
use serde_json::Value;
use uuid::Uuid;

use super::{Checker, Findings};

/// Records of one page of a chain.
const PAGE: u64 = 200;

impl Checker {
    pub(super) async fn check_decisions(&self, findings: &mut Findings) {
        self.check_grants(findings).await;
        self.check_effects(findings).await;
        for role in Role::ALL {
            self.check_chains(role, findings).await;
        }
        self.check_acts(findings).await;
    }

    /// I6: a payout is of its remedy and case, and was given by the remedy itself or by an offer of it that was
    /// accepted; what waits for approval, or was refused it, gives nothing.
    async fn check_grants(&self, findings: &mut Findings) {
        let undecided = "SELECT p.id FROM payouts p LEFT JOIN remedies r ON r.tenant_id = p.tenant_id \
                         AND r.id = p.remedy_id AND r.case_id = p.case_id LEFT JOIN offers o ON o.tenant_id = p.tenant_id \
                         AND o.id = p.grant_id AND o.remedy_id = p.remedy_id AND o.case_id = p.case_id \
                         AND o.state = 'ACCEPTED' WHERE r.id IS NULL OR (p.grant_id <> p.remedy_id AND o.id IS NULL)";
        for row in self.rows(Role::Compensation, undecided).await {
            let id: Uuid = column(&row, "id").expect("id");
            findings.add("I6", format!("payouts/{id} was given by nothing that was decided for its remedy and case"));
        }
        // What the remedy itself gives is asked for line by line.
        let asked = "SELECT p.id, p.line, a.state, a.lines FROM payouts p JOIN approval_requests a \
                     ON a.tenant_id = p.tenant_id AND a.remedy_id = p.remedy_id AND a.kind = 'GRANT' \
                     WHERE p.grant_id = p.remedy_id AND a.state <> 'APPROVED'";
        for row in self.rows(Role::Compensation, asked).await {
            let (id, line): (Uuid, String) = (column(&row, "id").expect("id"), column(&row, "line").expect("line"));
            let (state, lines): (String, String) =
                (column(&row, "state").expect("state"), column(&row, "lines").expect("lines"));
            let lines: Vec<Value> = serde_json::from_str(&lines).expect("lines as they are stored");
            if lines.iter().any(|asked| asked["id"] == line.as_str()) {
                findings.add("I6", format!("payouts/{id} was given and its approval is {state}"));
            }
        }
    }

    /// I12: each of these is named by the stored answer of one request. Answers that the sweep may have removed are excused.
    async fn check_effects(&self, findings: &mut Findings) {
        let mut told: BTreeMap<(String, String), u32> = BTreeMap::new();
        let answers = format!(
            "SELECT tenant_id, method, response FROM inbound_requests \
             WHERE response IS NOT NULL AND method IN ('{OPEN_REMEDY}', '{REDEEM_VOUCHER}')"
        );
        for row in self.rows(Role::Compensation, &answers).await {
            let method: String = column(&row, "method").expect("method");
            let response: Vec<u8> = column(&row, "response").expect("response");
            let name = match method.as_str() {
                OPEN_REMEDY => Remedy::decode(response.as_slice()).map(|remedy| remedy.name),
                _ => VoucherRedemption::decode(response.as_slice()).map(|redemption| redemption.name),
            };
            let key = (column(&row, "tenant_id").expect("tenant"), name.expect("an answer of the service's own"));
            *told.entry(key).or_default() += 1;
        }
        let swept_until = self.number(Role::Compensation, "SELECT swept_until AS n FROM inbound_sweep").await;
        for (collection, sql) in [
            ("remedies", "SELECT tenant_id, id, created_at FROM remedies"),
            ("voucherRedemptions", "SELECT tenant_id, id, created_at FROM voucher_redemptions"),
        ] {
            for row in self.rows(Role::Compensation, sql).await {
                let id: Uuid = column(&row, "id").expect("id");
                let (tenant, name) = (column(&row, "tenant_id").expect("tenant"), format!("{collection}/{id}"));
                let created: i64 = column(&row, "created_at").expect("created_at");
                match told.remove(&(tenant, name.clone())).unwrap_or(0) {
                    1 => {}
                    0 if created <= swept_until => {}
                    0 => findings.add("I12", format!("{name} exists and no request was told so")),
                    many => findings.add("I12", format!("{name} was made by {many} requests")),
                }
            }
        }
        for (_, name) in told.into_keys() {
            findings.add("I12", format!("{name} was told to a client and does not exist"));
        }
    }

    /// I19, of the chains.
    async fn check_chains(&self, role: Role, findings: &mut Findings) {
        for row in self.rows(role, "SELECT DISTINCT tenant_id FROM audit_records").await {
            let tenant: String = column(&row, "tenant_id").expect("tenant");
            let tenant = TenantId::parse(&tenant).expect("a tenant");
            let mut before = None;
            loop {
                let page = durable::audit::page(self.connection(role), &tenant, before, PAGE).await;
                let page = page.expect("the database answers");
                if !page.intact {
                    findings.add("I19", format!("{role}: the audit chain of {tenant} is broken before {before:?}"));
                }
                before = page.records.last().map(|record| record.seq);
                if !page.more {
                    break;
                }
            }
        }
    }

    /// I19, of acts that leave a row: as many as there are records of them.
    async fn check_acts(&self, findings: &mut Findings) {
        for (table, action) in [
            ("grant_reversals", "GRANT_REVERSED"),
            ("gate_overrides", "GATE_OVERRIDDEN"),
            ("applied_packs", "PACK_APPLIED"),
            ("policies", "POLICY_APPLIED"),
            ("experiments", "EXPERIMENT_APPLIED"),
        ] {
            let rows = format!("SELECT tenant_id, count(*) AS n FROM {table} GROUP BY tenant_id");
            let records = format!(
                "SELECT tenant_id, count(*) AS n FROM audit_records WHERE action = '{action}' GROUP BY tenant_id"
            );
            let (rows, records) = (self.by_tenant(&rows).await, self.by_tenant(&records).await);
            let tenants: BTreeSet<_> = rows.keys().chain(records.keys()).collect();
            for tenant in tenants {
                let (acts, told) = (rows.get(tenant).unwrap_or(&0), records.get(tenant).unwrap_or(&0));
                if acts != told {
                    findings.add("I19", format!("{tenant}: {table} has {acts} rows, {told} acts are on record"));
                }
            }
        }
    }

    async fn by_tenant(&self, sql: &str) -> BTreeMap<String, i64> {
        let rows = self.rows(Role::Compensation, sql).await;
        rows.iter().map(|row| (column(row, "tenant_id").expect("tenant"), column(row, "n").expect("n"))).collect()
    }
}
