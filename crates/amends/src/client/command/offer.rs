//! `amends offer`: see offers, answer them, make another one.

use anyhow::bail;
use api::compensation::remedy_line::Basis;
use api::compensation::respond_to_offer_request::Response;
use api::compensation::{
    CounterOfferRequest, Decline, GetOfferRequest, ListOffersRequest, MakeOfferRequest, Offer, Option as Choice,
    RemedyLine, RespondToOfferRequest,
};
use api::google::r#type::Money;
use clap::{Args, Subcommand, ValueEnum};
use kernel::{OfferId, RemedyId};
use prost_types::Timestamp;

use super::remedy::OfCase;
use crate::client::call::Caller;
use crate::client::values::{Repeatable, amount, name, option, time, with_ids};

/// Verbs of `offer`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the offers of a case with their options, newest first.
    List(OfCase),
    /// Show an offer.
    Get(One),
    /// Record that the customer chose an option.
    #[command(after_help = "Example:\n  amends offer accept OFFER --option rebooking")]
    Accept(AcceptOptions),
    /// Record that the customer declined.
    #[command(
        after_help = "Example:\n  amends offer decline OFFER --reason \"Too little\" --fair-ask \"My ticket back\""
    )]
    Decline(DeclineOptions),
    /// Put another choice to the customer, by an agent's decision.
    #[command(after_help = MAKE_EXAMPLE)]
    Make(MakeOptions),
    /// Answer a customer who declined with another offer and a reason.
    #[command(after_help = COUNTER_EXAMPLE)]
    Counter(CounterOptions),
}

const MAKE_EXAMPLE: &str = "Example:
  amends offer make REMEDY --made-by Kim --option \"money:EUR 50.00\" --option \"voucher:EUR 80.00=For your next trip\"

An option is KIND:VALUE, and =DESCRIPTION where better words are wanted: money:EUR 50.00, voucher:EUR 80.00,
discount:20 (percent), service:WORDS or item:ID, an item of the catalogue (see `amends remedy extras`).";

const COUNTER_EXAMPLE: &str = "Example:
  amends offer counter OFFER --made-by Kim --option \"voucher:EUR 80.00\" --reason \"The flight went; this is for your time\"";

/// One offer.
#[derive(Debug, Args)]
pub struct One {
    /// The offer: offers/UUID, or the UUID alone.
    #[arg(value_parser = name::<OfferId>)]
    offer: String,
}

/// The customer's choice.
#[derive(Debug, Args)]
pub struct AcceptOptions {
    #[command(flatten)]
    one: One,
    /// Id of the chosen option; may be left out when there is only one.
    #[arg(long, value_name = "ID")]
    option: Option<String>,
    /// Where the customer's signed agreement is kept; needed for an option in the place of money that the law demands.
    #[arg(long, value_name = "REFERENCE", default_value = "", hide_default_value = true)]
    consent: String,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// The customer's no.
#[derive(Debug, Args)]
pub struct DeclineOptions {
    #[command(flatten)]
    one: One,
    /// Why, in the customer's words.
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    reason: String,
    /// What the customer would call fair instead.
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    fair_ask: String,
    /// The amount that the customer would call fair, e.g. "EUR 80.00": it is answered with the nearest offer.
    #[arg(long, value_name = "MONEY", value_parser = amount)]
    fair_amount: Option<Money>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Another offer.
#[derive(Debug, Args)]
pub struct MakeOptions {
    /// The remedy: remedies/UUID, or the UUID alone.
    #[arg(value_parser = name::<RemedyId>)]
    remedy: String,
    /// What the customer may choose. Repeat for more options.
    #[arg(long = "option", required = true, value_name = "KIND:VALUE", value_parser = option)]
    options: Vec<RemedyLine>,
    #[command(flatten)]
    extras: Extras,
    /// Who decides: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    made_by: String,
    /// The role in which it is decided; the policy's default role when not given.
    #[arg(long, value_name = "ROLE", default_value = "", hide_default_value = true)]
    role: String,
    /// When the offer expires, RFC 3339; the service's term when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// What all that is given is for, and what comes along.
#[derive(Debug, Args)]
pub struct Extras {
    /// What comes with whatever is chosen. Repeat for more.
    #[arg(long, value_name = "KIND:VALUE", value_parser = option)]
    plus: Vec<RemedyLine>,
    /// What the lines are for.
    #[arg(long, value_enum, default_value_t = BasisArg::Gesture)]
    basis: BasisArg,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum BasisArg {
    /// Gives back what was lost.
    Restitution,
    /// Pays for wasted time.
    Time,
    /// Goes one step further than fair.
    Gesture,
    /// The law demands it.
    Statutory,
    /// Goes one step further although the fault is not the company's.
    NoFaultGoodwill,
}

impl From<BasisArg> for Basis {
    fn from(basis: BasisArg) -> Self {
        match basis {
            BasisArg::Restitution => Self::Restitution,
            BasisArg::Time => Self::Time,
            BasisArg::Gesture => Self::Gesture,
            BasisArg::Statutory => Self::Statutory,
            BasisArg::NoFaultGoodwill => Self::NoFaultGoodwill,
        }
    }
}

impl Extras {
    fn options(&self, lines: &[RemedyLine]) -> Vec<Choice> {
        with_ids(&lines.iter().map(|line| self.of_basis(line)).collect::<Vec<_>>())
    }

    fn plus(&self) -> Vec<RemedyLine> {
        let lines = (1..).zip(&self.plus);
        lines.map(|(id, line): (usize, _)| RemedyLine { id: format!("plus-{id}"), ..self.of_basis(line) }).collect()
    }

    fn of_basis(&self, line: &RemedyLine) -> RemedyLine {
        RemedyLine { basis: Basis::from(self.basis).into(), ..line.clone() }
    }
}

/// An answer to a customer who declined.
#[derive(Debug, Args)]
pub struct CounterOptions {
    #[command(flatten)]
    one: One,
    /// What the customer may choose instead. Repeat for more options.
    #[arg(long = "option", required = true, value_name = "KIND:VALUE", value_parser = option)]
    options: Vec<RemedyLine>,
    #[command(flatten)]
    extras: Extras,
    /// Why this and not what was asked for, in words for the customer.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides: agents/UUID, or a name.
    #[arg(long, value_name = "AGENT")]
    made_by: String,
    /// The role in which it is decided; the policy's default role when not given.
    #[arg(long, value_name = "ROLE", default_value = "", hide_default_value = true)]
    role: String,
    /// When the offer expires, RFC 3339; the service's term when not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    repeatable: Repeatable,
}

/// Runs a verb of `offer`.
///
/// # Errors
/// When the call fails.
pub async fn run(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::List(of) => {
            let request = ListOffersRequest { case: of.case.clone(), ..Default::default() };
            caller.show_page(request, &of.paging).await
        }
        Command::Get(one) => caller.show(GetOfferRequest { name: one.offer.clone() }).await,
        Command::Accept(AcceptOptions { one, option, consent, repeatable }) => {
            let option = match option {
                Some(option) => option.clone(),
                None => only_option(&one.offer, caller).await?,
            };
            respond(one, Response::AcceptOption(option), consent, repeatable, caller).await
        }
        Command::Decline(DeclineOptions { one, reason, fair_ask, fair_amount, repeatable }) => {
            let decline =
                Decline { reason: reason.clone(), fair_ask: fair_ask.clone(), fair_ask_amount: fair_amount.clone() };
            respond(one, Response::Decline(decline), "", repeatable, caller).await
        }
        Command::Counter(counter) => {
            let request = CounterOfferRequest {
                request_id: counter.repeatable.id(),
                name: counter.one.offer.clone(),
                options: counter.extras.options(&counter.options),
                plus: counter.extras.plus(),
                reason: counter.reason.clone(),
                made_by: counter.made_by.clone(),
                role: counter.role.clone(),
                expire_time: counter.expires,
            };
            caller.show(request).await
        }
        Command::Make(options) => {
            let offer = Offer {
                remedy: options.remedy.clone(),
                options: options.extras.options(&options.options),
                plus: options.extras.plus(),
                expire_time: options.expires,
                ..Offer::default()
            };
            let (request_id, made_by, role) = (options.repeatable.id(), options.made_by.clone(), options.role.clone());
            caller.show(MakeOfferRequest { request_id, offer: Some(offer), made_by, role }).await
        }
    }
}

async fn respond(
    one: &One,
    response: Response,
    consent: &str,
    repeatable: &Repeatable,
    caller: &mut Caller,
) -> anyhow::Result<()> {
    let request = RespondToOfferRequest {
        request_id: repeatable.id(),
        name: one.offer.clone(),
        response: Some(response),
        consent: consent.to_owned(),
    };
    caller.show(request).await
}

async fn only_option(offer: &str, caller: &mut Caller) -> anyhow::Result<String> {
    let offer = caller.call(GetOfferRequest { name: offer.to_owned() }).await?;
    if let [only] = &offer.options[..] {
        return Ok(only.id.clone());
    }
    let ids: Vec<String> =
        offer.options.iter().map(|option| format!("  --option {}: {}", option.id, option.description)).collect();
    bail!("the offer has {} options; say which one:\n{}", ids.len(), ids.join("\n"))
}
