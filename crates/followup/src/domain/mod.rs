//! The rules of follow-up: what a message, a plan and a survey may become, what is said to a customer and how it is
//! cleaned. Calls nothing; the time and new ids come in as arguments.

mod contact;
mod message;
mod message_state;
mod outcome;
mod plan;
mod plan_state;
mod survey;
mod survey_state;
mod template;
mod text;

pub(crate) use contact::{ContactKind, ContactPoint};
pub(crate) use message::Message;
pub(crate) use message_state::{MessageEvent, MessageState};
pub(crate) use outcome::{Outcome, OutcomeResult, outcome_of};
pub(crate) use plan::{MAX_PAUSES, MIN_PAUSES, Plan, Step, pause_is_allowed};
pub(crate) use plan_state::{PlanEvent, PlanState, Verdict};
pub(crate) use survey::{Survey, SurveyAnswer};
pub(crate) use survey_state::{AlreadyAnswered, SurveyState};
pub(crate) use template::{Rendered, Templates, UnusableValues};
pub(crate) use text::cut;
