//! The use cases, one a file, each with the transaction that it owns.
//!
//! Calls the domain for every decision and the store for every row. What always holds: a change, what it means for the
//! ledger, its timers and its milestones commit together; a remedy is locked before anything that belongs to it; the
//! provider is called outside of any transaction and only by `advance_payout`.

mod advance_payout;
mod apply_pack;
mod authority;
mod backtest_pack;
mod by_law;
mod close_settlement;
mod counter_offer;
mod effects;
mod experiments;
mod expire_offer;
mod expire_voucher;
mod freeze_payouts;
mod gate_decision;
mod give;
mod history;
mod judgement;
mod limits;
mod make_offer;
mod milestones;
pub(crate) mod money_gauges;
mod open_remedy;
mod override_gate;
mod own_calls;
mod person;
pub mod ports;
mod reads;
mod reconcile;
mod record_apology;
mod record_capture;
mod record_event;
mod record_step;
mod redeem_voucher;
mod refunds;
mod refusal;
mod rejected_call;
mod resolve_discrepancy;
mod respond_to_offer;
mod reverse_grant;
#[cfg(test)]
mod saga_tests;
mod sandbox_settlement;
mod settle_payout;
mod tenant_packs;
pub(crate) mod upkeep;
mod voucher_liability;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use durable::{Engine, PageTokens, Writer};
use kernel::{RequestContext, ServiceError, Timestamp};

pub(crate) use apply_pack::ApplyPack;
pub(crate) use authority::{ApplyPolicy, BacktestPolicy, DecideApproval, Decision, PolicyBacktested, PolicyShown};
pub(crate) use backtest_pack::{Backtest, known_version, too_large};
pub(crate) use counter_offer::CounterOffer;
pub(crate) use experiments::{ApplyExperiment, RecordOutcome, StopExperiment};
pub(crate) use freeze_payouts::SwitchPayouts;
pub(crate) use make_offer::MakeOffer;
pub(crate) use open_remedy::OpenRemedy;
pub(crate) use override_gate::OverrideGate;
pub(crate) use reconcile::Reconcile;
pub(crate) use record_capture::RecordCapture;
pub(crate) use record_event::RecordProviderEvent;
pub(crate) use redeem_voucher::RedeemVoucher;
pub(crate) use rejected_call::RejectedCalls;
pub(crate) use resolve_discrepancy::ResolveDiscrepancy;
pub(crate) use respond_to_offer::{RespondToOffer, Response};
pub(crate) use reverse_grant::{Grant, ReverseGrant};
pub(crate) use sandbox_settlement::Place;
pub(crate) use settle_payout::{DecideSettlement, SettlePayout};

use self::authority::Policies;
use self::backtest_pack::Backtests;
use self::experiments::TenantExperiments;
use self::milestones::Milestones;
use self::open_remedy::OpenRemedies;
use self::ports::PayoutProvider;
use self::tenant_packs::TenantPacks;
use crate::config::{Config, GuessConfig};
use crate::domain::assessment::Assessment;
use crate::domain::decision_value::DecisionValue;
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::gate::GateRules;
use crate::domain::pack::set::PackSet;
use crate::domain::payout_step::ProviderRules;
use crate::provider::WebhookRules;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    parts: Arc<Parts>,
    open_remedy: Writer<OpenRemedies>,
}

/// What the use cases are made of.
pub(crate) struct Parts {
    engine: Engine,
    tenant_packs: TenantPacks,
    experiments: TenantExperiments,
    backtests: Backtests,
    provider: Arc<dyn PayoutProvider>,
    rules: ProviderRules,
    gate: GateRules,
    milestones: Milestones,
    policies: Policies,
    tokens: PageTokens,
    offer_term: Duration,
    apology_term: Duration,
    voucher_term: Duration,
    approval_term: Duration,
    frozen_since: Option<Timestamp>,
    guesses: GuessConfig,
    statement_text: String,
    webhooks: WebhookRules,
    uses_sandbox: bool,
}

impl Parts {
    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is done about durable calls that do not go through.
    pub(crate) fn rejected_calls(&self) -> RejectedCalls {
        RejectedCalls { milestones: self.milestones.clone() }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("engine", &self.parts.engine).finish_non_exhaustive()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl App {
    /// The use cases on an engine. Must be called within a tokio runtime.
    pub(crate) fn start(engine: &Engine, config: &Config, packs: PackSet, provider: Arc<dyn PayoutProvider>) -> Self {
        Self::with_rules(engine, config, packs, provider, config.provider.rules())
    }

    /// The use cases with other rules about the provider: tests take protections away.
    fn with_rules(
        engine: &Engine,
        config: &Config,
        packs: PackSet,
        provider: Arc<dyn PayoutProvider>,
        rules: ProviderRules,
    ) -> Self {
        let parts = Arc::new(Parts {
            engine: engine.clone(),
            tenant_packs: TenantPacks::new(packs),
            experiments: TenantExperiments::default(),
            backtests: Backtests::new(&config.backtest),
            provider,
            rules,
            gate: config.gate.rules(),
            milestones: Milestones::new(&config.sinks),
            policies: Policies::default(),
            tokens: PageTokens::new(config.store.page_token_key.clone()),
            offer_term: config.offer_term,
            apology_term: config.apology_term,
            voucher_term: config.voucher_term,
            approval_term: config.approval_term,
            frozen_since: config.payouts_frozen_since,
            guesses: config.guesses,
            statement_text: config.provider.statement_text.clone(),
            webhooks: config.provider.webhooks(),
            uses_sandbox: config.provider.address.is_none(),
        });
        let open_remedy = Writer::start(engine, OpenRemedies { parts: Arc::clone(&parts) });
        Self { parts, open_remedy }
    }

    /// What the use cases are made of.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// What is owed for an event, why, and what would change it, by the packs that were known at a time. Changes nothing.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    #[tracing::instrument(skip_all, name = "compensation.assess", fields(amends.event = %event.kind))]
    pub(crate) async fn assess(
        &self,
        context: &RequestContext,
        event: &FailureEvent,
        severity: Severity,
        as_of: Option<Timestamp>,
    ) -> Result<Assessment, ServiceError> {
        let packs = self.tenant_packs.of(&self.engine, &context.tenant).await?;
        let mut assessment = match as_of {
            Some(at) => packs.known_at(at).explain(event, severity),
            None => packs.set.explain(event, severity),
        };
        let at = as_of.unwrap_or_else(|| self.now());
        if assessment.names_items() {
            self.catalogue(&context.tenant, at).await?.price_all(&mut assessment, event);
        }
        let worth = self.lifetime_value(&context.tenant, event, at).await?;
        assessment.value = Some(DecisionValue::of_rules(&assessment, worth));
        Ok(assessment)
    }

    /// The packs that judge for a tenant.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub(crate) async fn packs_of(&self, context: &RequestContext) -> Result<PackSet, ServiceError> {
        Ok(self.tenant_packs.of(&self.engine, &context.tenant).await?.set)
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.now()
    }
}
