//! A version of the policy of authority is tried on what agents offered, before it decides.
//!
//! Reads only: the store page by page, each offer once. What always holds: memory is bounded by the offers and differences
//! that one call may ask for, and as many run at a time as backtests of packs do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use durable::TxError;
use kernel::{Money, RequestContext, ResourceId, ServiceError, Timestamp, Violations};

use super::super::App;
use super::apply_policy::read_document;
use crate::domain::line::OfferOption;
use crate::domain::payout::PayoutState;
use crate::domain::policy::authority::{Authority, Reach};
use crate::domain::policy::measure::{self, owed_by_law};
use crate::domain::policy::replay::AgentOffer;
use crate::domain::policy::trial::{PolicyTrial, TrialReport};
use crate::domain::policy::window::{day_of, first_day, start_of};
use crate::domain::policy::{PolicyKind, Rules, diff};
use crate::domain::records::{Offer, Remedy};
use crate::store::agent_offers::{self, AskedOffer};
use crate::store::spending::{self, Scope};
use crate::store::{Cursor, offers, payouts, policies, remedies};

/// Most offers that one call judges.
const MAX_OFFERS: usize = 100_000;
/// Offers that are read at a time.
const PAGE: u64 = 500;
/// How far back a backtest goes when it is not told.
const DEFAULT_TIME: Duration = Duration::from_secs(30 * 86_400);

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct BacktestPolicy {
    pub(crate) document: String,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) max_differences: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct PolicyBacktested {
    /// Versions: in force, and in question.
    pub(crate) versions: (String, String),
    pub(crate) report: TrialReport,
    /// What the document changes, in words.
    pub(crate) changes: Vec<String>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl App {
    /// Judges what agents offered in a time by a version of the policy of authority, and by the one in force.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with everything that is wrong with the document, or when the time is empty or holds too many
    /// offers; RESOURCE_EXHAUSTED `TOO_MANY_BACKTESTS`.
    #[tracing::instrument(skip_all, name = "compensation.backtest_policy")]
    pub(crate) async fn backtest_policy(
        &self,
        context: &RequestContext,
        query: BacktestPolicy,
    ) -> Result<PolicyBacktested, ServiceError> {
        let candidate = authority_of(read_document(&query.document)?.rules)?;
        let end = query.end.unwrap_or_else(|| self.now());
        // Sums are kept by day, so that what was before is known for whole days.
        let start = start_of(day_of(query.start.unwrap_or_else(|| end.minus(DEFAULT_TIME))));
        if start >= end {
            return Err(violation("end_time", "TIMESTAMP_RANGE", "must be later than start_time"));
        }
        let _place = self.backtests.place(&context.tenant)?;
        let kind = PolicyKind::Authority;
        let found = policies::in_force(self.engine.read(), &context.tenant, kind, self.now()).await;
        let found = found.map_err(TxError::from)?;
        let baseline = authority_of(self.policies.read(kind, found.as_ref())?)?;
        let in_force = found.as_ref().map_or(kind.shipped(), |stored| stored.document.as_str());

        let trial = PolicyTrial::new(&baseline, &candidate, query.max_differences);
        let window_days = baseline.window_days.max(candidate.window_days);
        let report = self.judge_history(context, trial, (start, end), window_days).await?;
        Ok(PolicyBacktested {
            versions: (baseline.version.clone(), candidate.version.clone()),
            report,
            changes: diff::changes(in_force, &query.document),
            start,
            end,
        })
    }

    async fn judge_history(
        &self,
        context: &RequestContext,
        mut trial: PolicyTrial<'_>,
        (start, end): (Timestamp, Timestamp),
        window_days: u32,
    ) -> Result<TrialReport, ServiceError> {
        let (tenant, connection) = (&context.tenant, self.engine.read());
        let mut after = Cursor { created_at: start.micros(), id: uuid::Uuid::nil() };
        let mut known: BTreeSet<(Scope, String)> = BTreeSet::new();
        let mut judged = 0;
        loop {
            let page = agent_offers::page(connection, tenant, after, end, PAGE).await.map_err(TxError::from)?;
            let Some(last) = page.last() else { return Ok(trial.into_report()) };
            after = Cursor { created_at: last.asked_at.micros(), id: last.id };
            judged += page.len();
            if judged > MAX_OFFERS {
                let description = format!("more than {MAX_OFFERS} offers were made since then; choose a later start");
                return Err(violation("start_time", "TIMESTAMP_RANGE", &description));
            }
            self.carry(context, &mut trial, &page, &mut known, (start, window_days)).await?;
            for (offer, costs) in self.with_fates(context, page).await? {
                trial.judge(offer, costs);
            }
        }
    }

    /// Tells the trial what was counted before it begins, for cases and customers that are new to it.
    async fn carry(
        &self,
        context: &RequestContext,
        trial: &mut PolicyTrial<'_>,
        page: &[AskedOffer],
        known: &mut BTreeSet<(Scope, String)>,
        (start, window_days): (Timestamp, u32),
    ) -> Result<(), ServiceError> {
        let today = day_of(start);
        let holders = page.iter().flat_map(|asked| {
            let first = first_day(today, window_days);
            [(Scope::Case, asked.case.to_string(), i64::MIN), (Scope::Customer, asked.customer.to_string(), first)]
        });
        let new: Vec<_> = holders.filter(|(scope, holder, _)| known.insert((*scope, holder.clone()))).collect();
        let days = spending::days_before(&self.engine, &context.tenant, &new, today).await.map_err(TxError::from)?;
        for (account, day, amount) in days {
            let reach = if account.scope == Scope::Case { Reach::Case } else { Reach::Customer };
            trial.carry(&(reach, account.holder, account.kind, account.unit), day, amount);
        }
        Ok(())
    }

    /// The offers of a page with what they count and cost, and what became of them.
    async fn with_fates(
        &self,
        context: &RequestContext,
        page: Vec<AskedOffer>,
    ) -> Result<Vec<(AgentOffer, Vec<Money>)>, ServiceError> {
        let (tenant, connection) = (&context.tenant, self.engine.read());
        let of_page: BTreeSet<_> = page.iter().map(|asked| asked.remedy).collect();
        let offers = offers::by_ids(connection, tenant, page.iter().map(|asked| asked.id));
        let remedies = remedies::by_ids(connection, tenant, of_page.iter().copied());
        let given = payouts::given_of(connection, tenant, of_page.iter().copied());
        let read = async { Ok::<_, sea_orm::DbErr>((offers.await?, remedies.await?, given.await?)) };
        let (offers, remedies, given) = read.await.map_err(TxError::from)?;
        let offers: BTreeMap<_, _> = offers.into_iter().map(|offer| (offer.id.uuid(), offer)).collect();
        let remedies: BTreeMap<_, _> = remedies.into_iter().map(|remedy| (remedy.id, remedy)).collect();
        let mut with_fates = Vec::with_capacity(page.len());
        for asked in page {
            let Some(remedy) = remedies.get(&asked.remedy) else { continue };
            let before: Vec<_> = given
                .iter()
                .filter(|(of, _, _, at)| *of == asked.remedy && *at < asked.asked_at)
                .map(|(_, line, state, _)| (line.as_str(), *state))
                .collect();
            with_fates.extend(with_fate(asked, remedy, &offers, &before));
        }
        Ok(with_fates)
    }
}

/// An offer with what became of it. `before`: lines of the remedy that had been paid, or refused, by then.
fn with_fate(
    asked: AskedOffer,
    remedy: &Remedy,
    offers: &BTreeMap<uuid::Uuid, Offer>,
    before: &[(&str, PayoutState)],
) -> Option<(AgentOffer, Vec<Money>)> {
    let was_refused = before.iter().any(|(_, state)| *state == PayoutState::Declined);
    let owed: Vec<_> = owed_by_law(&remedy.assessment, was_refused)
        .into_iter()
        .filter(|line| !before.iter().any(|(paid, state)| *paid == line.id && state.may_be_paid()))
        .collect();
    let put = offers.get(&asked.id);
    let (options, plus) = match (put, &asked.to_approve) {
        (Some(offer), _) => (offer.options.as_slice(), offer.plus.as_slice()),
        (None, Some((options, plus))) => (options.as_slice(), plus.as_slice()),
        (None, None) => return None,
    };
    let ended = put.and_then(|offer| offer.ended_at.map(|at| (offer, at))).map(|(offer, ended_at)| {
        let taken = |option: &&OfferOption| option.id == offer.accepted_option;
        let chosen: Vec<_> = offer.options.iter().filter(taken).cloned().collect();
        (ended_at, measure::need(&chosen, plus, &owed))
    });
    let offer = AgentOffer {
        id: asked.id.into(),
        case: asked.case,
        customer: asked.customer,
        agent: asked.agent,
        role: asked.role,
        asked_at: asked.asked_at,
        need: measure::need(options, plus, &owed),
        put_at: put.map(|offer| offer.created_at),
        ended,
    };
    Some((offer, measure::costs(options, plus, &owed)))
}

fn authority_of(rules: Rules) -> Result<Arc<Authority>, ServiceError> {
    match rules {
        Rules::Authority(authority) => Ok(authority),
        Rules::Budgets(_) | Rules::Abuse(_) | Rules::Catalogue(_) => Err(violation(
            "document",
            "POLICY",
            "must be of kind AUTHORITY: only what agents may decide alone is tried",
        )),
    }
}

fn violation(field: &str, reason: &str, description: &str) -> ServiceError {
    let mut violations = Violations::new();
    violations.add(field, reason, description);
    violations.finish().err().unwrap_or_else(|| ServiceError::internal(description))
}
