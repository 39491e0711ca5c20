//! Agents: what they may take, and how much.

use std::collections::BTreeSet;

use kernel::{AgentId, Timestamp};
use serde::Serialize;

use super::QueueId;

/// The highest level of authority, and how often work is escalated at most.
pub(crate) const MAX_LEVEL: u32 = 3;

/// Whether an agent takes work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Presence {
    /// Takes work.
    Available,
    /// Finishes what is there, takes nothing new.
    Busy,
    /// Not there.
    Offline,
}

impl Presence {
    /// All of them.
    pub(crate) const ALL: [Presence; 3] = [Self::Available, Self::Busy, Self::Offline];

    /// As stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Busy => "BUSY",
            Self::Offline => "OFFLINE",
        }
    }

    /// From its stored form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|presence| presence.as_str() == text)
    }
}

/// Somebody who does work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// The id.
    pub(crate) id: AgentId,
    /// What the agent is called.
    pub(crate) display_name: String,
    /// What the agent can do.
    pub(crate) skills: BTreeSet<String>,
    /// The queues that the agent serves.
    pub(crate) queues: BTreeSet<QueueId>,
    /// How many work items the agent holds at most.
    pub(crate) capacity: u32,
    /// Level of authority, 1 to [`MAX_LEVEL`].
    pub(crate) level: u32,
    /// Whether the agent takes work.
    pub(crate) presence: Presence,
    /// When the agent was made known.
    pub(crate) created_at: Timestamp,
}

/// Why an agent does not get a work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The agent is not there.
    Offline,
    /// The agent takes nothing new.
    Busy,
    /// The agent holds as much as allowed.
    Full {
        /// How much that is.
        capacity: u32,
    },
    /// The agent lacks skills.
    SkillsMissing(BTreeSet<String>),
    /// The work needs more authority.
    LevelTooLow {
        /// How much.
        required: u32,
    },
}

impl Agent {
    /// Whether the agent, who holds `held` work items, may take one more.
    ///
    /// # Errors
    /// Why not.
    pub(crate) const fn may_take(&self, held: u32) -> Result<(), Misfit> {
        match self.presence {
            Presence::Offline => Err(Misfit::Offline),
            Presence::Busy => Err(Misfit::Busy),
            Presence::Available if held >= self.capacity => Err(Misfit::Full { capacity: self.capacity }),
            Presence::Available => Ok(()),
        }
    }

    /// Whether the agent can do work with these needs, in a queue with those needs.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn can_do(
        &self,
        work_skills: &BTreeSet<String>,
        queue_skills: &BTreeSet<String>,
        escalation_level: u32,
    ) -> Result<(), Misfit> {
        let needed = work_skills.union(queue_skills);
        let missing: BTreeSet<String> = needed.filter(|skill| !self.skills.contains(*skill)).cloned().collect();
        let required = level_for(escalation_level);
        if !missing.is_empty() {
            Err(Misfit::SkillsMissing(missing))
        } else if self.level < required {
            Err(Misfit::LevelTooLow { required })
        } else {
            Ok(())
        }
    }

    /// How often work may have been escalated that the agent can still take.
    pub(crate) fn highest_escalation(&self) -> u32 {
        (0..=MAX_LEVEL).filter(|escalation| level_for(*escalation) <= self.level).max().unwrap_or(0)
    }
}

/// The level of authority that work needs after so many escalations: one more each time, up to the highest.
fn level_for(escalation_level: u32) -> u32 {
    (1 + escalation_level).min(MAX_LEVEL)
}

/// 1 to 63 characters of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit.
pub(crate) fn is_skill(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && (bytes[0].is_ascii_lowercase() || bytes[0].is_ascii_digit())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-' || *b == b'_')
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn agent(skills: &[&str], level: u32, presence: Presence) -> Agent {
        Agent {
            id: Uuid::from_u128(1).into(),
            display_name: "Ada".to_owned(),
            skills: set(skills),
            queues: BTreeSet::new(),
            capacity: 2,
            level,
            presence,
            created_at: Timestamp::EPOCH,
        }
    }

    fn set(skills: &[&str]) -> BTreeSet<String> {
        skills.iter().map(|skill| (*skill).to_owned()).collect()
    }

    #[test]
    fn only_an_available_agent_with_room_takes_work() {
        assert_eq!(agent(&[], 1, Presence::Available).may_take(1), Ok(()));
        assert_eq!(agent(&[], 1, Presence::Available).may_take(2), Err(Misfit::Full { capacity: 2 }));
        assert_eq!(agent(&[], 1, Presence::Busy).may_take(0), Err(Misfit::Busy));
        assert_eq!(agent(&[], 1, Presence::Offline).may_take(0), Err(Misfit::Offline));
    }

    #[test]
    fn all_missing_skills_of_work_and_queue_are_named() {
        let agent = agent(&["de"], 1, Presence::Available);
        assert_eq!(agent.can_do(&set(&["de"]), &set(&["de"]), 0), Ok(()));
        let missing = Misfit::SkillsMissing(set(&["billing", "fr"]));
        assert_eq!(agent.can_do(&set(&["de", "fr"]), &set(&["billing"]), 0), Err(missing));
    }

    #[test]
    fn each_escalation_asks_for_one_more_level_up_to_the_highest() {
        for (level, reach) in [(1, 0), (2, 1), (3, 3)] {
            let agent = agent(&[], level, Presence::Available);
            assert_eq!(agent.highest_escalation(), reach);
            for escalation in 0..=MAX_LEVEL {
                let fits = agent.can_do(&set(&[]), &set(&[]), escalation).is_ok();
                assert_eq!(fits, escalation <= reach, "level {level}, escalation {escalation}");
            }
        }
    }

    #[test]
    fn a_skill_is_a_short_lower_case_word() {
        for good in ["de", "1st-level", "a_b", &"x".repeat(63)] {
            assert!(is_skill(good), "{good}");
        }
        for bad in ["", "De", "-a", "_a", "a b", "ü", &"x".repeat(64)] {
            assert!(!is_skill(bad), "{bad}");
        }
    }
}
