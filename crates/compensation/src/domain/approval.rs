//! The state machine of an approval: what one person asks for and another one decides.

use std::collections::BTreeMap;

use kernel::{ApprovalId, CaseId, CustomerId, OfferId, RemedyId, ResourceId, Timestamp};

use super::line::{OfferOption, RemedyLine};
use super::transition::InvalidTransition;

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// Waits for somebody else.
    Pending,
    /// Somebody else said yes. Final.
    Approved,
    /// Somebody else said no, why, and what instead. Final.
    Rejected,
    /// Nobody decided in time. Final.
    Expired,
}

/// What happens to an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalEvent {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Its time has passed.
    Expire,
}

impl ApprovalState {
    /// All states.
    pub const ALL: [ApprovalState; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Expired];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The reverse of [`ApprovalState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When it was decided or has expired.
    pub const fn on(self, event: ApprovalEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Pending => Ok(match event {
                ApprovalEvent::Approve => Self::Approved,
                ApprovalEvent::Reject => Self::Rejected,
                ApprovalEvent::Expire => Self::Expired,
            }),
            Self::Approved | Self::Rejected | Self::Expired => {
                let event = match event {
                    ApprovalEvent::Approve | ApprovalEvent::Reject => "a decision",
                    ApprovalEvent::Expire => "the end of its time",
                };
                Err(InvalidTransition { machine: "the approval", state: self.as_str(), event })
            }
        }
    }
}

/// What a counter-offer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterTo {
    /// The declined offer.
    pub declined: OfferId,
    /// Why this and not what the customer asked for.
    pub reason: String,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A choice that is put to the customer.
    Offer {
        /// The customer chooses exactly one of these.
        options: Vec<OfferOption>,
        /// Given with the chosen option.
        plus: Vec<RemedyLine>,
        /// When the offer expires, where the agent said so.
        offer_expires_at: Option<Timestamp>,
        /// What it answers, when it is a counter-offer.
        counter: Option<CounterTo>,
    },
    /// Gestures that the rules would have given.
    Grant {
        /// The lines.
        lines: Vec<RemedyLine>,
    },
}

impl Asked {
    /// As stored.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "OFFER",
            Self::Grant { .. } => "GRANT",
        }
    }
}

/// A request for approval, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its id; an offer that is approved bears the same.
    pub id: ApprovalId,
    /// The remedy.
    pub remedy: RemedyId,
    /// The case.
    pub case: CaseId,
    /// The customer.
    pub customer: CustomerId,
    /// Where it stands.
    pub state: ApprovalState,
    /// What is asked for.
    pub asked: Asked,
    /// Who asks: an agent, or a rule.
    pub requested_by: String,
    /// By whose credentials; empty for a rule, and where they do not tell.
    pub requested_client: String,
    /// In which role.
    pub role: String,
    /// Why it could not be decided alone.
    pub reasons: Vec<String>,
    /// The policies that decided so: kind and version.
    pub policies: BTreeMap<String, String>,
    /// Who decided; empty until then.
    pub decided_by: String,
    /// By whose credentials; empty until then, and where they do not tell.
    pub decided_client: String,
    /// Why it was rejected.
    pub rejection: String,
    /// What is done instead.
    pub alternative: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Why a decision is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It was decided or has expired.
    NotPending(InvalidTransition),
    /// Who asks does not decide.
    FourEyes,
}

impl Approval {
    /// The offer that it becomes.
    pub fn offer(&self) -> OfferId {
        self.id.uuid().into()
    }

    /// Where it stands now: its time may have passed before its timer has said so.
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        if self.state == ApprovalState::Pending && now >= self.expires_at { ApprovalState::Expired } else { self.state }
    }

    /// Takes the decision of a person: a name, and whose credentials came with it, as far as they tell.
    ///
    /// # Errors
    /// When it does not wait any more, or who decides is who asked.
    pub fn decide(
        &mut self,
        event: ApprovalEvent,
        (by, client): (&str, &str),
        now: Timestamp,
    ) -> Result<(), Undecided> {
        let state = self.state_at(now).on(event).map_err(Undecided::NotPending)?;
        let same_credentials = !client.is_empty() && self.requested_client == client;
        if same_credentials || same_person(&self.requested_by, by) {
            return Err(Undecided::FourEyes);
        }
        self.state = state;
        by.clone_into(&mut self.decided_by);
        client.clone_into(&mut self.decided_client);
        self.updated_at = now;
        Ok(())
    }

    /// Ends it with its time.
    ///
    /// # Errors
    /// When it does not wait any more.
    pub fn expire(&mut self, now: Timestamp) -> Result<(), InvalidTransition> {
        self.state = self.state.on(ApprovalEvent::Expire)?;
        self.updated_at = now;
        Ok(())
    }
}

/// True for two ways of writing one name.
fn same_person(a: &str, b: &str) -> bool {
    person_key(a) == person_key(b)
}

/// A person's name for comparisons: letter case and blanks around it, of whatever script, do not make another person.
pub fn person_key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use ApprovalEvent::{Approve, Expire, Reject};
    use ApprovalState as S;

    #[test]
    fn an_approval_is_decided_once() {
        for state in S::ALL {
            let expected = match state {
                S::Pending => [Some(S::Approved), Some(S::Rejected), Some(S::Expired)],
                S::Approved | S::Rejected | S::Expired => [None; 3],
            };
            for (event, expected) in [Approve, Reject, Expire].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn what_is_asked_for_is_stored_by_its_kind() {
        let offer = Asked::Offer { options: Vec::new(), plus: Vec::new(), offer_expires_at: None, counter: None };
        assert_eq!((offer.kind(), Asked::Grant { lines: Vec::new() }.kind()), ("OFFER", "GRANT"));
    }

    #[test]
    fn two_people_decide_and_in_time() {
        let id = Uuid::from_u128(7);
        let at = Timestamp::from_seconds;
        let asked = Approval {
            id: id.into(),
            remedy: id.into(),
            case: id.into(),
            customer: id.into(),
            state: S::Pending,
            asked: Asked::Grant { lines: Vec::new() },
            requested_by: "Ada".to_owned(),
            requested_client: "ada@desk".to_owned(),
            role: "agent".to_owned(),
            reasons: Vec::new(),
            policies: BTreeMap::new(),
            decided_by: String::new(),
            decided_client: String::new(),
            rejection: String::new(),
            alternative: String::new(),
            expires_at: at(10),
            created_at: at(0),
            updated_at: at(0),
        };
        for name in ["Ada", "ada", " ADA "] {
            assert_eq!(asked.clone().decide(Approve, (name, ""), at(1)), Err(Undecided::FourEyes), "{name}");
            assert_eq!(asked.clone().decide(Reject, (name, "bob@desk"), at(1)), Err(Undecided::FourEyes), "{name}");
        }
        let mut of_asa = Approval { requested_by: "Åsa".to_owned(), ..asked.clone() };
        assert_eq!(of_asa.decide(Approve, ("åSA", ""), at(1)), Err(Undecided::FourEyes), "of any script");
        // Another name, and the same credentials.
        assert_eq!(asked.clone().decide(Approve, ("Bob", "ada@desk"), at(1)), Err(Undecided::FourEyes));
        let mut by_nobody = Approval { requested_client: String::new(), ..asked.clone() };
        by_nobody.decide(Approve, ("Bob", ""), at(1)).expect("nothing is told of either");
        let mut decided = asked.clone();
        decided.decide(Approve, ("Bob", "bob@desk"), at(9)).expect("in time");
        assert_eq!(decided.decided_client, "bob@desk");
        assert_eq!((decided.state, decided.decided_by.as_str(), decided.updated_at), (S::Approved, "Bob", at(9)));
        assert!(matches!(decided.decide(Reject, ("Cleo", ""), at(9)), Err(Undecided::NotPending(_))));
        assert!(decided.expire(at(11)).is_err());
        let mut late = asked;
        assert!(matches!(late.decide(Approve, ("Bob", ""), at(10)), Err(Undecided::NotPending(_))));
        late.expire(at(10)).expect("its time");
        assert_eq!(late.state, S::Expired);
    }
}
