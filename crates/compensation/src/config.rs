//! Section `compensation` of the configuration.

mod gate;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use chassis::ClientConfig;
use chassis::config::{Problems, Secret, Validate, duration};
use durable::StoreConfig;
use kernel::Timestamp;
use serde::Deserialize;

pub use self::gate::GateConfig;
use crate::domain::pack::canary::CanaryRule;
use crate::domain::payout_step::ProviderRules;
use crate::domain::safeguards::Safeguards;
use crate::provider::WebhookRules;
use crate::sandbox::SandboxConfig;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Longest term, ten years, so that a slip of the pen is noticed.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// Everything that compensation needs to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Database, engine, relay, page tokens.
    pub store: StoreConfig,
    /// Targets that are told what happens to remedies, as `amends.extension.v1.MilestoneSink`.
    pub sinks: Vec<String>,
    /// The rules that say what is owed.
    pub packs: PacksConfig,
    /// How many backtests run at a time, and on how many cores.
    pub backtest: BacktestConfig,
    /// How long an offer waits for an answer.
    #[serde(with = "duration")]
    pub offer_term: Duration,
    /// How long an offer of what the law demands waits for our apology.
    #[serde(with = "duration")]
    pub apology_term: Duration,
    /// How long a voucher can be used.
    #[serde(with = "duration")]
    pub voucher_term: Duration,
    /// How long an approval waits for somebody to decide.
    #[serde(with = "duration")]
    pub approval_term: Duration,
    /// Every tenant's payouts are frozen until somebody unfreezes them after this time, RFC 3339: to be set to the time
    /// of the restore when the database comes from a backup, whose payouts may have been sent after it was taken.
    #[serde(with = "rfc_3339")]
    pub payouts_frozen_since: Option<Timestamp>,
    /// How many voucher codes that do not exist may be shown.
    pub guesses: GuessConfig,
    /// How the paradox gate weighs what happened before.
    pub gate: GateConfig,
    /// Who moves the money.
    pub provider: ProviderConfig,
    /// The sandbox provider, used when no other one is configured.
    pub sandbox: SandboxConfig,
}

/// Section `compensation.guesses`: codes that do not exist, by whom the client shows them for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuessConfig {
    /// How many in a window; more have to wait.
    pub limit: u32,
    /// The window.
    #[serde(with = "duration")]
    pub window: Duration,
}

/// Section `compensation.packs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacksConfig {
    /// Whether the packs that are shipped judge as well.
    pub shipped: bool,
    /// A directory with more packs, each in a directory of its own as `pack.yaml`.
    pub directory: Option<PathBuf>,
    /// Versions that are in force for a share of the tenants first.
    pub canary: Vec<CanaryConfig>,
}

/// One of `compensation.packs.canary`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryConfig {
    /// Id of a pack that is shipped or in the directory.
    pub pack: String,
    /// The version that is tried; the others of the pack go on for all other tenants.
    pub version: String,
    /// Its share of the tenants: 0 (nobody) to 1,000 (all).
    pub per_mille: u32,
}

impl CanaryConfig {
    pub(crate) fn rule(&self) -> CanaryRule {
        CanaryRule { pack: self.pack.clone(), version: self.version.clone(), per_mille: self.per_mille }
    }
}

/// Section `compensation.backtest`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BacktestConfig {
    /// Threads that judge, shared by all backtests; 0: as many as there are cores.
    pub workers: usize,
    /// Backtests that run at a time; others are told to come again.
    pub at_once: usize,
}

/// Section `compensation.provider`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// Address of an `amends.extension.v1.PayoutProvider`; the sandbox in this process when absent.
    pub address: Option<String>,
    /// Bearer token that the provider at the address wants.
    pub token: Option<Secret>,
    /// How the address is reached.
    pub client: ClientConfig,
    /// How long the provider keeps a payout key. Nothing is sent in the last quarter of it.
    #[serde(with = "duration")]
    pub key_ttl: Duration,
    /// How long the provider may take to learn of its own executions.
    #[serde(with = "duration")]
    pub settlement_delay: Duration,
    /// How long one call to the provider may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// First pause before a payout whose fate is not known is taken on again; doubles each time.
    #[serde(with = "duration")]
    pub retry_base: Duration,
    /// Longest such pause.
    #[serde(with = "duration")]
    pub retry_cap: Duration,
    /// What payees read on their statement, before the company's reference.
    pub statement_text: String,
    /// Secrets that the provider signs its webhooks with, as `whsec_…` or any other text; several while one is replaced.
    pub webhook_secrets: Vec<Secret>,
    /// How far the time of a webhook may be from now.
    #[serde(with = "duration")]
    pub webhook_tolerance: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreConfig::default(),
            sinks: vec!["intake".to_owned()],
            packs: PacksConfig::default(),
            backtest: BacktestConfig::default(),
            offer_term: 14 * DAY,
            apology_term: 3 * DAY,
            voucher_term: 365 * DAY,
            approval_term: 3 * DAY,
            payouts_frozen_since: None,
            guesses: GuessConfig::default(),
            gate: GateConfig::default(),
            provider: ProviderConfig::default(),
            sandbox: SandboxConfig::default(),
        }
    }
}

mod rfc_3339 {
    //! A time that may be absent, as `2026-11-22T03:05:00Z`.

    use kernel::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let parsed: jiff::Timestamp = text
            .parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is no RFC 3339 time such as 2026-11-22T03:05:00Z")))?;
        Ok(Some(Timestamp::from_micros(parsed.as_microsecond())))
    }
}

impl Default for GuessConfig {
    fn default() -> Self {
        // Typing errors of a person at a till stay well below it; a code has 70 random bits.
        Self { limit: 20, window: HOUR }
    }
}

impl Default for PacksConfig {
    fn default() -> Self {
        Self { shipped: true, directory: None, canary: Vec::new() }
    }
}

impl Default for BacktestConfig {
    fn default() -> Self {
        Self { workers: 0, at_once: 4 }
    }
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            address: None,
            token: None,
            client: ClientConfig::default(),
            key_ttl: DAY,
            settlement_delay: DAY,
            // Below the relay's own deadline, so that a step usually ends while its caller still listens.
            timeout: Duration::from_secs(3),
            retry_base: Duration::from_secs(15),
            retry_cap: HOUR,
            statement_text: "Compensation".to_owned(),
            webhook_secrets: Vec::new(),
            webhook_tolerance: Duration::from_secs(300),
        }
    }
}

impl ProviderConfig {
    pub(crate) fn webhooks(&self) -> WebhookRules {
        WebhookRules::new(&self.webhook_secrets, self.webhook_tolerance)
    }

    pub(crate) fn rules(&self) -> ProviderRules {
        ProviderRules {
            key_ttl: self.key_ttl,
            settlement_delay: self.settlement_delay,
            retry_base: self.retry_base,
            retry_cap: self.retry_cap,
            safeguards: Safeguards::ALL,
        }
    }
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        problems.scope("store", |problems| {
            for (key, problem) in self.store.problems() {
                problems.add(&key, problem);
            }
        });
        let different: BTreeSet<_> = self.sinks.iter().collect();
        if self.sinks.iter().any(String::is_empty) || different.len() < self.sinks.len() {
            problems.add("sinks", "must be names of targets, each one once");
        }
        let terms = [
            ("offer_term", self.offer_term),
            ("apology_term", self.apology_term),
            ("voucher_term", self.voucher_term),
            ("approval_term", self.approval_term),
        ];
        for (key, value) in terms {
            if value < Duration::from_secs(60) || value > LONGEST {
                problems.add(key, "must be 1m to 87600h (ten years)");
            }
        }
        if !self.packs.shipped && self.packs.directory.is_none() {
            problems.add("packs", "names no packs: set shipped or directory");
        }
        if let Err(found) = crate::packs::load(&self.packs) {
            problems.scope("packs", |problems| {
                for (key, problem) in found {
                    problems.add(&key, problem);
                }
            });
        }
        if self.backtest.workers > 256 {
            problems.add("backtest.workers", "must be 0 (as many as cores) to 256");
        }
        if !(1..=64).contains(&self.backtest.at_once) {
            problems.add("backtest.at_once", "must be 1 to 64");
        }
        let window = Duration::from_secs(1)..=30 * DAY;
        if self.guesses.limit == 0 || !window.contains(&self.guesses.window) {
            problems.add("guesses", "must have a limit above 0 and a window of 1s to 720h");
        }
        problems.within("gate", &self.gate);
        problems.within("provider", &self.provider);
        problems.within("sandbox", &self.sandbox);
    }
}

impl Validate for ProviderConfig {
    fn validate(&self, problems: &mut Problems) {
        problems.within("client", &self.client);
        // A channel cannot be tried here: it wants a runtime.
        let schemes = ["http://", "https://", "dns:///", "dns+https:///"];
        if let Some(address) = &self.address
            && !schemes.iter().any(|scheme| address.len() > scheme.len() && address.starts_with(scheme))
        {
            problems.add("address", "must start with http://, https://, dns:/// or dns+https:///");
        }
        if self.timeout.is_zero() || self.timeout * 16 > self.key_ttl {
            problems.add(
                "timeout",
                "must be above zero and at most a sixteenth of key_ttl: a request that was sent in \
                                     time must arrive while the provider still knows its key",
            );
        }
        if self.retry_base < self.timeout * 2 {
            problems.add("retry_base", "must be at least twice timeout, so that a step has ended before the next");
        }
        if self.retry_cap < self.retry_base {
            problems.add("retry_cap", "must not be below retry_base");
        }
        if self.webhook_secrets.iter().any(|secret| secret.expose().len() < 16) {
            problems.add("webhook_secrets", "must have 16 characters or more each");
        }
        if self.webhook_tolerance.is_zero() || self.webhook_tolerance > HOUR {
            problems.add("webhook_tolerance", "must be more than zero and at most 1h");
        }
        if !(1..=60).contains(&self.statement_text.chars().count()) {
            problems.add("statement_text", "must have 1 to 60 characters");
        }
    }
}
