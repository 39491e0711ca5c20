//! The state machine of an experiment: it runs until something that was declared beforehand, or a person, stops it.

use crate::domain::transition::InvalidTransition;

/// Where an experiment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExperimentState {
    /// Cases are assigned while its days last.
    Running,
    /// No more cases are assigned. Final.
    Stopped(StopReason),
}

/// Why an experiment stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// Every arm has the outcomes that were declared.
    SampleReached,
    /// At a look an arm was better than the control beyond the boundary.
    Benefit,
    /// At a look an arm was worse than the control beyond the boundary of harm.
    Harm,
    /// Somebody stopped it.
    ByPerson,
    /// Its last day has passed.
    Expired,
}

impl StopReason {
    /// All.
    pub const ALL: [StopReason; 5] = [Self::SampleReached, Self::Benefit, Self::Harm, Self::ByPerson, Self::Expired];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SampleReached => "SAMPLE_REACHED",
            Self::Benefit => "BENEFIT",
            Self::Harm => "HARM",
            Self::ByPerson => "BY_PERSON",
            Self::Expired => "EXPIRED",
        }
    }
}

/// What happens to an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExperimentEvent {
    /// The last look, and no boundary crossed.
    SampleReached,
    /// A look beyond the boundary.
    BenefitSeen,
    /// A look beyond the boundary of harm.
    HarmSeen,
    /// A person stops it.
    StoppedByPerson,
    /// Its last day has passed.
    TimePassed,
}

impl ExperimentEvent {
    /// All.
    pub const ALL: [ExperimentEvent; 5] =
        [Self::SampleReached, Self::BenefitSeen, Self::HarmSeen, Self::StoppedByPerson, Self::TimePassed];

    const fn reason(self) -> StopReason {
        match self {
            Self::SampleReached => StopReason::SampleReached,
            Self::BenefitSeen => StopReason::Benefit,
            Self::HarmSeen => StopReason::Harm,
            Self::StoppedByPerson => StopReason::ByPerson,
            Self::TimePassed => StopReason::Expired,
        }
    }
}

impl ExperimentState {
    /// All.
    pub const ALL: [ExperimentState; 6] = [
        Self::Running,
        Self::Stopped(StopReason::SampleReached),
        Self::Stopped(StopReason::Benefit),
        Self::Stopped(StopReason::Harm),
        Self::Stopped(StopReason::ByPerson),
        Self::Stopped(StopReason::Expired),
    ];

    /// As stored, with the reason; RUNNING has none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped(reason) => reason.as_str(),
        }
    }

    /// The reverse of [`ExperimentState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When it has stopped.
    pub const fn on(self, event: ExperimentEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Running => Ok(Self::Stopped(event.reason())),
            Self::Stopped(_) => {
                let event = match event {
                    ExperimentEvent::SampleReached | ExperimentEvent::BenefitSeen | ExperimentEvent::HarmSeen => {
                        "a look"
                    }
                    ExperimentEvent::StoppedByPerson => "a stop",
                    ExperimentEvent::TimePassed => "the end of its days",
                };
                Err(InvalidTransition { machine: "the experiment", state: self.as_str(), event })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_under_every_event() {
        let reasons = ["SAMPLE_REACHED", "BENEFIT", "HARM", "BY_PERSON", "EXPIRED"];
        for state in ExperimentState::ALL {
            for (event, reason) in ExperimentEvent::ALL.into_iter().zip(reasons) {
                let expected = (state == ExperimentState::Running).then_some(reason);
                assert_eq!(state.on(event).ok().map(ExperimentState::as_str), expected, "{state:?} on {event:?}");
            }
            assert_eq!(ExperimentState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ExperimentState::parse("STOPPED"), None);
    }
}
