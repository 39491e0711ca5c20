//! `amends survey`: is it right again?

use api::followup::{GetSurveyRequest, ListSurveysRequest, SubmitSurveyRequest};
use clap::{Args, Subcommand};
use kernel::SurveyId;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::{Repeatable, name};

/// Verbs of `survey`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the surveys of a case, newest first.
    List(OfCase),
    /// Show a survey.
    Get(One),
    /// Record the customer's answer. A low score reopens the case.
    #[command(after_help = "Example:\n  amends survey submit SURVEY --score 9 --comment \"The parcel is here\"")]
    Submit(SubmitOptions),
}

/// One survey.
#[derive(Debug, Args)]
pub struct One {
    /// The survey: surveys/UUID, or the UUID alone.
    #[arg(value_parser = name::<SurveyId>)]
    survey: String,
}

/// The customer's answer.
#[derive(Debug, Args)]
pub struct SubmitOptions {
    #[command(flatten)]
    one: One,
    /// 0 (still wrong) to 10 (right again).
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..=10))]
    score: i32,
    /// What the customer says with it.
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    comment: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `survey`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListSurveysRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetSurveyRequest { name: one.survey.clone() }).await,
        Command::Submit(SubmitOptions { one, score, comment, repeatable }) => {
            let (request_id, name, comment) = (repeatable.id(), one.survey.clone(), comment.clone());
            caller.show(SubmitSurveyRequest { request_id, name, score: *score, comment }).await
        }
    }
}
