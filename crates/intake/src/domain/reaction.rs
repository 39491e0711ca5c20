//! What a case does about something: the case after it, the commands that leave, the entries of its story.

use std::collections::BTreeMap;

use kernel::Timestamp;

use super::attention::Cause;
use super::case::Case;
use super::case_state::State;
use super::command::{Ask, Command};
use super::entry::{Entry, INTAKE};
use super::milestone::Milestone;
use super::steps::{Step, Taken};
use super::wording;

/// A reaction, complete when a function of [`super::recovery`] returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The case as it is now.
    pub case: Case,
    /// What leaves, in this order.
    pub commands: Vec<Command>,
    /// What goes into the story, in this order.
    pub entries: Vec<Entry>,
    now: Timestamp,
    /// State before it.
    came_from: State,
}

impl Reaction {
    /// Nothing yet, but a change: the etag is another one.
    pub(super) fn of(mut case: Case, now: Timestamp) -> Self {
        case.version += 1;
        case.updated_at = now;
        let came_from = case.state;
        Self { case, commands: Vec::new(), entries: Vec::new(), now, came_from }
    }

    /// True when the recovery goes on by it: to another state, or by a command. Both are limited in number.
    pub(super) fn moves(&self) -> bool {
        self.case.state != self.came_from || !self.commands.is_empty()
    }

    /// Entries that the story had before it.
    pub(super) fn entries_before(&self) -> i64 {
        self.entries.first().map_or(self.case.entry_count, |first| first.seq - 1)
    }

    /// Takes its entries back.
    pub(super) fn leave_entries_out(&mut self) {
        self.case.entry_count = self.entries_before();
        self.entries.clear();
    }

    /// Goes to a state if the verb applied; says whether it did.
    pub(super) fn advance(&mut self, next: Option<State>) -> bool {
        if let Some(next) = next {
            self.case.state = next;
        }
        next.is_some()
    }

    /// Takes a step of the round: its command leaves, unless the step had been taken before.
    pub(super) fn take(&mut self, step: Step, ask: Ask) {
        let round = self.case.round();
        match self.case.steps.take(&step, round) {
            Taken::Now => self.commands.push(Command { message_id: step.message_id(self.case.id, round), ask }),
            Taken::Before => {}
            Taken::TooMany => {
                self.case.attention.raise(Cause::TooMuch, "", wording::TOO_MANY_STEPS.to_owned());
            }
        }
    }

    /// Writes a milestone into the story, with the state after it.
    pub(super) fn record(&mut self, milestone: &Milestone) {
        let summary = match milestone.summary.as_str() {
            "" => wording::milestone(milestone.kind).to_owned(),
            given => given.to_owned(),
        };
        self.push(Entry {
            seq: 0,
            happened_at: milestone.happened_at,
            source: milestone.kind.source().into(),
            kind: milestone.kind.as_str().into(),
            summary,
            subject: milestone.subject.clone(),
            state: self.case.state,
            attributes: milestone.attributes.clone(),
        });
    }

    /// Writes an entry of intake's own into the story.
    pub(super) fn note(&mut self, kind: &'static str, summary: &str, attributes: BTreeMap<String, String>) {
        self.push(Entry {
            seq: 0,
            happened_at: self.now,
            source: INTAKE.into(),
            kind: kind.into(),
            summary: summary.to_owned(),
            subject: self.case.id.to_string(),
            state: self.case.state,
            attributes,
        });
    }

    fn push(&mut self, entry: Entry) {
        self.case.entry_count += 1;
        self.entries.push(Entry { seq: self.case.entry_count, ..entry });
    }
}
