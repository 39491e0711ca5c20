//! Opens cases for the customers whom a disruption hit: batches, and a group of batches at once.

use std::collections::{BTreeMap, BTreeSet};

use api::intake::{AddAffectedResponse, AffectedResult};
use api::method::intake_service::ADD_AFFECTED;
use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{
    Answer, CaseId, CustomerId, DisruptionId, FieldViolation, RequestContext, RequestKey, ServiceError, TenantId,
};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::{App, customers, journey};
use crate::domain::case::Case;
use crate::domain::customer::{Customer, CustomerDraft};
use crate::domain::disruption::Disruption;
use crate::domain::event::{Facts, FailureEvent};
use crate::domain::recovery;
use crate::store::cases::AffectedKey;
use crate::store::disruptions::{self, DisruptionKey};
use crate::store::{self, cases};

/// One affected customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Affected {
    /// Who.
    pub(crate) customer: CustomerDraft,
    /// Facts of this customer; they win over the disruption's.
    pub(crate) facts: Facts,
}

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddAffected {
    /// The disruption.
    pub(crate) disruption: DisruptionId,
    /// Whom it hit.
    pub(crate) affected: Vec<Affected>,
}

/// One batch with the ids that its cases and customers get if they are new.
#[derive(Debug)]
pub(super) struct Batch {
    context: RequestContext,
    add: AddAffected,
    ids: Vec<(CaseId, CustomerId)>,
}

impl App {
    /// Adds one batch: one transaction, a result for each customer.
    #[tracing::instrument(skip_all, name = "intake.add_affected", fields(amends.disruption = %add.disruption, amends.items = add.affected.len()))]
    pub(crate) async fn add_affected(
        &self,
        context: RequestContext,
        request_id: &str,
        add: AddAffected,
    ) -> Result<Answer<AddAffectedResponse>, ServiceError> {
        let key = context.key(ADD_AFFECTED, request_id, RequestKey::hash_of(&add));
        let id = || (self.engine.new_id().into(), self.engine.new_id().into());
        let ids = add.affected.iter().map(|_| id()).collect();
        self.add_affected.submit(key, Batch { context, add, ids }).await
    }
}

/// Carries out a group of batches.
pub(super) struct AddBatches;

#[async_trait]
impl GroupCommand for AddBatches {
    const NAME: &'static str = "intake.add_affected";
    type Command = Batch;
    type Response = AddAffectedResponse;

    fn weight(batch: &Batch) -> usize {
        batch.add.affected.len()
    }

    async fn apply(
        &self,
        tx: &Tx,
        batches: &[&Batch],
    ) -> Result<Vec<Result<AddAffectedResponse, ServiceError>>, TxError> {
        let wanted: BTreeSet<DisruptionKey> = batches.iter().map(|batch| batch.disruption_key()).collect();
        let known = disruptions::disruptions_get_many(tx, &wanted).await?;
        let identities = batches.iter().flat_map(|batch| batch.identities()).collect();
        let mut directories = store::customers::directories(tx, &identities).await?;
        let mut prepared: Vec<Result<Prepared<'_>, ServiceError>> = Vec::with_capacity(batches.len());
        let mut affected: BTreeSet<AffectedKey> = BTreeSet::new();
        for batch in batches {
            let directory = directories.entry(batch.context.tenant.clone()).or_default();
            let one = Prepared::of(batch, &known, directory, tx);
            for customer in
                one.iter().flat_map(|one| &one.customers).filter(|customer| directory.was_stored(customer.id))
            {
                affected.insert((batch.context.tenant.clone(), batch.add.disruption, customer.id));
            }
            prepared.push(one);
        }
        let mut group = Group { existing: cases::cases_of_affected(tx, &affected).await?, ..Group::default() };
        let mut answers = Vec::with_capacity(batches.len());
        for (batch, one) in batches.iter().zip(prepared) {
            answers.push(one.map(|one| group.add(tx, batch, one)));
        }
        store::customers::directories_store(tx, &directories)?;
        cases::cases_insert(tx, &group.cases)?;
        group.outcome.store(tx)?;
        disruptions::disruptions_count(tx, &group.added);
        Ok(answers)
    }
}

impl Batch {
    fn disruption_key(&self) -> DisruptionKey {
        (self.context.tenant.clone(), self.add.disruption)
    }

    fn identities(&self) -> impl Iterator<Item = (TenantId, &crate::domain::customer::Identity)> {
        let all = self.add.affected.iter().flat_map(|affected| &affected.customer.identities);
        all.map(|identity| (self.context.tenant.clone(), identity))
    }
}

/// A batch that nothing speaks against: its disruption, and for each item the event and the customer.
struct Prepared<'a> {
    disruption: &'a Disruption,
    events: Vec<FailureEvent>,
    customers: Vec<Customer>,
}

impl<'a> Prepared<'a> {
    fn of(
        batch: &Batch,
        known: &'a BTreeMap<DisruptionKey, Disruption>,
        directory: &mut crate::domain::directory::Directory,
        tx: &Tx,
    ) -> Result<Self, ServiceError> {
        let not_found = || ServiceError::not_found(batch.add.disruption);
        let disruption = known.get(&batch.disruption_key()).ok_or_else(not_found)?;
        let events = events(disruption, &batch.add.affected)?;
        let drafts: Vec<(&CustomerDraft, CustomerId)> =
            batch.add.affected.iter().zip(&batch.ids).map(|(affected, (_, id))| (&affected.customer, *id)).collect();
        // Last, because a batch that is refused must leave the directory as it was.
        let field = |index| format!("affected[{index}].customer");
        let customers = customers::resolve(directory, &drafts, tx.now(), field)?;
        Ok(Self { disruption, events, customers })
    }
}

/// The disruption's event with each customer's facts.
fn events(disruption: &Disruption, affected: &[Affected]) -> Result<Vec<FailureEvent>, ServiceError> {
    let mut events = Vec::with_capacity(affected.len());
    let mut violations = Vec::new();
    for (index, affected) in affected.iter().enumerate() {
        match disruption.content.event.with_facts(&affected.facts) {
            Some(event) => events.push(event),
            None => violations.push(FieldViolation {
                field: format!("affected[{index}].facts"),
                reason: "TOO_MANY_ITEMS".to_owned(),
                description: "there would be more than 64 facts together with those of the disruption".to_owned(),
            }),
        }
    }
    if violations.is_empty() { Ok(events) } else { Err(ServiceError::invalid(violations)) }
}

/// What the batches of a group have done so far.
#[derive(Default)]
struct Group {
    cases: Vec<(TenantId, Case)>,
    outcome: Outcome,
    existing: BTreeMap<AffectedKey, CaseId>,
    added: BTreeMap<DisruptionKey, i64>,
}

impl Group {
    fn add(&mut self, tx: &Tx, batch: &Batch, prepared: Prepared<'_>) -> AddAffectedResponse {
        let context = &batch.context;
        let mut results = Vec::with_capacity(batch.ids.len());
        for ((event, customer), (new_case, _)) in prepared.events.into_iter().zip(&prepared.customers).zip(&batch.ids) {
            let key: AffectedKey = (context.tenant.clone(), prepared.disruption.id, customer.id);
            let existing = self.existing.get(&key).copied();
            results.push(AffectedResult {
                case: existing.unwrap_or(*new_case).to_string(),
                customer: customer.id.to_string(),
                already_added: existing.is_some(),
            });
            if existing.is_some() {
                continue;
            }
            let case =
                Case::of_disruption(*new_case, customer.id, prepared.disruption, event, journey(context), tx.now());
            let (case, _) = self.outcome.take(tx, context, customer, recovery::on_opened(case, tx.now()));
            self.cases.push((context.tenant.clone(), case));
            self.existing.insert(key, *new_case);
            *self.added.entry(batch.disruption_key()).or_default() += 1;
        }
        AddAffectedResponse { results }
    }
}
