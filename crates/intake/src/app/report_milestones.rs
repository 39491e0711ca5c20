//! Takes milestones of other services, a group of batches at once, and lets the recovery react.

use std::collections::BTreeSet;

use api::extension::ReportMilestonesResponse;
use api::method::milestone_sink::REPORT_MILESTONES;
use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{Answer, RequestContext, RequestKey, ServiceError};

use super::App;
use super::outcome::Outcome;
use crate::domain::milestone::Milestone;
use crate::domain::recovery;
use crate::domain::story_limit::StoryLimit;
use crate::store::{CaseKey, CustomerKey, cases, customers, inconsistent};

/// One batch.
#[derive(Debug)]
pub(crate) struct ReportMilestones {
    context: RequestContext,
    milestones: Vec<Milestone>,
}

impl App {
    /// Takes a batch, all of it or nothing.
    #[tracing::instrument(skip_all, name = "intake.report_milestones", fields(amends.case = tracing::field::Empty, amends.items = milestones.len()))]
    pub(crate) async fn report_milestones(
        &self,
        context: RequestContext,
        request_id: &str,
        milestones: Vec<Milestone>,
    ) -> Result<Answer<ReportMilestonesResponse>, ServiceError> {
        let key = context.key(REPORT_MILESTONES, request_id, RequestKey::hash_of(&milestones));
        let touched: BTreeSet<CaseKey> =
            milestones.iter().map(|milestone| (context.tenant.clone(), milestone.case)).collect();
        if let (1, Some((_, case))) = (touched.len(), touched.first()) {
            tracing::Span::current().record("amends.case", case.to_string());
        }
        let answer = self.report_milestones.submit(key, ReportMilestones { context, milestones }).await?;
        touched.iter().for_each(|case| self.watches.changed(case));
        Ok(answer)
    }
}

/// Carries out a group of batches.
pub(super) struct TakeMilestones {
    /// How long a story may get.
    pub(super) story: StoryLimit,
}

#[async_trait]
impl GroupCommand for TakeMilestones {
    const NAME: &'static str = "intake.report_milestones";
    type Command = ReportMilestones;
    type Response = ReportMilestonesResponse;

    fn weight(batch: &ReportMilestones) -> usize {
        batch.milestones.len()
    }

    async fn apply(
        &self,
        tx: &Tx,
        batches: &[&ReportMilestones],
    ) -> Result<Vec<Result<ReportMilestonesResponse, ServiceError>>, TxError> {
        let wanted = batches.iter().flat_map(|batch| batch.cases()).collect();
        let mut known = cases::cases_lock(tx, &wanted).await?;
        let owners = known.iter().map(|((tenant, _), case)| (tenant.clone(), case.customer)).collect();
        let owners = customers::customers_get_many(tx, &owners).await?;
        let mut outcome = Outcome::default();
        let mut changed: BTreeSet<CaseKey> = BTreeSet::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            if let Some((_, unknown)) = batch.cases().find(|case| !known.contains_key(case)) {
                answers.push(Err(ServiceError::not_found(unknown)));
                continue;
            }
            for milestone in &batch.milestones {
                let key: CaseKey = (batch.context.tenant.clone(), milestone.case);
                let Some(case) = known.remove(&key) else { continue };
                let owner: CustomerKey = (key.0.clone(), case.customer);
                let customer =
                    owners.get(&owner).ok_or_else(|| inconsistent(format!("{} has no customer", case.id)))?;
                let reaction = self.story.keep(recovery::on_milestone(case, milestone, tx.now()));
                let (case, _) = outcome.take(tx, &batch.context, customer, reaction);
                changed.insert(key.clone());
                known.insert(key, case);
            }
            answers.push(Ok(ReportMilestonesResponse {
                taken: i32::try_from(batch.milestones.len()).unwrap_or(i32::MAX),
            }));
        }
        let rows = known.iter().filter(|(key, _)| changed.contains(key)).map(|((tenant, _), case)| (tenant, case));
        cases::cases_update(tx, rows)?;
        outcome.store(tx)?;
        Ok(answers)
    }
}

impl ReportMilestones {
    fn cases(&self) -> impl Iterator<Item = CaseKey> {
        self.milestones.iter().map(|milestone| (self.context.tenant.clone(), milestone.case))
    }
}
