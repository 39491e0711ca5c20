//! `amends case`: report a failure, and follow its recovery.

use api::common::{ContactPoint, Severity, contact_point};
use api::intake::{
    AskQuestionRequest, Case, Customer, GetCaseRequest, GetCustomerTimelineRequest, Identity, ListCasesRequest,
    OpenCaseRequest, RecordFindingRequest, ReopenCaseRequest, SetRequestedRemedyRequest, case,
};
use clap::{Args, Subcommand, ValueEnum};
use kernel::{CaseId, CustomerId, DisruptionId};

use super::watch;
use crate::client::call::Caller;
use crate::client::output::Journey;
use crate::client::values::{
    Etag, EventArgs, Keyed, Paging, Repeatable, SeverityArg, contact, fact, fact_map, identity, name,
};

/// Verbs of `case`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report a failure towards one customer. The recovery starts by itself, with the apology.
    #[command(after_help = OPEN_EXAMPLES)]
    Open(Box<OpenOptions>),
    /// Show a case.
    Get(One),
    /// List cases, newest first.
    List(ListOptions),
    /// Show what happens with a case as it happens, until the case is final.
    Watch(One),
    /// Show the journey of a case over all services, oldest first.
    Timeline(One),
    /// Ask the customer a diagnostic question; allowed once our apology has gone out.
    #[command(after_help = "Example:\n  amends case ask CASE \"Which door was the parcel left at?\"")]
    Ask(AskOptions),
    /// Record what was found out; what is owed is worked out then.
    #[command(after_help = "Example:\n  amends case finding CASE \"Lost at the depot\" --fact price=\"EUR 89.00\"")]
    Finding(FindingOptions),
    /// Record what the customer would call fair.
    RequestRemedy(RemedyOptions),
    /// Reopen a final case because the customer came back.
    Reopen(ReopenOptions),
}

const OPEN_EXAMPLES: &str = "Examples:
  amends case open --customer email=ann@example.com --event parcel.lost --reference 1Z999
  amends case open --customer crm=4711 --name Ann --contact phone:+4915112345678 \\
      --event flight.delayed --fact arrival_delay_minutes=200 --fact ticket_price=\"EUR 214.50\" \\
      --expected \"Home by eight\" --delivered \"Home at midnight\" --severity high";

/// A failure towards one customer.
#[derive(Debug, Args)]
pub struct OpenOptions {
    /// Who was let down: a system and its id of the customer. Repeat for more identities of the same customer.
    #[arg(long = "customer", value_name = "SOURCE=VALUE", required = true, value_parser = identity)]
    identities: Vec<Identity>,
    /// What the customer is called.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// How to reach the customer, best first: email:…, phone:… or app:…. An email identity will do when none is given.
    #[arg(long = "contact", value_name = "KIND:ADDRESS", value_parser = contact)]
    contacts: Vec<ContactPoint>,
    /// Loyalty tier, as the company names it.
    #[arg(long, default_value = "", hide_default_value = true)]
    tier: String,
    /// The customer's language, e.g. de.
    #[arg(long, default_value = "", hide_default_value = true)]
    language: String,
    #[command(flatten)]
    event: EventArgs,
    /// What the customer expected.
    #[arg(long, default_value = "", hide_default_value = true)]
    expected: String,
    /// What the customer got instead.
    #[arg(long, default_value = "", hide_default_value = true)]
    delivered: String,
    /// How badly the customer was hit.
    #[arg(long, value_enum, default_value = "medium")]
    severity: SeverityArg,
    /// What the customer would call fair, in the customer's words.
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    requested_remedy: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// One case.
#[derive(Debug, Args)]
pub struct One {
    /// The case: cases/UUID, or the UUID alone.
    #[arg(value_parser = name::<CaseId>)]
    case: String,
}

/// Which cases.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only cases in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only cases of this customer.
    #[arg(long, value_parser = name::<CustomerId>)]
    customer: Option<String>,
    /// Only cases of this disruption.
    #[arg(long, value_parser = name::<DisruptionId>)]
    disruption: Option<String>,
    /// Only cases that need a person.
    #[arg(long)]
    needs_attention: bool,
    #[command(flatten)]
    paging: Paging,
}

/// Where a recovery stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateArg {
    Received,
    Acknowledged,
    Understood,
    Remedied,
    FollowingUp,
    Recovered,
    NotRecovered,
    Lapsed,
    Reopened,
}

impl From<StateArg> for case::State {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Received => Self::Received,
            StateArg::Acknowledged => Self::Acknowledged,
            StateArg::Understood => Self::Understood,
            StateArg::Remedied => Self::Remedied,
            StateArg::FollowingUp => Self::FollowingUp,
            StateArg::Recovered => Self::Recovered,
            StateArg::NotRecovered => Self::NotRecovered,
            StateArg::Lapsed => Self::Lapsed,
            StateArg::Reopened => Self::Reopened,
        }
    }
}

/// A question.
#[derive(Debug, Args)]
pub struct AskOptions {
    #[command(flatten)]
    one: One,
    /// The question, in the customer's language.
    question: String,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// A finding.
#[derive(Debug, Args)]
pub struct FindingOptions {
    #[command(flatten)]
    one: One,
    /// What went wrong and why.
    finding: String,
    /// A fact that was established; typed by its look. Repeat for more.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    facts: Vec<Keyed>,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What would be fair.
#[derive(Debug, Args)]
pub struct RemedyOptions {
    #[command(flatten)]
    one: One,
    /// What the customer would call fair, in the customer's words.
    words: String,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Why it starts again.
#[derive(Debug, Args)]
pub struct ReopenOptions {
    #[command(flatten)]
    one: One,
    /// What is wrong again.
    reason: String,
    #[command(flatten)]
    etag: Etag,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `case`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Open(options) => {
            let request = open_request(options, caller)?;
            caller.show(request).await
        }
        Command::Get(one) => caller.show(GetCaseRequest { name: one.case.clone() }).await,
        Command::List(options) => caller.show_page(list_request(options), &options.paging).await,
        Command::Watch(one) => watch::run(&one.case, caller).await,
        Command::Timeline(one) => timeline(&one.case, caller).await,
        Command::Ask(AskOptions { one, question, etag, repeatable }) => {
            let (request_id, name, etag) = (repeatable.id(), one.case.clone(), etag.etag.clone());
            caller.show(AskQuestionRequest { request_id, name, question: question.clone(), etag }).await
        }
        Command::Finding(FindingOptions { one, finding, facts, etag, repeatable }) => {
            let (request_id, name, etag) = (repeatable.id(), one.case.clone(), etag.etag.clone());
            let facts = fact_map(facts)?;
            caller.show(RecordFindingRequest { request_id, name, finding: finding.clone(), facts, etag }).await
        }
        Command::RequestRemedy(RemedyOptions { one, words, etag, repeatable }) => {
            let (request_id, name, etag) = (repeatable.id(), one.case.clone(), etag.etag.clone());
            caller.show(SetRequestedRemedyRequest { request_id, name, requested_remedy: words.clone(), etag }).await
        }
        Command::Reopen(ReopenOptions { one, reason, etag, repeatable }) => {
            let (request_id, name, etag) = (repeatable.id(), one.case.clone(), etag.etag.clone());
            caller.show(ReopenCaseRequest { request_id, name, reason: reason.clone(), etag }).await
        }
    }
}

fn open_request(options: &OpenOptions, caller: &mut Caller) -> anyhow::Result<OpenCaseRequest> {
    let mut contact_points = options.contacts.clone();
    if contact_points.is_empty() {
        contact_points.extend(email_of(&options.identities));
    }
    let customer = Customer {
        display_name: options.name.clone(),
        identities: options.identities.clone(),
        contact_points,
        tier: options.tier.clone(),
        language: options.language.clone(),
        ..Customer::default()
    };
    let case = Case {
        event: Some(options.event.event(caller)?),
        expected: options.expected.clone(),
        delivered: options.delivered.clone(),
        severity: Severity::from(options.severity).into(),
        requested_remedy: options.requested_remedy.clone(),
        ..Case::default()
    };
    Ok(OpenCaseRequest { request_id: options.repeatable.id(), customer: Some(customer), case: Some(case) })
}

/// The contact point that an e-mail identity is.
pub fn email_of(identities: &[Identity]) -> Option<ContactPoint> {
    let email = identities.iter().find(|identity| identity.source == "email")?;
    Some(ContactPoint { kind: contact_point::Kind::Email.into(), address: email.value.clone() })
}

fn list_request(options: &ListOptions) -> ListCasesRequest {
    ListCasesRequest {
        state: options.state.map_or(case::State::Unspecified, case::State::from).into(),
        customer: options.customer.clone().unwrap_or_default(),
        disruption: options.disruption.clone().unwrap_or_default(),
        needs_attention: options.needs_attention,
        ..ListCasesRequest::default()
    }
}

async fn timeline(case: &str, caller: &mut Caller) -> anyhow::Result<()> {
    let customer = caller.call(GetCaseRequest { name: case.to_owned() }).await?.customer;
    let request = GetCustomerTimelineRequest { customer, case: case.to_owned(), ..Default::default() };
    let story = caller.pages(request, &Paging::everything()).await?;
    if caller.prints_json() {
        return caller.print::<GetCustomerTimelineRequest>(&story);
    }
    caller.screen().text(|page| Journey(&story).render(page))
}
