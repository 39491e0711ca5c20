//! Takes a batch of a settlement file: each line is one payout's, or a discrepancy.
//!
//! One transaction for the whole batch, with one statement for each table; only payouts that a line confirms are locked
//! and written one by one. Batches of one tenant come one after the other, so that a payout gets one line whatever
//! files arrive at once. A line that was taken before is left alone: the same file again changes nothing.

use std::collections::BTreeSet;

use api::compensation::ReconcileSettlementResponse;
use api::method::settlement_service::RECONCILE_SETTLEMENT;
use api::reason::compensation::SETTLEMENT_FILE_CHANGED;
use durable::{Tx, TxError};
use kernel::{Answer, PayoutId, RequestContext, RequestKey, ServiceError};
use opentelemetry::KeyValue;
use serde::Serialize;
use uuid::Uuid;

use super::{App, own_calls};
use crate::domain::payout_step::{Finding, Payout};
use crate::domain::settlement::{Day, Discrepancy, DiscrepancyKind, Line, Place, Verdict, judge};
use crate::store::settlement_files::{self, SettlementFile};
use crate::store::{discrepancies, payouts, remedies};

/// A batch.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reconcile {
    pub(crate) file: String,
    pub(crate) day: Day,
    pub(crate) lines: Vec<Line>,
    pub(crate) is_last: bool,
}

impl App {
    /// Takes a batch.
    ///
    /// # Errors
    /// FAILED_PRECONDITION `SETTLEMENT_FILE_CHANGED`.
    #[tracing::instrument(skip_all, name = "compensation.reconcile_settlement", fields(amends.file = %command.file))]
    pub(crate) async fn reconcile_settlement(
        &self,
        context: RequestContext,
        request_id: &str,
        command: Reconcile,
    ) -> Result<Answer<ReconcileSettlementResponse>, ServiceError> {
        let key = context.key(RECONCILE_SETTLEMENT, request_id, RequestKey::hash_of(&command));
        // A discrepancy and a booking for each line at most.
        let ids: Vec<Uuid> = command.lines.iter().flat_map(|_| [self.engine.new_id(), self.engine.new_id()]).collect();
        let app = self.clone();
        let work = move |tx: Tx| {
            let (app, context, command, ids) = (app.clone(), context.clone(), command.clone(), ids.clone());
            async move { app.take_batch(&tx, &context, &command, ids).await }
        };
        let answer = self.engine.mutate("compensation.reconcile_settlement", key, work).await?;
        if !answer.replayed {
            observe(&answer.message);
        }
        Ok(answer)
    }

    async fn take_batch(
        &self,
        tx: &Tx,
        context: &RequestContext,
        command: &Reconcile,
        ids: Vec<Uuid>,
    ) -> Result<ReconcileSettlementResponse, TxError> {
        let (tenant, mut ids) = (&context.tenant, ids.into_iter());
        settlement_files::one_at_a_time_in_tx(tx, tenant).await?;
        let mut file = settlement_files::lock_or_insert_in_tx(tx, tenant, &command.file, &command.day.text).await?;
        let new = new_lines(tx, context, command, &file).await?;
        let keys: BTreeSet<&str> = new.iter().map(|line| line.key.as_str()).collect();
        let known = payouts::by_keys_in_tx(tx, tenant, &keys).await?;
        let known_ids: Vec<PayoutId> = known.values().map(|payout| payout.id).collect();
        let mut places = settlement_files::places_in_tx(tx, tenant, &known_ids).await?;

        let mut taken: Vec<(&Line, Option<PayoutId>)> = Vec::new();
        let mut adopts: Vec<(&Line, &Payout)> = Vec::new();
        let mut differs: Vec<(&Line, Option<&Payout>, DiscrepancyKind, String)> = Vec::new();
        for line in new {
            let payout = known.get(&line.key);
            let place = payout.and_then(|payout| places.get(&payout.id));
            let verdict = judge(line, payout, place);
            let own = payout.filter(|_| place.is_none());
            if let Some(payout) = own {
                places.insert(payout.id, Place { file: command.file.clone(), line: line.number });
            }
            taken.push((line, own.map(|payout| payout.id)));
            match (verdict, payout) {
                (Verdict::Adopts, Some(payout)) => adopts.push((line, payout)),
                (Verdict::Differs(kind, why), payout) => differs.push((line, payout, kind, why)),
                (Verdict::Fits | Verdict::Adopts, _) => {}
            }
        }
        // Remedies are locked in one order, so that two transactions never wait for each other crosswise.
        adopts.sort_by_key(|(_, payout)| (payout.remedy, payout.id));
        let mut adopted = 0;
        for (line, payout) in adopts {
            match self.adopt(tx, context, line, payout, ids.next().unwrap_or_default()).await? {
                Verdict::Adopts => adopted += 1,
                Verdict::Fits => {}
                Verdict::Differs(kind, why) => differs.push((line, Some(payout), kind, why)),
            }
        }
        settlement_files::insert_lines_in_tx(tx, tenant, &command.file, &taken).await?;
        let found: Vec<_> = differs
            .into_iter()
            .map(|(line, payout, kind, why)| {
                let found = discrepancy(command, line, payout, kind, why, ids.next().unwrap_or_default(), tx);
                if let Some(payout) = payout {
                    self.milestones.discrepancy(tx, context, payout, &found);
                }
                found
            })
            .collect();
        discrepancies::insert_in_tx(tx, tenant, &found).await?;
        let there: Vec<_> = taken.iter().filter_map(|(_, payout)| *payout).collect();
        let resolution = format!("it is in {}", command.file);
        discrepancies::resolve_missing_in_tx(tx, tenant, &there, &resolution).await?;
        if command.is_last && file.completed_at.is_none() {
            file.completed_at = Some(tx.now());
            settlement_files::update_in_tx(tx, tenant, &file).await?;
            let close_at = command.day.until.plus(self.rules.settlement_delay).max(tx.now());
            own_calls::close_settlement_later(tx, context, &command.file, close_at);
        }
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(ReconcileSettlementResponse {
            file: command.file.clone(),
            lines: count(command.lines.len()),
            lines_taken_before: count(command.lines.len() - taken.len()),
            lines_matched: count(taken.len() - found.len() - adopted),
            payouts_adopted: count(adopted),
            discrepancies: count(found.len()),
            complete: file.completed_at.is_some(),
        })
    }

    /// Confirms a payout that a line tells of, unless it moved meanwhile.
    async fn adopt(
        &self,
        tx: &Tx,
        context: &RequestContext,
        line: &Line,
        seen: &Payout,
        booking: Uuid,
    ) -> Result<Verdict, TxError> {
        let tenant = &context.tenant;
        let missing = || ServiceError::internal(format!("{} has gone", seen.id));
        remedies::lock_in_tx(tx, tenant, seen.remedy).await?.ok_or_else(missing)?;
        let mut payout = payouts::lock_in_tx(tx, tenant, seen.id).await?.ok_or_else(missing)?;
        let verdict = judge(line, Some(&payout), None);
        if verdict == Verdict::Adopts {
            let finding = Finding::Executed { reference: line.reference.clone(), amount: Some(line.amount) };
            let step = payout.steps;
            let recorded = payout.record(step, finding, tx.now(), &self.rules);
            self.follow_in_tx(tx, context, &payout, recorded, (booking.into(), step)).await?;
        }
        Ok(verdict)
    }
}

/// The lines of a batch that were not taken before.
async fn new_lines<'a>(
    tx: &Tx,
    context: &RequestContext,
    command: &'a Reconcile,
    file: &SettlementFile,
) -> Result<Vec<&'a Line>, TxError> {
    let changed = |what: String| {
        let text = format!("{what} came before with other content; a file is known by its id for ever");
        ServiceError::precondition(SETTLEMENT_FILE_CHANGED, text).with("file", &command.file)
    };
    if file.day != command.day.text {
        return Err(changed(format!("{} settles {}, and", file.file, file.day)).into());
    }
    if command.lines.is_empty() {
        return Ok(Vec::new());
    }
    let before = settlement_files::lines_in_tx(tx, &context.tenant, &command.file, &command.lines).await?;
    let mut new = Vec::new();
    for line in &command.lines {
        match before.get(&line.number) {
            Some(taken) if taken == line => {}
            Some(_) => return Err(changed(format!("line {}", line.number)).into()),
            None if file.completed_at.is_some() => {
                return Err(changed(format!("{} is complete without line {}, and", file.file, line.number)).into());
            }
            None => new.push(line),
        }
    }
    Ok(new)
}

fn discrepancy(
    command: &Reconcile,
    line: &Line,
    payout: Option<&Payout>,
    kind: DiscrepancyKind,
    explanation: String,
    id: Uuid,
    tx: &Tx,
) -> Discrepancy {
    Discrepancy {
        id: id.into(),
        kind,
        payout: payout.map(|payout| payout.id),
        file: command.file.clone(),
        line: line.number,
        key: line.key.clone(),
        amount: Some(line.amount),
        explanation,
        resolution: String::new(),
        resolved_by: String::new(),
        created_at: tx.now(),
        resolved_at: None,
    }
}

/// Counts by what lines came to, after it is durable.
fn observe(taken: &ReconcileSettlementResponse) {
    let lines = opentelemetry::global::meter("amends.compensation")
        .u64_counter("amends.settlement.lines")
        .with_description("Lines of the provider's settlements, by what they came to")
        .build();
    let counts =
        [("matched", taken.lines_matched), ("adopted", taken.payouts_adopted), ("discrepancy", taken.discrepancies)];
    for (result, count) in counts {
        lines.add(u64::try_from(count).unwrap_or(0), &[KeyValue::new("result", result)]);
    }
    if taken.discrepancies > 0 {
        tracing::warn!(file = %taken.file, discrepancies = taken.discrepancies, "the settlement differs from our books");
    }
}
