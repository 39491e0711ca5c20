//! Queues, and the three that every tenant has without making them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::Severity;

/// The id of a queue; on the wire `queues/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct QueueId(String);

impl QueueId {
    /// Where work goes that nothing else is said about.
    pub(crate) const DEFAULT: &str = "default";
    /// Where the work of badly hit customers goes.
    pub(crate) const UPSET: &str = "upset";
    /// Where work goes whose time ran out, or that needs more authority.
    pub(crate) const ESCALATED: &str = "escalated";
    /// The queues of every tenant, by id.
    pub(crate) const BUILT_IN: [&str; 3] = [Self::DEFAULT, Self::ESCALATED, Self::UPSET];

    /// 1 to 63 characters of `a-z`, `0-9` and `-`, starting with a letter.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let bytes = id.as_bytes();
        let ok = (1..=63).contains(&bytes.len())
            && bytes[0].is_ascii_lowercase()
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
        ok.then(|| Self(id.to_owned()))
    }

    /// From a resource name.
    pub(crate) fn parse_name(name: &str) -> Option<Self> {
        Self::parse(name.strip_prefix("queues/")?)
    }

    /// The queue of work that names none.
    pub(crate) fn for_severity(severity: Severity) -> Self {
        Self(
            match severity {
                Severity::Low | Severity::Medium => Self::DEFAULT,
                Severity::High | Severity::Critical => Self::UPSET,
            }
            .to_owned(),
        )
    }

    /// The queue of escalated work.
    pub(crate) fn escalated() -> Self {
        Self(Self::ESCALATED.to_owned())
    }

    /// True for a queue that every tenant has.
    pub(crate) fn is_built_in(&self) -> bool {
        Self::BUILT_IN.contains(&self.0.as_str())
    }

    /// The id alone.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queues/{}", self.0)
    }
}

/// Where work waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Its id.
    pub(crate) id: QueueId,
    /// For people.
    pub(crate) display_name: String,
    /// Skills that every agent of the queue must have.
    pub(crate) required_skills: BTreeSet<String>,
    /// Time to acknowledge; `None`: the service's default.
    pub(crate) acknowledge_within: Option<Duration>,
    /// Time to resolve; `None`: the service's default for the severity.
    pub(crate) resolve_within: Option<Duration>,
    /// When it was made; `None` for one that every tenant has.
    pub(crate) created_at: Option<Timestamp>,
}

impl Queue {
    /// The queue that every tenant has under this id, if there is one.
    pub(crate) fn built_in(id: &QueueId) -> Option<Self> {
        let display_name = match id.as_str() {
            QueueId::DEFAULT => "Default",
            QueueId::UPSET => "Upset customers",
            QueueId::ESCALATED => "Escalated",
            _ => return None,
        };
        Some(Self {
            id: id.clone(),
            display_name: display_name.to_owned(),
            required_skills: BTreeSet::new(),
            acknowledge_within: None,
            resolve_within: None,
            created_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_strictly() {
        for good in ["a", "default", "q-1", &"q".repeat(63)] {
            assert_eq!(QueueId::parse(good).map(|id| id.as_str().to_owned()), Some(good.to_owned()));
        }
        for bad in ["", "1a", "-a", "Default", "a_b", "a/b", "é", &"q".repeat(64)] {
            assert_eq!(QueueId::parse(bad), None, "{bad}");
        }
        assert_eq!(QueueId::parse_name("default"), None);
        assert_eq!(QueueId::parse_name("queues/default").map(|id| id.to_string()), Some("queues/default".to_owned()));
    }

    #[test]
    fn every_built_in_queue_is_there_and_no_other() {
        for id in QueueId::BUILT_IN {
            let id = QueueId::parse(id).expect("built-in ids are ids");
            assert_eq!(Queue::built_in(&id).map(|queue| queue.id), Some(id.clone()));
            assert!(id.is_built_in());
        }
        let other = QueueId::parse("other").expect("an id");
        assert_eq!(Queue::built_in(&other), None);
        assert!(QueueId::BUILT_IN.is_sorted());
    }

    #[test]
    fn the_worse_hit_go_to_the_upset_queue() {
        let queue = |severity| QueueId::for_severity(severity).as_str().to_owned();
        assert_eq!(Severity::ALL.map(queue), ["default", "default", "upset", "upset"]);
    }
}
