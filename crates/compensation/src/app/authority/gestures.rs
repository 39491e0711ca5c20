//! Gestures of rules: a group of remedies is judged against budgets and repetition by one reading of each table.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Tx, TxError};
use kernel::{RemedyId, ServiceError, TenantId};

use super::super::Parts;
use super::GESTURE;
use super::policies::InForce;
use crate::domain::assessment::Assessment;
use crate::domain::event::FailureEvent;
use crate::domain::line::RemedyLine;
use crate::domain::policy::abuse::{Claim, Dimension, Seen, Signal};
use crate::domain::policy::budgets::{Band, Book};
use crate::domain::policy::gestures::{Split, has_gestures, split};
use crate::domain::policy::measure::{Unit, gestures, sum_gestures};
use crate::domain::policy::window::{day_of, first_day, start_of};
use crate::store::goodwill::{self, StoredSignal};
use crate::store::spending::{self, Account, Entry, Scope};

/// Why a gesture waits that the gate has left to a person.
const ABOVE_GUIDANCE: &str = "the gate gives no more of gestures without a person";

/// A remedy that may give gestures.
pub(in crate::app) struct GestureAsk<'a> {
    pub(in crate::app) tenant: &'a TenantId,
    pub(in crate::app) event: &'a FailureEvent,
    pub(in crate::app) assessment: &'a Assessment,
    pub(in crate::app) claims: Vec<Claim>,
    /// Gestures that the gate has left to a person already.
    pub(in crate::app) to_approve: &'a [RemedyLine],
}

impl GestureAsk<'_> {
    fn asks(&self) -> bool {
        has_gestures(self.assessment) || !self.to_approve.is_empty()
    }
}

/// What of it goes ahead, what waits, and what is written about it.
pub(in crate::app) struct GesturePlan {
    pub(in crate::app) split: Split,
    pub(in crate::app) policies: BTreeMap<String, String>,
    /// Counted for good.
    pub(in crate::app) given: Vec<Entry>,
    /// Counted until the offer is answered.
    pub(in crate::app) offered: Vec<Entry>,
    pub(in crate::app) claims: Vec<Claim>,
    pub(in crate::app) signals: Vec<StoredSignal>,
}

impl Parts {
    /// Plans for remedies of a group, in their order; none for those without gestures. `in_force` has the policies of every
    /// tenant with gestures.
    pub(in crate::app) async fn plan_gestures(
        &self,
        tx: &Tx,
        asks: &[GestureAsk<'_>],
        in_force: &BTreeMap<TenantId, InForce>,
    ) -> Result<Vec<Option<GesturePlan>>, TxError> {
        let mut plans: Vec<Option<GesturePlan>> = asks.iter().map(|_| None).collect();
        let asking: Vec<usize> = (0..asks.len()).filter(|place| asks[*place].asks()).collect();
        if asking.is_empty() {
            return Ok(plans);
        }
        let mut books = self.books(tx, asks, &asking, in_force).await?;
        let mut repeats = Repeats::read(tx, asks, &asking, in_force).await?;
        for place in asking {
            let ask = &asks[place];
            let policies =
                in_force.get(ask.tenant).ok_or_else(|| ServiceError::internal("gestures without policies"))?;
            let band = policies.budgets.band(policies.budgets.lifetime_value(ask.event));
            let signals = repeats.signals(place, ask, policies);
            let book = books.entry(ask.tenant.clone()).or_default();
            let mut split = split(ask.assessment, &policies.budgets, band, book, &signals);
            if !ask.to_approve.is_empty() {
                split.lines.extend_from_slice(ask.to_approve);
                split.reasons.push(ABOVE_GUIDANCE.to_owned());
            }
            let entries = |amounts: &BTreeMap<Unit, i64>| budget_entries(band, amounts);
            let goes_ahead = has_gestures(&split.now);
            if goes_ahead {
                repeats.add(ask);
            }
            plans[place] = Some(GesturePlan {
                given: entries(&split.given),
                offered: entries(&split.offered),
                policies: policies.versions(),
                claims: if goes_ahead { ask.claims.clone() } else { Vec::new() },
                signals: self.stored_signals(tx, ask.tenant, &signals, &policies.abuse.version).await?,
                split,
            });
        }
        Ok(plans)
    }

    /// The sums of all budgets that the group may take from, under their locks.
    async fn books(
        &self,
        tx: &Tx,
        asks: &[GestureAsk<'_>],
        asking: &[usize],
        in_force: &BTreeMap<TenantId, InForce>,
    ) -> Result<BTreeMap<TenantId, Book>, TxError> {
        let mut wanted: BTreeMap<(&TenantId, Account), Vec<u32>> = BTreeMap::new();
        for place in asking {
            let ask = &asks[*place];
            let Some(policies) = in_force.get(ask.tenant) else { continue };
            let Some(band) = policies.budgets.band(policies.budgets.lifetime_value(ask.event)) else { continue };
            let windows: Vec<u32> = band.limits.iter().map(|(window, _)| *window).collect();
            // Both may be in one currency, of which one sum is read.
            for amounts in
                [sum_gestures(&ask.assessment.automatic), gestures(&ask.assessment.choice_of, &ask.assessment.plus)]
            {
                for entry in budget_entries(Some(band), &amounts) {
                    wanted.insert((ask.tenant, entry.account), windows.clone());
                }
            }
        }
        let holders = wanted.keys().map(|(tenant, account)| ((*tenant).clone(), account.scope, account.holder.clone()));
        spending::lock_in_tx(tx, &holders.collect()).await?;
        let today = day_of(tx.now());
        let questions: Vec<(&TenantId, &Account, u32)> = wanted
            .iter()
            .flat_map(|((tenant, account), windows)| windows.iter().map(move |window| (*tenant, account, *window)))
            .collect();
        let reading: Vec<_> =
            questions.iter().map(|(tenant, account, window)| (*tenant, *account, first_day(today, *window))).collect();
        let sums = spending::sums_in_tx(tx, &reading).await?;
        let mut books: BTreeMap<TenantId, Book> = BTreeMap::new();
        for ((tenant, account, window), sum) in questions.into_iter().zip(sums) {
            books.entry(tenant.clone()).or_default().set(&account.holder, window, account.unit.clone(), sum);
        }
        Ok(books)
    }

    /// Signals as they are stored, with the remedies that they repeat.
    pub(super) async fn stored_signals(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        signals: &[Signal],
        version: &str,
    ) -> Result<Vec<StoredSignal>, TxError> {
        let claims: Vec<_> =
            signals.iter().map(|signal| (tenant, &signal.claim, since(tx, signal.threshold.window_days))).collect();
        let mut evidence = goodwill::evidence_in_tx(tx, &claims).await?;
        let stored = signals.iter().enumerate().map(|(place, signal)| {
            let seen = evidence.remove(&place).unwrap_or_default();
            goodwill::stored(self.engine.new_id(), signal, version, seen, tx.now())
        });
        Ok(stored.collect())
    }
}

/// What is counted against the budget of a band.
pub(super) fn budget_entries(band: Option<&Band>, amounts: &BTreeMap<Unit, i64>) -> Vec<Entry> {
    let Some(band) = band else { return Vec::new() };
    let entries = amounts.iter().filter(|(_, amount)| **amount > 0).map(|(unit, amount)| Entry {
        account: Account {
            scope: Scope::Budget,
            holder: band.id.clone(),
            kind: GESTURE.to_owned(),
            unit: unit.clone(),
        },
        amount: *amount,
    });
    entries.collect()
}

/// The beginning of a window that ends now.
pub(super) fn since(tx: &Tx, window_days: u32) -> kernel::Timestamp {
    start_of(first_day(day_of(tx.now()), window_days))
}

/// How often claims were seen: in the database, and by the remedies of this group that came before.
struct Repeats {
    seen: BTreeMap<(usize, usize), Seen>,
    in_group: BTreeMap<(TenantId, Dimension, String), BTreeSet<(RemedyId, kernel::CustomerId)>>,
}

impl Repeats {
    async fn read(
        tx: &Tx,
        asks: &[GestureAsk<'_>],
        asking: &[usize],
        in_force: &BTreeMap<TenantId, InForce>,
    ) -> Result<Self, TxError> {
        let mut places = Vec::new();
        let mut claims = Vec::new();
        for place in asking {
            let ask = &asks[*place];
            for (index, claim) in ask.claims.iter().enumerate() {
                let threshold = in_force.get(ask.tenant).and_then(|policies| policies.abuse.threshold(claim.dimension));
                if let Some(threshold) = threshold {
                    places.push((*place, index));
                    claims.push((ask.tenant, claim, since(tx, threshold.window_days)));
                }
            }
        }
        let seen = goodwill::seen_in_tx(tx, &claims).await?;
        Ok(Self { seen: places.into_iter().zip(seen).collect(), in_group: BTreeMap::new() })
    }

    fn signals(&self, place: usize, ask: &GestureAsk<'_>, policies: &InForce) -> Vec<Signal> {
        let signal = |(index, claim): (usize, &Claim)| {
            let mut seen = self.seen.get(&(place, index)).copied()?;
            let key = (ask.tenant.clone(), claim.dimension, claim.value.clone());
            if let Some(others) = self.in_group.get(&key) {
                let customers: BTreeSet<_> = others.iter().map(|(_, customer)| *customer).collect();
                let others_of = customers.iter().filter(|customer| **customer != claim.customer).count();
                seen.remedies = seen.remedies.saturating_add(u32::try_from(others.len()).unwrap_or(u32::MAX));
                seen.customers = seen.customers.saturating_add(u32::try_from(others_of).unwrap_or(u32::MAX));
            }
            policies.abuse.signal(claim, seen)
        };
        ask.claims.iter().enumerate().filter_map(signal).collect()
    }

    fn add(&mut self, ask: &GestureAsk<'_>) {
        for claim in &ask.claims {
            let key = (ask.tenant.clone(), claim.dimension, claim.value.clone());
            self.in_group.entry(key).or_default().insert((claim.remedy, claim.customer));
        }
    }
}
