//! An agent's offer is judged: within the agent's authority it is the agent's own decision, above it waits.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Tx, TxError};
use kernel::{Money, TenantId};

use super::super::{MakeOffer, Parts};
use super::gestures::{budget_entries, since};
use super::policies::InForce;
use crate::domain::approval::person_key;
use crate::domain::fair_amount::not_comparable;
use crate::domain::history::History;
use crate::domain::policy::abuse::{Claim, Signal, claims};
use crate::domain::policy::authority::{Reach, Used};
use crate::domain::policy::budgets::Book;
use crate::domain::policy::gestures::is_gesture;
use crate::domain::policy::measure::{self, Need};
use crate::domain::policy::window::{day_of, first_day};
use crate::domain::records::Remedy;
use crate::store::goodwill::{self, StoredSignal};
use crate::store::spending::{self, Account, Entry, Holder, Scope};

/// What comes of an agent's offer.
pub(in crate::app) struct Verdict {
    /// Why it needs approval; none when the agent may decide alone.
    pub(in crate::app) reasons: Vec<String>,
    /// The role in which it was judged.
    pub(in crate::app) role: String,
    /// The policies that judged: version by kind.
    pub(in crate::app) policies: BTreeMap<String, String>,
    /// What it counts when the agent decides alone.
    pub(in crate::app) entries: Vec<Entry>,
    /// The gestures that it repeats.
    pub(in crate::app) claims: Vec<Claim>,
    /// Signals of repetition.
    pub(in crate::app) signals: Vec<StoredSignal>,
    /// The most that it costs, by currency.
    pub(in crate::app) costs: Vec<Money>,
    /// What the customer is worth, where that is known.
    pub(in crate::app) lifetime_value: Option<Money>,
}

impl Parts {
    /// Judges an offer under the locks of everybody whose sums it counts against. The caller holds the remedy's lock.
    pub(in crate::app) async fn judge_offer(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        policies: &InForce,
        (remedy, history): (&Remedy, &History),
        offer: &MakeOffer,
        was_refused: bool,
    ) -> Result<Verdict, TxError> {
        let role = if offer.role.is_empty() { policies.authority.default_role.clone() } else { offer.role.clone() };
        let owed = history.still_owed(remedy, was_refused);
        let owed: Vec<_> = owed.iter().collect();
        let need = measure::need(&offer.options, &offer.plus, &owed);
        let gestures = measure::gestures(&offer.options, &offer.plus);
        let lifetime_value = policies.budgets.lifetime_value(&remedy.event);
        let band = policies.budgets.band(lifetime_value);
        let budgeted = budget_entries(band, &gestures);

        let mut entries: Vec<Entry> = Vec::new();
        for (scope, holder, _, _) in reaches(remedy, offer, policies.authority.window_days) {
            entries.extend(need_entries(scope, &holder, &need));
        }
        entries.extend(budgeted.iter().cloned());
        let holders: BTreeSet<Holder> =
            entries.iter().map(|entry| (tenant.clone(), entry.account.scope, entry.account.holder.clone())).collect();
        spending::lock_in_tx(tx, &holders).await?;

        let used = self.used(tx, tenant, remedy, offer, &need, policies.authority.window_days).await?;
        let mut reasons = policies.authority.reasons_against(&role, &need, &used);
        reasons.extend(measure::reasons_of_law(&offer.options, &offer.plus, &owed));
        let lines = offer.options.iter().flat_map(|option| &option.lines).chain(&offer.plus);
        reasons.extend(policies.catalogue.reasons_of_cost(lines.clone()));
        let price = remedy.gate.as_ref().and_then(|gate| gate.guidance.as_ref()).map(|guidance| guidance.price);
        reasons.extend(price.and_then(|price| not_comparable(price, lines.clone())));
        if let Some(band) = band {
            let mut book = self.book(tx, tenant, &budgeted, band.limits.iter().map(|(window, _)| *window)).await?;
            reasons.extend(policies.budgets.take(&mut book, band, &gestures).err().unwrap_or_default());
        }
        let claims = if lines.clone().any(is_gesture) {
            claims(remedy.id, remedy.case, remedy.customer, &remedy.payee, &remedy.event.reference)
        } else {
            Vec::new()
        };
        let signals = self.signals_of(tx, tenant, &claims, &policies.abuse).await?;
        reasons.extend(signals.iter().map(Signal::reason));
        Ok(Verdict {
            role,
            policies: policies.versions(),
            entries,
            claims,
            signals: self.stored_signals(tx, tenant, &signals, &policies.abuse.version).await?,
            costs: measure::costs(&offer.options, &offer.plus, &owed),
            lifetime_value,
            reasons,
        })
    }

    /// What was counted before for the same case, customer and agent.
    async fn used(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        remedy: &Remedy,
        offer: &MakeOffer,
        need: &Need,
        window_days: u32,
    ) -> Result<Used, TxError> {
        let today = day_of(tx.now());
        let mut questions: Vec<(Reach, Account, i64)> = Vec::new();
        for (scope, holder, reach, window) in reaches(remedy, offer, window_days) {
            let first = window.map_or(i64::MIN + 1, |days| first_day(today, days));
            let accounts = need_entries(scope, &holder, need).into_iter();
            questions.extend(accounts.map(|entry| (reach, entry.account, first)));
        }
        let reading: Vec<_> = questions.iter().map(|(_, account, first)| (tenant, account, *first)).collect();
        let sums = spending::sums_in_tx(tx, &reading).await?;
        let used = questions
            .into_iter()
            .zip(sums)
            .map(|((reach, account, _), sum)| ((reach, account.kind, account.unit), sum));
        Ok(used.collect())
    }

    async fn book(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        budgeted: &[Entry],
        windows: impl Iterator<Item = u32> + Clone,
    ) -> Result<Book, TxError> {
        let today = day_of(tx.now());
        let questions: Vec<(&Account, u32)> =
            budgeted.iter().flat_map(|entry| windows.clone().map(move |window| (&entry.account, window))).collect();
        let reading: Vec<_> =
            questions.iter().map(|(account, window)| (tenant, *account, first_day(today, *window))).collect();
        let sums = spending::sums_in_tx(tx, &reading).await?;
        let mut book = Book::default();
        for ((account, window), sum) in questions.into_iter().zip(sums) {
            book.set(&account.holder, window, account.unit.clone(), sum);
        }
        Ok(book)
    }

    async fn signals_of(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        claims: &[Claim],
        abuse: &crate::domain::policy::abuse::Abuse,
    ) -> Result<Vec<Signal>, TxError> {
        let watched: Vec<_> = claims
            .iter()
            .filter_map(|claim| {
                abuse.threshold(claim.dimension).map(|limit| (tenant, claim, since(tx, limit.window_days)))
            })
            .collect();
        let seen = goodwill::seen_in_tx(tx, &watched).await?;
        Ok(watched.iter().zip(seen).filter_map(|((_, claim, _), seen)| abuse.signal(claim, seen)).collect())
    }
}

/// Whose sums an agent's offer counts against: scope, holder, reach, and window in days.
fn reaches(remedy: &Remedy, offer: &MakeOffer, window_days: u32) -> [(Scope, String, Reach, Option<u32>); 3] {
    [
        (Scope::Agent, person_key(&offer.made_by), Reach::AgentDay, Some(1)),
        (Scope::Case, remedy.case.to_string(), Reach::Case, None),
        (Scope::Customer, remedy.customer.to_string(), Reach::Customer, Some(window_days)),
    ]
}

/// What is counted for one holder.
pub(super) fn need_entries(scope: Scope, holder: &str, need: &Need) -> Vec<Entry> {
    let entries = need.iter().filter(|(_, amount)| **amount > 0).map(|((kind, unit), amount)| Entry {
        account: Account { scope, holder: holder.to_owned(), kind: kind.clone(), unit: unit.clone() },
        amount: *amount,
    });
    entries.collect()
}
