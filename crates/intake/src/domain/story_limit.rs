//! How long the story of one case may get.
//!
//! Always holds: what moves the recovery is written down however long the story is, and there is only so much of that;
//! what a caller adds is refused once the story is full; what services report is never refused, it is taken and left out
//! of the story, and the case says so.

use std::collections::BTreeMap;

use super::attention::Cause;
use super::entry::kind;
use super::reaction::Reaction;
use super::refusal::Refusal;
use super::wording;

/// What a full story is a reason of, among those of [`Cause::TooMuch`].
const STORY: &str = "story";

/// Entries that a story has before it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoryLimit(i64);

impl StoryLimit {
    /// A story of this many entries is full.
    pub const fn new(entries: u32) -> Self {
        Self(entries as i64)
    }

    /// A reaction to what a caller wants to add.
    ///
    /// # Errors
    /// When the story is full.
    pub fn allow(self, reaction: Reaction) -> Result<Reaction, Refusal> {
        if self.is_full_before(&reaction) { Err(Refusal::TooLarge { entries: self.0 }) } else { Ok(reaction) }
    }

    /// A reaction to what has happened, which nobody can refuse: entries that no move of the recovery goes with are left
    /// out of a full story.
    pub fn keep(self, mut reaction: Reaction) -> Reaction {
        if !self.is_full_before(&reaction) || reaction.moves() {
            return reaction;
        }
        reaction.leave_entries_out();
        let attention = &mut reaction.case.attention;
        if !attention.is_raised(Cause::TooMuch, STORY) {
            attention.raise(Cause::TooMuch, STORY, wording::story_full(self.0));
            // A case with more reasons than it keeps does not say it again and again either.
            if attention.is_raised(Cause::TooMuch, STORY) {
                reaction.note(kind::STORY_FULL, &wording::story_full(self.0), BTreeMap::new());
            }
        }
        reaction
    }

    fn is_full_before(self, reaction: &Reaction) -> bool {
        reaction.entries_before() >= self.0
    }
}
