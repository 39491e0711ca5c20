//! Facts become durable calls: timers to ourselves, milestones to the sinks.
//!
//! Each milestone of a work item has the next number, and its message id is made of that, the kind and the sink: run
//! again, the same facts give the same ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::extension::milestone::Kind;
use api::extension::{Milestone, ReportMilestonesRequest};
use api::method;
use api::routing::CheckClockRequest;
use chassis::wire::to_timestamp;
use durable::{OutboundCall, Tx, UndeliveredCall};
use kernel::{RequestContext, message_id_for_step};
use uuid::Uuid;

use crate::domain::{ClockKind, Fact, ProgressKind, Work};
use crate::{NAME, view};

/// Longest value of an attribute, and longest summary.
const MOST_CHARACTERS: usize = 512;

/// Tells others.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    sinks: Arc<[String]>,
}

/// A fact as sinks are told it.
struct Told {
    kind: Kind,
    summary: String,
    attributes: Vec<(&'static str, String)>,
    /// Never to the service that asked for it: it knows, and would only answer itself.
    no_echo: bool,
}

impl Reporter {
    /// Reports to these targets.
    pub(crate) fn new(sinks: Vec<String>) -> Self {
        Self { sinks: sinks.into() }
    }

    /// Records what follows from `facts` about `work`, in their order.
    pub(crate) fn report(&self, tx: &Tx, context: &RequestContext, work: &mut Work, facts: &[Fact]) {
        // The story is the work's, whoever asked for this step of it.
        let context = &RequestContext { journey: work.journey.clone(), ..context.clone() };
        for fact in facts {
            match fact {
                Fact::ClockStarted { clock, run, at } => {
                    let message_id = work.timer_id(*clock, *run);
                    let request = CheckClockRequest {
                        request_id: message_id.to_string(),
                        name: work.id.to_string(),
                        clock: view::clock_kind(*clock).into(),
                    };
                    let check = method::routing_service::CHECK_CLOCK;
                    tx.enqueue(OutboundCall::timer(context, NAME, check, message_id, *at, &request));
                }
                Fact::ClockStopped { clock, run } => tx.cancel(work.timer_id(*clock, *run)),
                Fact::Opened { .. }
                | Fact::Claimed(_)
                | Fact::Posted(_)
                | Fact::Breached { .. }
                | Fact::Escalated { .. }
                | Fact::Completed { .. } => {
                    if let Some(told) = tell(fact) {
                        self.milestone(tx, context, work, told);
                    }
                }
            }
        }
    }

    /// How it stands with the timer of a clock: the call waits for an operator, or an operator has dealt with it. Its
    /// attempts tell two occasions apart.
    pub(super) fn timer_stuck(&self, tx: &Tx, call: &UndeliveredCall, work: &Work, clock: ClockKind, reason: &str) {
        let context = &RequestContext { journey: work.journey.clone(), ..call.context() };
        let summary = match reason {
            "CALL_PARKED" => format!("The {} clock is not watched: its timer waits for an operator.", clock.as_str()),
            "CALL_DISCARDED" => format!("The {} clock is not watched: an operator gave its timer up.", clock.as_str()),
            _ => format!("The {} clock is watched again: an operator has its timer sent.", clock.as_str()),
        };
        let attributes: [(&str, String); 3] = [
            ("clock", clock.as_str().to_owned()),
            ("call", call.message_id.to_string()),
            ("reason", reason.to_owned()),
        ];
        let attributes: BTreeMap<String, String> =
            attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        for sink in &*self.sinks {
            let step = format!("{}/{reason}/{}@{sink}", call.tenant, call.attempts);
            let message_id = message_id_for_step(call.message_id, &step, 1);
            let milestone = milestone_of(tx, work, Kind::WorkNeedsAttention, &summary, attributes.clone());
            send(tx, context, sink, message_id, milestone);
        }
    }

    fn milestone(&self, tx: &Tx, context: &RequestContext, work: &mut Work, told: Told) {
        work.reported += 1;
        let asked_by = context.client.strip_prefix("service:").filter(|_| told.no_echo);
        let attributes: BTreeMap<String, String> =
            told.attributes.into_iter().map(|(key, value)| (key.to_owned(), cut(&value))).collect();
        for sink in self.sinks.iter().filter(|sink| asked_by != Some(sink.as_str())) {
            let step = format!("{}@{sink}", told.kind.as_str_name());
            let message_id = work.message_id(&step, work.reported);
            let milestone = milestone_of(tx, work, told.kind, &told.summary, attributes.clone());
            send(tx, context, sink, message_id, milestone);
        }
    }
}

fn milestone_of(tx: &Tx, work: &Work, kind: Kind, summary: &str, attributes: BTreeMap<String, String>) -> Milestone {
    Milestone {
        kind: kind.into(),
        case: work.case.to_string(),
        subject: work.id.to_string(),
        happened_at: Some(to_timestamp(tx.now())),
        summary: cut(summary),
        attributes,
    }
}

fn send(tx: &Tx, context: &RequestContext, sink: &str, message_id: Uuid, milestone: Milestone) {
    let lane = milestone.case.clone();
    let request = ReportMilestonesRequest { request_id: message_id.to_string(), milestones: vec![milestone] };
    let report = method::milestone_sink::REPORT_MILESTONES;
    tx.enqueue(OutboundCall::in_lane(context, sink, report, message_id, lane, &request));
}

/// How sinks are told a fact; `None` when they are not.
fn tell(fact: &Fact) -> Option<Told> {
    let told = |kind, summary: String, attributes| Told { kind, summary, attributes, no_echo: false };
    Some(match fact {
        // Work that nobody has to do is no news: a disruption opens thousands of it at once.
        Fact::Opened { unattended: true } | Fact::ClockStarted { .. } | Fact::ClockStopped { .. } => return None,
        Fact::Opened { unattended: false } => {
            told(Kind::WorkOpened, "Work was opened and waits for an agent.".to_owned(), vec![])
        }
        Fact::Claimed(agent) => {
            told(Kind::WorkClaimed, "An agent works on it.".to_owned(), vec![("agent", agent.to_string())])
        }
        Fact::Posted(progress) => match progress.kind {
            ProgressKind::InternalNote => return None,
            ProgressKind::Acknowledgement
            | ProgressKind::SubstantiveUpdate
            | ProgressKind::WaitingForCustomer
            | ProgressKind::CustomerAnswered => {
                let attributes = vec![("kind", progress.kind.as_str().to_owned()), ("text", progress.text.clone())];
                Told { no_echo: true, ..told(Kind::ProgressPosted, progress.text.clone(), attributes) }
            }
        },
        Fact::Breached { clock, due_at } => told(
            Kind::ClockBreached,
            format!("The {} clock ran out at {due_at}.", clock.as_str()),
            vec![("clock", clock.as_str().to_owned()), ("due_at", due_at.to_string())],
        ),
        Fact::Escalated { level, reason } => told(
            Kind::WorkEscalated,
            format!("Escalated to level {level}: {reason}"),
            vec![("level", level.to_string()), ("reason", reason.clone())],
        ),
        Fact::Completed { resolution } => Told {
            no_echo: true,
            ..told(Kind::WorkCompleted, resolution.clone(), vec![("resolution", resolution.clone())])
        },
    })
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}
