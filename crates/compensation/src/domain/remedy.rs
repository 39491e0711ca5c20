//! The state machine of a remedy: what is done about one failure of one case.

use super::payout::PayoutState;
use super::transition::InvalidTransition;

/// Where a remedy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemedyState {
    /// An offer waits for the customer's answer.
    Offered,
    /// Something that was owed or accepted is on its way.
    Granting,
    /// Everything has been given. Final.
    Settled,
    /// Nothing is owed. Final.
    NothingOwed,
    /// The customer declined; an agent may make another offer.
    Declined,
    /// Nobody answered the offer in time; an agent may make another one.
    Unanswered,
    /// A payout needs a person.
    NeedsAttention,
    /// An offer waits until the customer has our apology.
    AwaitingApology,
    /// The customer has our apology, and an experiment puts the offer off for some time.
    AwaitingTime,
}

/// Whether there is an offer at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstOffer {
    /// There is nothing to choose.
    None,
    /// It is made at once.
    Made,
    /// It waits for our apology.
    Waits,
    /// It waits for its time after our apology.
    Later,
}

/// How far the payouts of a remedy have come, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// All have been paid; also when there are none.
    Given,
    /// At least one was refused by the provider, so that it was not paid; the others have been paid.
    Refused,
    /// At least one is on its way.
    Open,
    /// At least one may or may not have been paid, and a person has to find out.
    Unsure,
}

impl Progress {
    /// Of one payout.
    pub const fn of(payout: PayoutState) -> Self {
        match payout {
            PayoutState::Confirmed | PayoutState::Voided => Self::Given,
            PayoutState::Declined => Self::Refused,
            PayoutState::Reserved | PayoutState::Submitting | PayoutState::Unknown => Self::Open,
            PayoutState::Manual => Self::Unsure,
        }
    }

    /// Of several together: the least settled one decides.
    pub fn of_all(payouts: impl IntoIterator<Item = PayoutState>) -> Self {
        payouts.into_iter().map(Self::of).max().unwrap_or(Self::Given)
    }
}

/// What happens to a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemedyEvent {
    /// Another offer was made, with the payouts this far.
    OfferMade(Progress),
    /// The customer chose an option; with what it gives, the payouts are this far.
    OfferAccepted(Progress),
    /// The customer declined.
    OfferDeclined,
    /// The customer declined, said what would be fair, and was given another offer at once.
    OfferCountered,
    /// The customer took goodwill, and the choice that the law leaves to them was put again at once.
    GoodwillTaken,
    /// The customer has our apology, and the offer that waited for it is made.
    Apologised,
    /// The customer has our apology, and the offer comes some time after it.
    ApologisedBefore,
    /// The time of an offer that was put off has come, and it is made.
    TimeCame,
    /// Nobody answered in time.
    OfferExpired,
    /// The customer still has no apology of ours, and what the law demands waits no longer for it.
    ApologyOverdue,
    /// Nobody answered in time, and what the law demands is paid in money; the payouts are this far.
    OfferDefaulted(Progress),
    /// A payout moved; all together they are this far.
    PayoutMoved(Progress),
}

impl RemedyState {
    /// All states.
    pub const ALL: [RemedyState; 9] = [
        Self::Offered,
        Self::Granting,
        Self::Settled,
        Self::NothingOwed,
        Self::Declined,
        Self::Unanswered,
        Self::NeedsAttention,
        Self::AwaitingApology,
        Self::AwaitingTime,
    ];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "OFFERED",
            Self::Granting => "GRANTING",
            Self::Settled => "SETTLED",
            Self::NothingOwed => "NOTHING_OWED",
            Self::Declined => "DECLINED",
            Self::Unanswered => "UNANSWERED",
            Self::NeedsAttention => "NEEDS_ATTENTION",
            Self::AwaitingApology => "AWAITING_APOLOGY",
            Self::AwaitingTime => "AWAITING_TIME",
        }
    }

    /// The reverse of [`RemedyState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Where a remedy begins: with an offer, with what is given at once, or with nothing.
    pub const fn opened(offer: FirstOffer, gives_something: bool, payouts: Progress) -> Self {
        match (offer, gives_something) {
            (FirstOffer::Made, _) => Self::Offered,
            (FirstOffer::Waits, _) => Self::AwaitingApology,
            (FirstOffer::Later, _) => Self::AwaitingTime,
            (FirstOffer::None, true) => Self::after_grant(payouts),
            (FirstOffer::None, false) => Self::NothingOwed,
        }
    }

    const fn after_grant(payouts: Progress) -> Self {
        match payouts {
            Progress::Given => Self::Settled,
            Progress::Open => Self::Granting,
            Progress::Refused | Progress::Unsure => Self::NeedsAttention,
        }
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When this state does not take the event.
    pub const fn on(self, event: RemedyEvent) -> Result<Self, InvalidTransition> {
        use RemedyEvent as E;
        match self {
            Self::Offered => match event {
                E::OfferAccepted(payouts) => Ok(Self::after_grant(payouts)),
                E::OfferDeclined => Ok(Self::Declined),
                E::OfferCountered | E::GoodwillTaken => Ok(Self::Offered),
                E::OfferExpired => Ok(Self::Unanswered),
                E::OfferDefaulted(payouts) => Ok(Self::after_grant(payouts)),
                // What was given at once arrives while the customer still thinks about the rest.
                E::PayoutMoved(_) => Ok(Self::Offered),
                E::OfferMade(_) | E::Apologised | E::ApologisedBefore | E::ApologyOverdue | E::TimeCame => {
                    Err(self.refuses(event))
                }
            },
            Self::AwaitingApology => match event {
                E::Apologised | E::ApologyOverdue => Ok(Self::Offered),
                E::ApologisedBefore => Ok(Self::AwaitingTime),
                E::PayoutMoved(_) => Ok(Self::AwaitingApology),
                E::OfferMade(_)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::TimeCame => Err(self.refuses(event)),
            },
            Self::AwaitingTime => match event {
                E::TimeCame => Ok(Self::Offered),
                E::PayoutMoved(_) => Ok(Self::AwaitingTime),
                E::OfferMade(_)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue => Err(self.refuses(event)),
            },
            Self::Granting => match event {
                E::PayoutMoved(payouts) => Ok(Self::after_grant(payouts)),
                E::OfferMade(_)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue
                | E::TimeCame => Err(self.refuses(event)),
            },
            Self::NeedsAttention => match event {
                E::PayoutMoved(payouts) => Ok(Self::after_grant(payouts)),
                // Another offer instead of a payout that certainly was not made; never beside one that may have been.
                E::OfferMade(Progress::Refused) => Ok(Self::Offered),
                E::OfferMade(Progress::Given | Progress::Open | Progress::Unsure)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue
                | E::TimeCame => Err(self.refuses(event)),
            },
            Self::Declined | Self::Unanswered => match event {
                E::OfferMade(Progress::Given | Progress::Refused) => Ok(Self::Offered),
                E::PayoutMoved(_) => Ok(self),
                E::OfferMade(Progress::Open | Progress::Unsure)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue
                | E::TimeCame => Err(self.refuses(event)),
            },
            Self::Settled => match event {
                // Said twice: nothing new.
                E::PayoutMoved(Progress::Given) => Ok(Self::Settled),
                E::PayoutMoved(_)
                | E::OfferMade(_)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue
                | E::TimeCame => Err(self.refuses(event)),
            },
            Self::NothingOwed => match event {
                E::PayoutMoved(_)
                | E::OfferMade(_)
                | E::OfferAccepted(_)
                | E::OfferDeclined
                | E::OfferCountered
                | E::GoodwillTaken
                | E::OfferExpired
                | E::OfferDefaulted(_)
                | E::Apologised
                | E::ApologisedBefore
                | E::ApologyOverdue
                | E::TimeCame => Err(self.refuses(event)),
            },
        }
    }

    const fn refuses(self, event: RemedyEvent) -> InvalidTransition {
        let event = match event {
            RemedyEvent::OfferMade(_) => "another offer",
            RemedyEvent::OfferAccepted(_) => "an accepted offer",
            RemedyEvent::OfferDeclined => "a declined offer",
            RemedyEvent::OfferCountered => "a counter-offer",
            RemedyEvent::GoodwillTaken => "goodwill beside a choice of the law",
            RemedyEvent::Apologised | RemedyEvent::ApologisedBefore | RemedyEvent::ApologyOverdue => {
                "the offer that waited for an apology"
            }
            RemedyEvent::TimeCame => "the offer that was put off",
            RemedyEvent::OfferExpired => "an expired offer",
            RemedyEvent::OfferDefaulted(_) => "an offer in the place of which the law is followed",
            RemedyEvent::PayoutMoved(_) => "news of a payout",
        };
        InvalidTransition { machine: "the remedy", state: self.as_str(), event }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Progress::{Given, Open, Refused, Unsure};
    use RemedyEvent::{
        Apologised, ApologisedBefore, ApologyOverdue, GoodwillTaken, OfferAccepted, OfferCountered, OfferDeclined,
        OfferDefaulted, OfferExpired, OfferMade, PayoutMoved, TimeCame,
    };
    use RemedyState as S;

    const EVENTS: [RemedyEvent; 24] = [
        OfferMade(Given),
        OfferMade(Open),
        OfferMade(Refused),
        OfferMade(Unsure),
        OfferAccepted(Given),
        OfferAccepted(Open),
        OfferAccepted(Refused),
        OfferAccepted(Unsure),
        OfferDeclined,
        OfferExpired,
        OfferDefaulted(Given),
        OfferDefaulted(Open),
        OfferDefaulted(Refused),
        OfferDefaulted(Unsure),
        PayoutMoved(Given),
        PayoutMoved(Open),
        PayoutMoved(Refused),
        PayoutMoved(Unsure),
        OfferCountered,
        GoodwillTaken,
        Apologised,
        ApologisedBefore,
        ApologyOverdue,
        TimeCame,
    ];

    /// Every state with every event: what it takes; everything else is a refusal.
    fn table(state: S) -> Vec<(RemedyEvent, S)> {
        let moved = |settled, granting, attention| {
            vec![
                (PayoutMoved(Given), settled),
                (PayoutMoved(Open), granting),
                (PayoutMoved(Refused), attention),
                (PayoutMoved(Unsure), attention),
            ]
        };
        let mut takes = match state {
            S::Granting | S::NeedsAttention => moved(S::Settled, S::Granting, S::NeedsAttention),
            S::Settled => vec![(PayoutMoved(Given), S::Settled)],
            S::NothingOwed => vec![],
            S::Offered | S::Declined | S::Unanswered | S::AwaitingApology | S::AwaitingTime => {
                moved(state, state, state)
            }
        };
        takes.extend(match state {
            S::Offered => vec![
                (OfferAccepted(Given), S::Settled),
                (OfferAccepted(Open), S::Granting),
                (OfferAccepted(Refused), S::NeedsAttention),
                (OfferAccepted(Unsure), S::NeedsAttention),
                (OfferDeclined, S::Declined),
                (OfferCountered, S::Offered),
                (GoodwillTaken, S::Offered),
                (OfferExpired, S::Unanswered),
                (OfferDefaulted(Given), S::Settled),
                (OfferDefaulted(Open), S::Granting),
                (OfferDefaulted(Refused), S::NeedsAttention),
                (OfferDefaulted(Unsure), S::NeedsAttention),
            ],
            S::NeedsAttention => vec![(OfferMade(Refused), S::Offered)],
            S::Declined | S::Unanswered => vec![(OfferMade(Given), S::Offered), (OfferMade(Refused), S::Offered)],
            S::AwaitingApology => {
                vec![(Apologised, S::Offered), (ApologyOverdue, S::Offered), (ApologisedBefore, S::AwaitingTime)]
            }
            S::AwaitingTime => vec![(TimeCame, S::Offered)],
            S::Granting | S::Settled | S::NothingOwed => vec![],
        });
        takes
    }

    #[test]
    fn every_state_takes_what_the_table_says() {
        for state in S::ALL {
            let takes = table(state);
            for event in EVENTS {
                let expected = takes.iter().find(|(taken, _)| *taken == event).map(|(_, next)| *next);
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn the_least_settled_payout_decides() {
        use PayoutState as P;
        for (payouts, together) in [
            (vec![], Given),
            (vec![P::Confirmed, P::Voided], Given),
            (vec![P::Confirmed, P::Declined], Refused),
            (vec![P::Declined, P::Reserved], Open),
            (vec![P::Unknown, P::Manual, P::Confirmed], Unsure),
        ] {
            assert_eq!(Progress::of_all(payouts.clone()), together, "{payouts:?}");
        }
    }

    #[test]
    fn a_remedy_begins_by_what_it_gives() {
        for payouts in [Given, Open] {
            for gives in [false, true] {
                assert_eq!(S::opened(FirstOffer::Made, gives, payouts), S::Offered);
                assert_eq!(S::opened(FirstOffer::Waits, gives, payouts), S::AwaitingApology);
                assert_eq!(S::opened(FirstOffer::Later, gives, payouts), S::AwaitingTime);
            }
            assert_eq!(S::opened(FirstOffer::None, false, payouts), S::NothingOwed);
        }
        assert_eq!(S::opened(FirstOffer::None, true, Given), S::Settled);
        assert_eq!(S::opened(FirstOffer::None, true, Open), S::Granting);
    }

    proptest! {
        #[test]
        fn a_final_state_is_never_left(events in prop::collection::vec(0..EVENTS.len(), 0..40)) {
            let mut state = S::Offered;
            for index in events {
                let before = state;
                state = state.on(EVENTS[index]).unwrap_or(state);
                if matches!(before, S::Settled | S::NothingOwed) {
                    prop_assert_eq!(state, before);
                }
                // Nothing counts as given while a payout is open or in a person's hands.
                if before != S::Settled && state == S::Settled {
                    prop_assert!(matches!(EVENTS[index], OfferAccepted(Given) | OfferDefaulted(Given) | PayoutMoved(Given)));
                }
            }
        }
    }
}
