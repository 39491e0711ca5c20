//! The loop that serves one target: claim, deliver, finalise, all three at the same time.
//!
//! Each target has its own, so that one that hangs delays no other. Everything in it is bounded: the calls under way by
//! the gate, the results that wait to be written by two batches, claims and writes by one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use rand::Rng as _;
use sea_orm::DbErr;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claim::{self, Claimed};
use super::deliver::Delivery;
use super::finalise::{Ended, Finalised, Outcome, finalise, streak};
use super::gate::{Gate, Signal};
use super::metrics::Metrics;
use super::policy::{self, Next, Streak};
use super::verdict::{Attempt, Failed, Failure, Verdict, judge};
use super::{RejectionHandler, RelayConfig};
use crate::Engine;

/// What a courier needs.
pub(crate) struct Courier {
    pub(crate) engine: Engine,
    pub(crate) config: Arc<RelayConfig>,
    pub(crate) delivery: Delivery,
    pub(crate) rejections: Option<Arc<dyn RejectionHandler>>,
    pub(crate) owner: Uuid,
    pub(crate) metrics: Metrics,
}

/// A claim's answer, and how many calls it asked for.
struct ClaimEnd {
    asked: usize,
    started: Instant,
    result: Result<Vec<Claimed>, DbErr>,
    /// When the next call becomes due, when nothing was.
    next_due: Option<Duration>,
}

/// A batch that was written, or was not.
struct WriteEnd {
    batch: Vec<Ended>,
    result: Result<Finalised, DbErr>,
}

type Sending = FuturesUnordered<BoxFuture<'static, (Claimed, Attempt)>>;

/// Where the loop stands.
struct Round {
    gate: Gate,
    waker: Arc<Notify>,
    sending: Sending,
    /// Tokens of the calls under way.
    under_way: BTreeMap<Uuid, Claimed>,
    ended: Vec<Ended>,
    claiming: Option<BoxFuture<'static, ClaimEnd>>,
    writing: Option<BoxFuture<'static, WriteEnd>>,
    /// True when calls may be due.
    look: bool,
    look_at: Instant,
    /// Not before then, after the database failed.
    write_at: Instant,
}

impl Courier {
    /// Serves the target until `stop`, then finishes what is under way or gives it back.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let now = Instant::now();
        let mut round = Round {
            gate: Gate::new(self.config.concurrency),
            waker: self.engine.relay_status().waker(&self.delivery.name),
            sending: FuturesUnordered::new(),
            under_way: BTreeMap::new(),
            ended: Vec::new(),
            claiming: None,
            writing: None,
            look: true,
            look_at: now,
            write_at: now,
        };
        while !stop.is_cancelled() {
            self.start_claim(&mut round);
            self.start_write(&mut round);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.progress(&mut round) => {}
            }
        }
        self.stop(round).await;
    }

    /// Waits for whatever happens next, and takes note of it.
    async fn progress(&self, round: &mut Round) {
        let timer = round.timer();
        tokio::select! {
            Some((call, attempt)) = round.sending.next() => self.attempted(round, call, &attempt),
            end = pending_or(&mut round.claiming) => self.claimed(round, end),
            end = pending_or(&mut round.writing) => self.written(round, end),
            () = round.waker.notified() => round.look = true,
            () = sleep_until(timer) => {
                if Instant::now() >= round.look_at {
                    round.look = true;
                    round.look_at = self.next_poll();
                }
            }
        }
    }

    fn start_claim(&self, round: &mut Round) {
        let room = (2 * self.config.batch).saturating_sub(round.ended.len());
        if !round.look || round.claiming.is_some() || room == 0 {
            return;
        }
        let now = Instant::now();
        let admission = round.gate.admission(now, round.sending.len());
        let asked = admission.calls.min(self.config.batch).min(room);
        if asked == 0 {
            return;
        }
        round.look = false;
        let (engine, config) = (self.engine.clone(), Arc::clone(&self.config));
        let target = Arc::clone(&self.delivery.name);
        let request = claim::Request { owner: self.owner, limit: asked, retries: admission.retries };
        round.claiming = Some(Box::pin(async move {
            let started = Instant::now();
            let result = claim::claim(&engine, &config, &target, request).await;
            let next_due = match &result {
                Ok(calls) if calls.is_empty() => claim::next_due(&engine, &target).await.unwrap_or_default(),
                _ => None,
            };
            ClaimEnd { asked, started, result, next_due }
        }));
    }

    fn claimed(&self, round: &mut Round, end: ClaimEnd) {
        let calls = match end.result {
            Ok(calls) => calls,
            Err(error) => {
                self.engine.space().note(&error);
                tracing::warn!(target = &*self.delivery.name, %error, "durable calls cannot be claimed");
                return;
            }
        };
        // More may be due than there was room for.
        round.look |= calls.len() == end.asked;
        if let Some(wait) = end.next_due {
            round.look_at = round.look_at.min(Instant::now() + wait);
        }
        // A process that was paused must not send what may be somebody else's by now.
        let fresh = end.started.elapsed() + self.config.call_timeout() < self.config.lease();
        for call in calls {
            if fresh {
                round.under_way.insert(call.message_id, call.clone());
                round.sending.push(Box::pin(self.delivery.clone().attempt(call)));
            } else {
                round.ended.push(Ended { call, outcome: Outcome::Released });
            }
        }
    }

    fn attempted(&self, round: &mut Round, call: Claimed, attempt: &Attempt) {
        round.under_way.remove(&call.message_id);
        let now = Instant::now();
        let verdict = judge(attempt);
        let was_open = round.gate.is_open();
        round.gate.record(now, signal(&verdict), dice());
        let is_open = round.gate.is_open();
        if was_open != is_open {
            self.engine.relay_status().set_circuit(&self.delivery.name, is_open);
            tracing::info!(target = &*self.delivery.name, open = is_open, "circuit");
            round.look = true;
        }
        self.metrics.outcome(&self.delivery.name, outcome_name(&verdict));
        let outcome = match verdict {
            Verdict::Done => Outcome::Done,
            Verdict::Rejected(error) => Outcome::Rejected(error),
            Verdict::Failed(failed) => self.failed(&call, failed, round.gate.is_healthy(now)),
        };
        if let Outcome::Retry { after, .. } = &outcome
            && !self.engine.clock().is_virtual()
        {
            round.look_at = round.look_at.min(now + *after);
        }
        round.ended.push(Ended { call, outcome });
    }

    fn failed(&self, call: &Claimed, failed: Failed, healthy: bool) -> Outcome {
        let failing = streak(call, &failed);
        let streak = Streak { count: failing.count, age: call.claimed_at.since(failing.since) };
        match policy::next(&failed, streak, healthy, &self.config, dice()) {
            Next::Retry(after) => {
                tracing::debug!(
                    messaging.message.id = %call.message_id,
                    target = &*self.delivery.name,
                    attempt = call.attempts,
                    error = failed.text,
                    retry_in_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
                    "an attempt at a durable call failed"
                );
                Outcome::Retry { after, failing, error: failed.text }
            }
            Next::Park => {
                tracing::error!(
                    messaging.message.id = %call.message_id,
                    target = &*self.delivery.name,
                    rpc.method = call.method,
                    attempt = call.attempts,
                    error = failed.text,
                    "a durable call is parked; its lane waits for an operator"
                );
                Outcome::Parked { failing, error: failed.text }
            }
        }
    }

    fn start_write(&self, round: &mut Round) {
        if round.ended.is_empty() || round.writing.is_some() || Instant::now() < round.write_at {
            return;
        }
        let rest = round.ended.split_off(self.config.batch.min(round.ended.len()));
        let batch = std::mem::replace(&mut round.ended, rest);
        round.writing = Some(self.write(batch));
    }

    fn write(&self, batch: Vec<Ended>) -> BoxFuture<'static, WriteEnd> {
        let (engine, rejections) = (self.engine.clone(), self.rejections.clone());
        let target = Arc::clone(&self.delivery.name);
        Box::pin(async move {
            let result = finalise(&engine, rejections.as_deref(), &target, &batch).await;
            WriteEnd { batch, result }
        })
    }

    fn written(&self, round: &mut Round, end: WriteEnd) {
        match end.result {
            Ok(finalised) => {
                round.look |= finalised.followed;
                self.count(&finalised);
            }
            Err(error) => {
                self.engine.space().note(&error);
                tracing::warn!(target = &*self.delivery.name, %error, "results of durable calls cannot be written");
                // Written again until it works: what somebody else has claimed meanwhile is fenced.
                round.ended.splice(0..0, end.batch);
                round.write_at = Instant::now() + Duration::from_millis(200).mul_f64(0.5 + dice());
            }
        }
    }

    fn count(&self, finalised: &Finalised) {
        if finalised.fenced > 0 {
            tracing::warn!(target = &*self.delivery.name, calls = finalised.fenced, "results came after the lease");
            self.metrics.fenced(&self.delivery.name, finalised.fenced);
        }
        if finalised.parked > 0 {
            self.metrics.parked(&self.delivery.name, finalised.parked);
        }
    }

    /// Finishes what is under way; what is not finished in time is given back.
    async fn stop(&self, mut round: Round) {
        let until = Instant::now() + self.config.stop_timeout();
        let in_time = tokio::time::timeout_at(until, async {
            while round.claiming.is_some()
                || round.writing.is_some()
                || !round.sending.is_empty()
                || !round.ended.is_empty()
            {
                self.start_write(&mut round);
                let timer = round.write_at.max(Instant::now() + Duration::from_millis(1));
                tokio::select! {
                    Some((call, attempt)) = round.sending.next() => self.attempted(&mut round, call, &attempt),
                    end = pending_or(&mut round.claiming) => {
                        let unsent = end.result.unwrap_or_default().into_iter();
                        round.ended.extend(unsent.map(|call| Ended { call, outcome: Outcome::Released }));
                    }
                    end = pending_or(&mut round.writing) => self.written(&mut round, end),
                    () = sleep_until(timer), if round.writing.is_none() && !round.ended.is_empty() => {}
                }
            }
        });
        if in_time.await.is_ok() {
            return;
        }
        round.sending.clear();
        let unfinished = std::mem::take(&mut round.under_way).into_values();
        let mut rest = std::mem::take(&mut round.ended);
        rest.extend(unfinished.map(|call| Ended { call, outcome: Outcome::Released }));
        tracing::warn!(
            target = &*self.delivery.name,
            calls = rest.len(),
            "stopped with calls under way; they are given back"
        );
        for batch in rest.chunks(self.config.batch) {
            // What cannot be given back is sent by others when its lease has run out.
            let end = tokio::time::timeout(Duration::from_secs(1), self.write(batch.to_vec())).await;
            if let Ok(WriteEnd { result: Ok(finalised), .. }) = end {
                self.count(&finalised);
            }
        }
    }

    /// When to look again if nothing wakes the courier: half to all of the interval from now.
    fn next_poll(&self) -> Instant {
        Instant::now() + self.config.poll().mul_f64(0.5 + dice() / 2.0)
    }
}

impl Round {
    /// When something must be looked at although nothing happened.
    fn timer(&self) -> Instant {
        let mut timer = self.look_at;
        if let (true, Some(until)) = (self.look, self.gate.open_until()) {
            timer = timer.min(until);
        }
        if !self.ended.is_empty() && self.writing.is_none() {
            timer = timer.min(self.write_at);
        }
        timer
    }
}

/// Completes when there is a future and it does.
async fn pending_or<T>(slot: &mut Option<BoxFuture<'static, T>>) -> T {
    match slot {
        Some(future) => {
            let value = future.await;
            *slot = None;
            value
        }
        None => std::future::pending().await,
    }
}

/// What an attempt says about the target, whatever it means for the call.
fn signal(verdict: &Verdict) -> Signal {
    match verdict {
        Verdict::Done | Verdict::Rejected(_) => Signal::Works,
        Verdict::Failed(failed) => match failed.failure {
            Failure::Conflict | Failure::Gap | Failure::Refused | Failure::LaneReused | Failure::Hopeless => {
                Signal::Works
            }
            Failure::Outage | Failure::Defect | Failure::Panicked | Failure::Denied | Failure::Unimplemented => {
                Signal::Fails
            }
            Failure::Exhausted => Signal::Overloaded,
        },
    }
}

fn outcome_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Rejected(_) => "rejected",
        Verdict::Failed(failed) => failed.failure.name(),
    }
}

/// From 0 to below 1.
#[expect(clippy::disallowed_methods, reason = "jitter decides nothing that a test could want to repeat")]
pub(crate) fn dice() -> f64 {
    rand::rng().random()
}
