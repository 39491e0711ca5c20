//! How long a clock may run, by severity and queue.

use std::time::Duration;

use super::{Queue, Severity};

/// The service's defaults; a queue may set its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sla {
    /// From the opening to our acknowledgement.
    pub(crate) acknowledge: Duration,
    /// From the opening to the end of the work, by severity, the mildest first.
    pub(crate) resolve: [Duration; 4],
}

impl Sla {
    /// Time to acknowledge and time to resolve.
    pub(crate) fn allowed(&self, queue: &Queue, severity: Severity) -> (Duration, Duration) {
        let by_severity = match severity {
            Severity::Low => self.resolve[0],
            Severity::Medium => self.resolve[1],
            Severity::High => self.resolve[2],
            Severity::Critical => self.resolve[3],
        };
        (queue.acknowledge_within.unwrap_or(self.acknowledge), queue.resolve_within.unwrap_or(by_severity))
    }
}

#[cfg(test)]
mod tests {
    use super::super::QueueId;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_queue_goes_before_the_severity() {
        let sla = Sla { acknowledge: HOUR, resolve: [72 * HOUR, 48 * HOUR, 24 * HOUR, 8 * HOUR] };
        let mut queue = Queue::built_in(&QueueId::escalated()).expect("a built-in queue");
        let resolve = Severity::ALL.map(|severity| sla.allowed(&queue, severity).1);
        assert_eq!(resolve, sla.resolve);
        assert_eq!(sla.allowed(&queue, Severity::Low).0, HOUR);
        queue.acknowledge_within = Some(HOUR / 4);
        queue.resolve_within = Some(2 * HOUR);
        assert_eq!(sla.allowed(&queue, Severity::Critical), (HOUR / 4, 2 * HOUR));
    }
}
