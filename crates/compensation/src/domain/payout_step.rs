//! What a step of a payout does, and what comes of it: reliability rules P1 to P6 and P9, as pure functions.
//!
//! A step is begun in one transaction (`begin`), carried out outside of any (send or look up), and recorded in another
//! (`record`). The number of the step is its fence: only a success is taken from a step that is not the last one.

use std::time::Duration;

use kernel::{CaseId, Money, PayoutId, RemedyId, Timestamp};
use uuid::Uuid;

use super::ledger::Account;
use super::payout::{PayoutEvent, PayoutState};
use super::payout_settlement::Outcome;
use super::safeguards::{Safeguard, Safeguards};
use super::transition::InvalidTransition;

/// A payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// The remedy that it belongs to.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// What gave it: the offer that was accepted, or the remedy itself.
    pub grant: Uuid,
    /// The line that gave it.
    pub line: String,
    /// Where it stands.
    pub state: PayoutState,
    /// What is paid.
    pub amount: Money,
    /// The account that it is an expense on.
    pub cost: Account,
    /// Whom.
    pub payee: String,
    /// The key that the provider knows it by.
    pub key: String,
    /// The request, rendered once and sent byte by byte the same every time.
    pub request: Vec<u8>,
    /// Times that it may have been sent.
    pub attempts: u32,
    /// Steps begun, attempts and look-ups.
    pub steps: u32,
    /// When the first attempt was begun.
    pub first_attempt_at: Option<Timestamp>,
    /// Nothing is sent from this time on.
    pub key_valid_until: Option<Timestamp>,
    /// When the next step is due.
    pub next_step_at: Timestamp,
    /// When the provider first said that it does not know it, after the last attempt.
    pub not_found_at: Option<Timestamp>,
    /// The provider's reference.
    pub reference: String,
    /// Why it was declined or needs a person.
    pub reason: String,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it last changed: while a step is under way, when that began.
    pub updated_at: Timestamp,
}

/// What the provider promises, and how patient we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderRules {
    /// How long the provider keeps a key.
    pub key_ttl: Duration,
    /// How long the provider may take to learn of its own executions.
    pub settlement_delay: Duration,
    /// The first pause between steps; doubles with each.
    pub retry_base: Duration,
    /// The longest pause between steps.
    pub retry_cap: Duration,
    /// The protections of the protocol: all.
    pub safeguards: Safeguards,
}

/// What to do now, outside of any transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send the stored request, unless the key's time has passed meanwhile.
    Send,
    /// Ask the provider what became of it.
    LookUp,
}

/// What a step found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It was executed, for this amount where the provider says so.
    Executed {
        /// The provider's reference.
        reference: String,
        /// What was paid, as a look-up tells.
        amount: Option<Money>,
    },
    /// It was not executed and never will be under this key.
    Declined {
        /// The provider's reason.
        reason: String,
    },
    /// The provider works on it.
    Pending,
    /// The provider does not know it. No proof that it was not executed.
    NotFound,
    /// No answer that can be read: time-out, server error, broken connection.
    Lost {
        /// What came instead.
        why: String,
    },
}

/// What recording a finding changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Paid now: the reservation is posted.
    Confirmed,
    /// Refused now: the reservation is released, and a person has to look.
    Declined,
    /// Not to be found out: the reservation stays, and a person has to look.
    NeedsPerson,
    /// Not known yet; the next step is scheduled.
    StillUnknown,
    /// Said before, or said by a step that is not the last one: nothing changed.
    Nothing,
    /// The provider says that it paid what it said it never would: nothing is changed, and a person has to look.
    Contradiction,
}

impl Payout {
    /// Begins a step: the intent that is recorded before a byte leaves, with the key's time limit and with the time of
    /// the step after this one.
    ///
    /// # Errors
    /// When the payout has ended.
    pub fn begin(&mut self, now: Timestamp, rules: &ProviderRules) -> Result<Step, InvalidTransition> {
        self.state = self.state.on(PayoutEvent::Begin)?;
        let key_valid_until = *self.key_valid_until.get_or_insert(now.plus(rules.key_ttl * 3 / 4));
        self.first_attempt_at.get_or_insert(now);
        let protected = now < key_valid_until || !rules.safeguards.hold(Safeguard::WindowBeforeEverySend);
        let step = if protected { Step::Send } else { Step::LookUp };
        if step == Step::Send {
            self.attempts += 1;
            // What a look-up said before this attempt says nothing of it.
            self.not_found_at = None;
        }
        self.steps += 1;
        self.next_step_at = now.plus(pause(self.steps, rules));
        if let Some(not_found_at) = self.not_found_at {
            // A second look-up proves nothing before the provider had its time.
            self.next_step_at = self.next_step_at.max(not_found_at.plus(rules.settlement_delay));
        }
        self.updated_at = now;
        Ok(step)
    }

    /// Begins a look-up that somebody asked for, of a payout that may have been sent: false when there is nothing to find
    /// out. It does not put off the next step, and a payout that a person has stays with that person.
    pub fn begin_look_up(&mut self, now: Timestamp, rules: &ProviderRules) -> bool {
        match self.state {
            PayoutState::Submitting | PayoutState::Unknown => {
                self.steps += 1;
                if self.next_step_at <= now {
                    self.next_step_at = now.plus(rules.retry_base);
                }
                self.updated_at = now;
                true
            }
            PayoutState::Manual => true,
            PayoutState::Reserved | PayoutState::Confirmed | PayoutState::Declined | PayoutState::Voided => false,
        }
    }

    /// Takes what two people found out about a payout that is MANUAL.
    ///
    /// # Errors
    /// When it is not MANUAL.
    pub fn settle(&mut self, outcome: Outcome, reference: &str, now: Timestamp) -> Result<Recorded, InvalidTransition> {
        let (event, recorded) = match outcome {
            Outcome::Executed => (PayoutEvent::Confirm, Recorded::Confirmed),
            Outcome::NotExecuted => (PayoutEvent::RuleOut, Recorded::Declined),
        };
        if self.state != PayoutState::Manual {
            return Err(InvalidTransition {
                machine: "the payout",
                state: self.state.as_str(),
                event: "a person's word",
            });
        }
        self.state = self.state.on(event)?;
        match outcome {
            Outcome::Executed => {
                reference.clone_into(&mut self.reference);
                self.reason = String::new();
            }
            Outcome::NotExecuted => "two people found out that it was not executed".clone_into(&mut self.reason),
        }
        // People's step counts as one: whatever the machine still brings is of an older one.
        self.steps += 1;
        self.updated_at = now;
        Ok(recorded)
    }

    /// True while the key protects a send; asked immediately before every one.
    pub fn may_be_sent(&self, now: Timestamp) -> bool {
        self.key_valid_until.is_some_and(|until| now < until)
    }

    /// Takes what step number `step` found out.
    pub fn record(&mut self, step: u32, finding: Finding, now: Timestamp, rules: &ProviderRules) -> Recorded {
        if let Finding::Executed { reference, amount } = finding {
            return self.record_execution(reference, amount, now, rules.safeguards);
        }
        let is_last = step == self.steps || !rules.safeguards.hold(Safeguard::Fence);
        if !is_last || !self.state.is_moving() {
            return Recorded::Nothing;
        }
        match finding {
            Finding::Executed { .. } => Recorded::Nothing,
            Finding::Declined { reason } => self.become_(PayoutEvent::Decline, reason, now, Recorded::Declined),
            Finding::Pending => {
                self.not_found_at = None;
                self.become_(PayoutEvent::Lose, "the provider is working on it".to_owned(), now, Recorded::StillUnknown)
            }
            Finding::Lost { why } if !rules.safeguards.hold(Safeguard::UnknownIsNoRefusal) => {
                self.become_(PayoutEvent::Decline, why, now, Recorded::Declined)
            }
            Finding::Lost { why } => self.become_(PayoutEvent::Lose, why, now, Recorded::StillUnknown),
            Finding::NotFound if !rules.safeguards.hold(Safeguard::NotFoundIsNoProof) => {
                self.become_(PayoutEvent::Decline, NOT_KNOWN.to_owned(), now, Recorded::Declined)
            }
            // Another attempt may still come: the search begins after the last one.
            Finding::NotFound if self.may_be_sent(now) => {
                self.become_(PayoutEvent::Lose, NOT_KNOWN.to_owned(), now, Recorded::StillUnknown)
            }
            Finding::NotFound => match self.not_found_at {
                // It counts when it was asked late enough, not when its answer came late: a process may have slept.
                Some(first) if self.updated_at >= first.plus(rules.settlement_delay) => {
                    let reason = format!("the provider did not know it at {first} nor at {now}, which proves nothing");
                    self.become_(PayoutEvent::GiveUp, reason, now, Recorded::NeedsPerson)
                }
                Some(_) => self.become_(PayoutEvent::Lose, NOT_KNOWN.to_owned(), now, Recorded::StillUnknown),
                None => {
                    self.not_found_at = Some(now);
                    self.become_(PayoutEvent::Lose, NOT_KNOWN.to_owned(), now, Recorded::StillUnknown)
                }
            },
        }
    }

    fn record_execution(
        &mut self,
        reference: String,
        amount: Option<Money>,
        now: Timestamp,
        safeguards: Safeguards,
    ) -> Recorded {
        if self.state == PayoutState::Confirmed {
            return Recorded::Nothing;
        }
        let other = amount.filter(|paid| *paid != self.amount && safeguards.hold(Safeguard::AmountsCompared));
        if let Some(paid) = other {
            // Kept, so that nobody can say that nothing was executed.
            self.reference = reference;
            let reason = format!("the provider paid {paid} instead of {}", self.amount);
            return self.become_(PayoutEvent::GiveUp, reason, now, Recorded::NeedsPerson);
        }
        if self.state.on(PayoutEvent::Confirm).is_err() {
            return Recorded::Contradiction;
        }
        self.reference = reference;
        self.become_(PayoutEvent::Confirm, String::new(), now, Recorded::Confirmed)
    }

    fn become_(&mut self, event: PayoutEvent, reason: String, now: Timestamp, recorded: Recorded) -> Recorded {
        match self.state.on(event) {
            Ok(state) => {
                self.state = state;
                self.reason = reason;
                self.updated_at = now;
                recorded
            }
            Err(_) => Recorded::Nothing,
        }
    }
}

const NOT_KNOWN: &str = "the provider does not know it, which proves nothing";

/// The pause after step number `step`: doubles from the base up to the cap.
pub(super) fn pause(step: u32, rules: &ProviderRules) -> Duration {
    let factor = 1_u32.checked_shl(step.saturating_sub(1)).unwrap_or(u32::MAX);
    rules.retry_base.saturating_mul(factor).min(rules.retry_cap)
}

#[cfg(test)]
#[path = "payout_step_tests.rs"]
pub(crate) mod tests;
