//! Everything comes to an end: I16 (each case, remedy, offer, payout and plan is final, waits for something that will
//! come or for somebody who can be asked, or needs attention).

use std::collections::{BTreeMap, BTreeSet};

use amends::role::Role;
use api::compensation::{AdvancePayoutRequest, ExpireApprovalRequest, ExpireOfferRequest};
use api::followup::RunPlanStepRequest;
use api::method::authority_service::EXPIRE_APPROVAL;
use api::method::compensation_service::{ADVANCE_PAYOUT, EXPIRE_OFFER};
use api::method::follow_up_service::RUN_PLAN_STEP;
use durable::sql::column;
use prost::Message as _;
use uuid::Uuid;

use super::{Checker, Counted, Findings};

/// Whatever else a case waits for, and the names of what waits for its own timer.
#[derive(Debug, Default)]
struct Waiting {
    cases: BTreeSet<Uuid>,
    timers: BTreeSet<String>,
}

/// A row that can come to an end.
struct Open {
    id: Uuid,
    case: Uuid,
    parent: Option<Uuid>,
    state: String,
}

impl Checker {
    pub(super) async fn check_endings(&self, findings: &mut Findings, counted: &mut Counted) {
        let mut waiting = Waiting { timers: self.timers().await, ..Waiting::default() };
        self.check_remedies(&mut waiting, findings).await;
        self.check_plans(&mut waiting, findings).await;
        let work = "SELECT id, case_id, state FROM work_items WHERE state IN ('UNATTENDED', 'WAITING', 'CLAIMED')";
        waiting.cases.extend(self.open(Role::Routing, work).await.into_iter().map(|work| work.case));
        self.check_cases(&waiting, findings, counted).await;
    }

    /// Payouts that the machine takes on and that have their next step before them.
    pub(super) async fn moving_payouts(&self) -> BTreeSet<Uuid> {
        let timers = self.timers().await;
        let sql = "SELECT id, case_id, state FROM payouts WHERE state IN ('RESERVED', 'SUBMITTING', 'UNKNOWN')";
        let open = self.open(Role::Compensation, sql).await.into_iter().map(|payout| payout.id);
        open.filter(|id| timers.contains(&format!("payouts/{id}"))).collect()
    }

    async fn check_remedies(&self, waiting: &mut Waiting, findings: &mut Findings) {
        // Remedies by what goes on for them.
        let mut under_way: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
        for (kind, collection, sql) in [
            (
                "payout",
                "payouts",
                "SELECT id, case_id, remedy_id AS parent, state FROM payouts WHERE state IN ('RESERVED', 'SUBMITTING', 'UNKNOWN')",
            ),
            ("offer", "offers", "SELECT id, case_id, remedy_id AS parent, state FROM offers WHERE state = 'OPEN'"),
            (
                "approval",
                "approvals",
                "SELECT id, case_id, remedy_id AS parent, state FROM approval_requests WHERE state = 'PENDING'",
            ),
        ] {
            for open in self.open(Role::Compensation, sql).await {
                let name = format!("{collection}/{}", open.id);
                if !waiting.timers.contains(&name) {
                    findings.add("I16", format!("{name} is {} and nothing will ever move it", open.state));
                }
                waiting.cases.insert(open.case);
                under_way.entry(open.parent.expect("of a remedy")).or_default().insert(kind);
            }
        }
        let sql = "SELECT id, case_id, state FROM remedies \
                   WHERE state IN ('OFFERED', 'GRANTING', 'AWAITING_APOLOGY', 'NEEDS_ATTENTION')";
        for remedy in self.open(Role::Compensation, sql).await {
            waiting.cases.insert(remedy.case);
            let goes_on = under_way.get(&remedy.id).cloned().unwrap_or_default();
            let stuck = match remedy.state.as_str() {
                "OFFERED" => !goes_on.contains("offer") && !goes_on.contains("approval"),
                "GRANTING" => !goes_on.contains("payout") && !goes_on.contains("approval"),
                // The apology and a person come from elsewhere: the case says whether it waits for them.
                _ => false,
            };
            if stuck {
                findings.add("I16", format!("remedies/{} is {} and only {goes_on:?} go on", remedy.id, remedy.state));
            }
        }
    }

    async fn check_plans(&self, waiting: &mut Waiting, findings: &mut Findings) {
        let sql = "SELECT id, case_id, state FROM plans WHERE state = 'RUNNING'";
        for plan in self.open(Role::Followup, sql).await {
            if !waiting.timers.contains(&format!("plans/{}", plan.id)) {
                findings.add("I16", format!("plans/{} is RUNNING and has no next step", plan.id));
            }
            waiting.cases.insert(plan.case);
        }
    }

    async fn check_cases(&self, waiting: &Waiting, findings: &mut Findings, counted: &mut Counted) {
        let sql = "SELECT id, id AS case_id, state FROM cases WHERE NOT needs_attention \
                   AND state NOT IN ('RECOVERED', 'NOT_RECOVERED', 'LAPSED')";
        for case in self.open(Role::Intake, sql).await {
            if !waiting.cases.contains(&case.id) {
                findings.add("I16", format!("cases/{} is {} and waits for nothing", case.id, case.state));
            }
        }
        let cases = self.number(Role::Intake, "SELECT count(*) AS n FROM cases").await;
        counted.cases = u64::try_from(cases).unwrap_or(0);
    }

    async fn open(&self, role: Role, sql: &str) -> Vec<Open> {
        let rows = self.rows(role, sql).await;
        let open = rows.iter().map(|row| Open {
            id: column(row, "id").expect("id"),
            case: column(row, "case_id").expect("case"),
            parent: column(row, "parent").ok(),
            state: column(row, "state").expect("state"),
        });
        open.collect()
    }

    /// What will be woken by a timer of its own.
    async fn timers(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for role in [Role::Compensation, Role::Followup] {
            let sql = "SELECT method, body FROM outbound_calls WHERE state = 'pending' AND lane IS NULL";
            for row in self.rows(role, sql).await {
                let (method, body): (String, Vec<u8>) =
                    (column(&row, "method").expect("method"), column(&row, "body").expect("body"));
                let body = body.as_slice();
                let name = match method.as_str() {
                    ADVANCE_PAYOUT => AdvancePayoutRequest::decode(body).map(|request| request.name),
                    EXPIRE_OFFER => ExpireOfferRequest::decode(body).map(|request| request.name),
                    EXPIRE_APPROVAL => ExpireApprovalRequest::decode(body).map(|request| request.name),
                    RUN_PLAN_STEP => RunPlanStepRequest::decode(body).map(|request| request.name),
                    _ => continue,
                };
                names.insert(name.expect("a request of the suite's own"));
            }
        }
        names
    }
}
