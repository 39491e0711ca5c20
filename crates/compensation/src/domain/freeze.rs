//! The kill switch of payouts: while they are frozen, nothing is sent to the provider, reservations stay, timers come
//! back, and what may have been sent is still looked up.

use std::time::Duration;

use kernel::Timestamp;

use super::payout::{PayoutEvent, PayoutState};
use super::payout_step::{Payout, ProviderRules, Step, pause};
use super::transition::InvalidTransition;

/// How long a payout that was never sent waits before it looks at the switch again.
pub const RECHECK: Duration = Duration::from_secs(5 * 60);

/// Whether payouts flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FreezeState {
    /// Payouts are sent.
    Flowing,
    /// Nothing is sent.
    Frozen,
}

/// What somebody does to the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub enum FreezeEvent {
    /// Stop sending. May be said again, with another reason.
    Freeze,
    /// Send again.
    Unfreeze,
}

impl FreezeState {
    /// All states.
    pub const ALL: [FreezeState; 2] = [Self::Flowing, Self::Frozen];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flowing => "FLOWING",
            Self::Frozen => "FROZEN",
        }
    }

    /// The reverse of [`FreezeState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When payouts that flow are to be unfrozen.
    pub const fn on(self, event: FreezeEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Flowing => match event {
                FreezeEvent::Freeze => Ok(Self::Frozen),
                FreezeEvent::Unfreeze => {
                    Err(InvalidTransition { machine: "the payout freeze", state: self.as_str(), event: "unfreezing" })
                }
            },
            Self::Frozen => match event {
                FreezeEvent::Freeze => Ok(Self::Frozen),
                FreezeEvent::Unfreeze => Ok(Self::Flowing),
            },
        }
    }
}

/// The switch of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFreeze {
    /// Where it stands.
    pub state: FreezeState,
    /// Why.
    pub reason: String,
    /// Who moved it last; empty when nobody has.
    pub changed_by: String,
    /// When it was moved last.
    pub changed_at: Option<Timestamp>,
}

impl PayoutFreeze {
    /// What holds: the switch as it was last moved, unless the configuration freezes everything since a later time.
    pub fn in_force(stored: Option<Self>, frozen_since: Option<Timestamp>) -> Self {
        match (stored, frozen_since) {
            (Some(stored), Some(since)) if stored.changed_at.is_some_and(|at| at >= since) => stored,
            (_, Some(since)) => Self {
                state: FreezeState::Frozen,
                reason: format!("the configuration freezes payouts since {since}"),
                changed_by: String::new(),
                changed_at: None,
            },
            (Some(stored), None) => stored,
            (None, None) => {
                Self { state: FreezeState::Flowing, reason: String::new(), changed_by: String::new(), changed_at: None }
            }
        }
    }
}

impl Payout {
    /// A step while payouts are frozen: never a send. `None` for what was never sent, which waits.
    ///
    /// # Errors
    /// When the payout has ended.
    pub fn begin_frozen(&mut self, now: Timestamp, rules: &ProviderRules) -> Result<Option<Step>, InvalidTransition> {
        let next = self.state.on(PayoutEvent::Begin)?;
        self.steps += 1;
        self.updated_at = now;
        if self.state == PayoutState::Reserved {
            self.next_step_at = now.plus(RECHECK);
            return Ok(None);
        }
        self.state = next;
        self.next_step_at = now.plus(pause(self.steps, rules));
        if self.may_be_sent(now) {
            // It can still be sent when payouts flow again: that the provider does not know it begins no proof.
            self.not_found_at = None;
        } else if let Some(not_found_at) = self.not_found_at {
            self.next_step_at = self.next_step_at.max(not_found_at.plus(rules.settlement_delay));
        }
        Ok(Some(Step::LookUp))
    }
}

#[cfg(test)]
#[path = "freeze_tests.rs"]
mod tests;
