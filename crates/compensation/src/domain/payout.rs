//! The state machine of a payout. What it makes impossible: sending before the intent is recorded, and giving up a
//! payout whose fate is not known.

use super::transition::InvalidTransition;

/// Where a payout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayoutState {
    /// Decided and reserved in the ledger; nothing was sent.
    Reserved,
    /// The intent to send is recorded; the provider may have it.
    Submitting,
    /// The provider's answer is not known.
    Unknown,
    /// The provider paid. Final.
    Confirmed,
    /// The provider refused for good; nothing was paid. Final.
    Declined,
    /// Its fate could not be found out in time: a person decides.
    Manual,
    /// Withdrawn before anything was sent. Final.
    Voided,
}

/// What happens to a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayoutEvent {
    /// The intent of an attempt or of a look-up is recorded.
    Begin,
    /// The provider says that it paid: a fact, whoever brings it and however late.
    Confirm,
    /// The provider says that it did not and never will.
    Decline,
    /// No answer that says either.
    Lose,
    /// The key is not valid any more and the provider does not know the payout.
    GiveUp,
    /// Withdrawn.
    Void,
    /// Two people found out that it was not executed and never will be.
    RuleOut,
}

impl PayoutState {
    /// All states.
    pub const ALL: [PayoutState; 7] =
        [Self::Reserved, Self::Submitting, Self::Unknown, Self::Confirmed, Self::Declined, Self::Manual, Self::Voided];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Submitting => "SUBMITTING",
            Self::Unknown => "UNKNOWN",
            Self::Confirmed => "CONFIRMED",
            Self::Declined => "DECLINED",
            Self::Manual => "MANUAL",
            Self::Voided => "VOIDED",
        }
    }

    /// The reverse of [`PayoutState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// True when the money was paid, is on its way, or may be.
    pub const fn may_be_paid(self) -> bool {
        match self {
            Self::Reserved | Self::Submitting | Self::Unknown | Self::Confirmed | Self::Manual => true,
            Self::Declined | Self::Voided => false,
        }
    }

    /// True while the machine itself takes the payout on.
    pub const fn is_moving(self) -> bool {
        match self {
            Self::Reserved | Self::Submitting | Self::Unknown => true,
            Self::Confirmed | Self::Declined | Self::Manual | Self::Voided => false,
        }
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When this state does not take the event. CONFIRM on DECLINED or VOIDED is a contradiction of the provider.
    pub const fn on(self, event: PayoutEvent) -> Result<Self, InvalidTransition> {
        use PayoutEvent as E;
        match self {
            Self::Reserved => match event {
                E::Begin => Ok(Self::Submitting),
                E::Void => Ok(Self::Voided),
                E::Confirm | E::Decline | E::Lose | E::GiveUp | E::RuleOut => Err(self.refuses(event)),
            },
            Self::Submitting | Self::Unknown => match event {
                E::Begin => Ok(Self::Submitting),
                E::Confirm => Ok(Self::Confirmed),
                E::Decline => Ok(Self::Declined),
                E::Lose => Ok(Self::Unknown),
                E::GiveUp => Ok(Self::Manual),
                E::Void | E::RuleOut => Err(self.refuses(event)),
            },
            Self::Manual => match event {
                E::Confirm => Ok(Self::Confirmed),
                E::RuleOut => Ok(Self::Declined),
                E::Begin | E::Decline | E::Lose | E::GiveUp | E::Void => Err(self.refuses(event)),
            },
            Self::Confirmed => match event {
                // Said twice: nothing new.
                E::Confirm => Ok(Self::Confirmed),
                E::Begin | E::Decline | E::Lose | E::GiveUp | E::Void | E::RuleOut => Err(self.refuses(event)),
            },
            Self::Declined | Self::Voided => match event {
                E::Begin | E::Confirm | E::Decline | E::Lose | E::GiveUp | E::Void | E::RuleOut => {
                    Err(self.refuses(event))
                }
            },
        }
    }

    const fn refuses(self, event: PayoutEvent) -> InvalidTransition {
        let event = match event {
            PayoutEvent::Begin => "another step",
            PayoutEvent::Confirm => "a confirmation",
            PayoutEvent::Decline => "a refusal",
            PayoutEvent::Lose => "a lost answer",
            PayoutEvent::GiveUp => "giving up",
            PayoutEvent::Void => "a withdrawal",
            PayoutEvent::RuleOut => "a person's word that it was not executed",
        };
        InvalidTransition { machine: "the payout", state: self.as_str(), event }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use PayoutEvent::{Begin, Confirm, Decline, GiveUp, Lose, RuleOut, Void};
    use PayoutState as S;

    const EVENTS: [PayoutEvent; 7] = [Begin, Confirm, Decline, Lose, GiveUp, Void, RuleOut];

    /// Every state with every event, in the order of `EVENTS`; `None` is a refusal.
    fn table(state: S) -> [Option<S>; 7] {
        let moving =
            [Some(S::Submitting), Some(S::Confirmed), Some(S::Declined), Some(S::Unknown), Some(S::Manual), None, None];
        match state {
            S::Reserved => [Some(S::Submitting), None, None, None, None, Some(S::Voided), None],
            S::Submitting | S::Unknown => moving,
            S::Manual => [None, Some(S::Confirmed), None, None, None, None, Some(S::Declined)],
            S::Confirmed => [None, Some(S::Confirmed), None, None, None, None, None],
            S::Declined | S::Voided => [None; 7],
        }
    }

    #[test]
    fn every_state_takes_what_the_table_says() {
        for state in S::ALL {
            for (event, expected) in EVENTS.into_iter().zip(table(state)) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn the_machine_takes_on_what_takes_another_step_and_only_a_refusal_or_a_withdrawal_says_that_nothing_is_paid() {
        for state in S::ALL {
            assert_eq!(state.is_moving(), state.on(Begin).is_ok(), "{state:?}");
            let paid_in_the_end = state == S::Confirmed || EVENTS.iter().any(|event| state.on(*event).is_ok());
            assert_eq!(state.may_be_paid(), paid_in_the_end, "{state:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_may_have_been_sent_is_ever_voided(events in prop::collection::vec(0..EVENTS.len(), 0..40)) {
            let (mut state, mut begun) = (S::Reserved, false);
            for index in events {
                if let Ok(next) = state.on(EVENTS[index]) {
                    state = next;
                    begun |= EVENTS[index] == Begin;
                }
                prop_assert!(!(begun && state == S::Voided));
                prop_assert!(begun || matches!(state, S::Reserved | S::Voided));
            }
        }
    }
}
