//! Section `compensation.gate`: how the paradox gate weighs what happened before.

use std::time::Duration;

use chassis::config::{Problems, Validate, duration};
use serde::Deserialize;

use crate::domain::gate::GateRules;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Section `compensation.gate`. The defaults are this product's assumptions: the research says that similarity and
/// recency count and that repeated apologies harm, and names no figures.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateConfig {
    /// After this time an earlier failure weighs half.
    #[serde(with = "duration")]
    pub half_life: Duration,
    /// Earlier failures are looked at this far back.
    #[serde(with = "duration")]
    pub window: Duration,
    /// Apologies that a customer is given within `apology_window` before another one needs another kind.
    pub apology_cap: u32,
    /// How far back apologies are counted; at most `window`.
    #[serde(with = "duration")]
    pub apology_window: Duration,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { half_life: 180 * DAY, window: 730 * DAY, apology_cap: 3, apology_window: 365 * DAY }
    }
}

impl GateConfig {
    pub(crate) fn rules(&self) -> GateRules {
        GateRules {
            half_life: self.half_life,
            window: self.window,
            apology_cap: self.apology_cap,
            apology_window: self.apology_window,
        }
    }
}

impl Validate for GateConfig {
    fn validate(&self, problems: &mut Problems) {
        let most = 3_650 * DAY;
        for (key, value) in [("half_life", self.half_life), ("window", self.window)] {
            if value < DAY || value > most {
                problems.add(key, "must be 24h to 87600h (ten years)");
            }
        }
        if self.apology_cap == 0 {
            problems.add("apology_cap", "must be at least 1: an offer comes after an apology");
        }
        if self.apology_window < DAY || self.apology_window > self.window {
            problems.add("apology_window", "must be 24h to window");
        }
    }
}
