//! Where a recovery stands, and the only ways on from there.
//!
//! The order is that of row S34 of the feature list: acknowledge, understand, remedy, follow up. A verb answers `None`
//! where it does not apply. A final state is left by reopening, or for another final state by the customer's word.

use super::text_enum::text_enum;

text_enum! {
    /// Where the recovery stands.
    State {
        /// Known to us; the customer has not heard from us yet.
        Received = "RECEIVED",
        /// The customer has our acknowledgement and apology.
        Acknowledged = "ACKNOWLEDGED",
        /// We know what went wrong.
        Understood = "UNDERSTOOD",
        /// What is owed or was accepted has been given, or nothing is owed, or the offer went unanswered.
        Remedied = "REMEDIED",
        /// We are asking whether it is right again.
        FollowingUp = "FOLLOWING_UP",
        /// The customer says that it is right again.
        Recovered = "RECOVERED",
        /// The customer is still not satisfied after all.
        NotRecovered = "NOT_RECOVERED",
        /// Nobody answered any check-in.
        Lapsed = "LAPSED",
        /// It went wrong again: the story starts over.
        Reopened = "REOPENED",
    }
}

use State::{Acknowledged, FollowingUp, Lapsed, NotRecovered, Received, Recovered, Remedied, Reopened, Understood};

impl State {
    /// The customer has our acknowledgement.
    pub fn acknowledge(self) -> Option<State> {
        match self {
            Received | Reopened => Some(Acknowledged),
            Acknowledged | Understood | Remedied | FollowingUp | Recovered | NotRecovered | Lapsed => None,
        }
    }

    /// We found out what went wrong.
    pub fn understand(self) -> Option<State> {
        match self {
            Acknowledged => Some(Understood),
            Received | Understood | Remedied | FollowingUp | Recovered | NotRecovered | Lapsed | Reopened => None,
        }
    }

    /// Nothing is left to give.
    pub fn remedy(self) -> Option<State> {
        match self {
            Understood => Some(Remedied),
            Received | Acknowledged | Remedied | FollowingUp | Recovered | NotRecovered | Lapsed | Reopened => None,
        }
    }

    /// The check-ins run.
    pub fn follow_up(self) -> Option<State> {
        match self {
            Remedied => Some(FollowingUp),
            Received | Acknowledged | Understood | FollowingUp | Recovered | NotRecovered | Lapsed | Reopened => None,
        }
    }

    /// The customer says that it is right again; an answer after the last check-in counts too.
    pub fn recover(self) -> Option<State> {
        match self {
            Remedied | FollowingUp | Lapsed => Some(Recovered),
            Received | Acknowledged | Understood | Recovered | NotRecovered | Reopened => None,
        }
    }

    /// Nobody answered.
    pub fn lapse(self) -> Option<State> {
        match self {
            Remedied | FollowingUp => Some(Lapsed),
            Received | Acknowledged | Understood | Recovered | NotRecovered | Lapsed | Reopened => None,
        }
    }

    /// The customer says that it is still wrong: the first time the story starts over, after a second round it ends.
    pub fn still_wrong(self, round: u32) -> Option<State> {
        match self {
            Remedied | FollowingUp | Recovered | Lapsed => Some(if round == 1 { Reopened } else { NotRecovered }),
            Received | Acknowledged | Understood | NotRecovered | Reopened => None,
        }
    }

    /// The customer came back.
    pub fn reopen(self) -> Option<State> {
        match self {
            Recovered | NotRecovered | Lapsed => Some(Reopened),
            Received | Acknowledged | Understood | Remedied | FollowingUp | Reopened => None,
        }
    }

    /// True when the recovery has ended.
    pub fn is_final(self) -> bool {
        match self {
            Recovered | NotRecovered | Lapsed => true,
            Received | Acknowledged | Understood | Remedied | FollowingUp | Reopened => false,
        }
    }

    /// True when the customer has our acknowledgement: questions are allowed from here on.
    pub fn is_acknowledged(self) -> bool {
        match self {
            Received | Reopened => false,
            Acknowledged | Understood | Remedied | FollowingUp | Recovered | NotRecovered | Lapsed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    type Verb = (&'static str, fn(State) -> Option<State>);

    const VERBS: [Verb; 9] = [
        ("acknowledge", State::acknowledge),
        ("understand", State::understand),
        ("remedy", State::remedy),
        ("follow up", State::follow_up),
        ("recover", State::recover),
        ("lapse", State::lapse),
        ("still wrong, round 1", |state| state.still_wrong(1)),
        ("still wrong, later", |state| state.still_wrong(2)),
        ("reopen", State::reopen),
    ];

    /// Every state under every verb; a dash where the verb does not apply.
    #[test]
    fn every_state_under_every_verb() {
        let table = [
            (Received, ["ACKNOWLEDGED", "-", "-", "-", "-", "-", "-", "-", "-"]),
            (Acknowledged, ["-", "UNDERSTOOD", "-", "-", "-", "-", "-", "-", "-"]),
            (Understood, ["-", "-", "REMEDIED", "-", "-", "-", "-", "-", "-"]),
            (Remedied, ["-", "-", "-", "FOLLOWING_UP", "RECOVERED", "LAPSED", "REOPENED", "NOT_RECOVERED", "-"]),
            (FollowingUp, ["-", "-", "-", "-", "RECOVERED", "LAPSED", "REOPENED", "NOT_RECOVERED", "-"]),
            (Recovered, ["-", "-", "-", "-", "-", "-", "REOPENED", "NOT_RECOVERED", "REOPENED"]),
            (NotRecovered, ["-", "-", "-", "-", "-", "-", "-", "-", "REOPENED"]),
            (Lapsed, ["-", "-", "-", "-", "RECOVERED", "-", "REOPENED", "NOT_RECOVERED", "REOPENED"]),
            (Reopened, ["ACKNOWLEDGED", "-", "-", "-", "-", "-", "-", "-", "-"]),
        ];
        assert_eq!(table.map(|(state, _)| state).as_slice(), State::ALL);
        for (state, row) in table {
            for ((verb, step), expected) in VERBS.iter().zip(row) {
                assert_eq!(step(state).map_or("-", State::as_str), expected, "{} {verb}", state.as_str());
            }
        }
    }

    #[test]
    fn the_readme_shows_this_machine() {
        let mut diagram = String::from("stateDiagram-v2\n    [*] --> RECEIVED\n");
        for state in State::ALL {
            for (verb, step) in VERBS {
                if let Some(next) = step(*state) {
                    let _ = writeln!(diagram, "    {} --> {}: {verb}", state.as_str(), next.as_str());
                }
            }
        }
        let readme = include_str!("../../README.md");
        let shown = readme.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
        assert_eq!(shown, Some(diagram.as_str()), "put this diagram into the README");
    }
}
