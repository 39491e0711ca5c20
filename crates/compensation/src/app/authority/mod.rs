//! Authority: what is checked before something is given or offered, and what people decide about it.
//!
//! Always holds: limits are read under the lock of their holders, taken after the remedy's and before anything else;
//! what is counted commits together with what it counts.

mod afford_answer;
mod apply_policy;
mod backtest_policy;
mod decide_approval;
mod expire_approval;
mod gestures;
mod judge_offer;
mod policies;
mod reads;
mod release;

pub(crate) use apply_policy::ApplyPolicy;
pub(crate) use backtest_policy::{BacktestPolicy, PolicyBacktested};
pub(super) use decide_approval::may_not;
pub(crate) use decide_approval::{DecideApproval, Decision};
pub(super) use gestures::{GestureAsk, GesturePlan};
pub(super) use judge_offer::Verdict;
pub(super) use policies::{InForce, Policies};
pub(crate) use reads::PolicyShown;

use kernel::RequestContext;

use super::Parts;
use crate::domain::approval::{Approval, ApprovalState, Asked};
use crate::domain::records::Remedy;

/// Whose sum budgets have, as a kind of benefit.
const GESTURE: &str = "GESTURE";

/// What an approval is made of besides its remedy.
pub(in crate::app) struct Ask {
    pub(super) asked: Asked,
    pub(super) requested_by: String,
    /// Whose credentials came with it; none for a rule.
    pub(super) client: Option<String>,
    pub(super) role: String,
    pub(super) reasons: Vec<String>,
    pub(super) policies: std::collections::BTreeMap<String, String>,
}

impl Parts {
    /// An approval that waits, with its timer.
    pub(super) fn approval(&self, tx: &durable::Tx, context: &RequestContext, remedy: &Remedy, ask: Ask) -> Approval {
        let approval = Approval {
            id: self.engine.new_id().into(),
            remedy: remedy.id,
            case: remedy.case,
            customer: remedy.customer,
            state: ApprovalState::Pending,
            asked: ask.asked,
            requested_by: ask.requested_by,
            requested_client: ask.client.unwrap_or_default(),
            role: ask.role,
            reasons: ask.reasons,
            policies: ask.policies,
            decided_by: String::new(),
            decided_client: String::new(),
            rejection: String::new(),
            alternative: String::new(),
            expires_at: tx.now().plus(self.approval_term),
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        super::own_calls::expire_approval_later(tx, context, &approval);
        approval
    }
}
