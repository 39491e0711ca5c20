//! The use cases of follow-up, one per file. Each owns one named transaction; whatever concerns others leaves as a
//! durable call in it. The one thing that is done outside of a transaction is handing a message to its transport.

mod deliver_message;
mod hand_overs;
mod milestones;
mod own_calls;
pub(crate) mod ports;
mod read;
mod rejected_call;
mod run_plan_step;
mod send_message;
mod start_plan;
mod stop_plan;
mod submit_survey;
mod taken;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use durable::{Engine, PageTokens, Writer};

pub(crate) use deliver_message::DeliverMessage;
use milestones::Milestones;
use ports::Transports;
pub(crate) use read::Page;
pub(crate) use rejected_call::RejectedCalls;
pub(crate) use run_plan_step::RunPlanStep;
pub(crate) use send_message::SendMessage;
pub(crate) use start_plan::StartPlan;
pub(crate) use stop_plan::StopPlan;
pub(crate) use submit_survey::SubmitSurvey;

use crate::domain::Templates;

/// What a user of the suite decides about follow-up.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Pauses of a plan that names none.
    pub(crate) default_pauses: Vec<Duration>,
    /// Where a survey is answered; `{survey}` stands for its name.
    pub(crate) survey_link: Option<String>,
    /// Targets that are told what happened.
    pub(crate) sinks: Vec<String>,
}

/// The use cases and what they work with.
pub(crate) struct App {
    engine: Engine,
    templates: Arc<Templates>,
    tokens: PageTokens,
    milestones: Milestones,
    transports: Transports,
    default_pauses: Vec<Duration>,
    under_way: under_way::UnderWay,
    hand_overs: hand_overs::HandOvers,
    send: Writer<send_message::QueueMessages>,
    record: Writer<deliver_message::RecordDeliveries>,
    start: Writer<start_plan::StartPlans>,
    step: Writer<run_plan_step::TakeSteps>,
}

impl App {
    /// Starts the writers. Must be called within a tokio runtime.
    pub(crate) fn start(
        engine: &Engine,
        templates: Templates,
        tokens: PageTokens,
        transports: Transports,
        settings: Settings,
    ) -> Arc<Self> {
        let milestones = Milestones::new(&settings.sinks);
        let templates = Arc::new(templates);
        let steps = run_plan_step::TakeSteps {
            milestones: milestones.clone(),
            templates: Arc::clone(&templates),
            survey_link: settings.survey_link,
        };
        Arc::new(Self {
            engine: engine.clone(),
            templates,
            tokens,
            transports,
            default_pauses: settings.default_pauses,
            under_way: under_way::UnderWay::default(),
            hand_overs: hand_overs::HandOvers::new(),
            send: Writer::start(engine, send_message::QueueMessages { milestones: milestones.clone() }),
            record: Writer::start(engine, deliver_message::RecordDeliveries { milestones: milestones.clone() }),
            start: Writer::start(engine, start_plan::StartPlans { milestones: milestones.clone() }),
            step: Writer::start(engine, steps),
            milestones,
        })
    }

    /// What is done about durable calls that were refused for good.
    pub(crate) fn rejected_calls(&self) -> RejectedCalls {
        RejectedCalls { milestones: self.milestones.clone() }
    }
}
