//! What can be typed: one file for each noun.

mod affected;
mod agent;
mod apply_document;
mod approval;
mod assess;
mod audit;
mod calls;
mod capture;
mod case;
mod customer;
mod decision;
mod disruption;
mod experiment;
mod historic;
mod ledger;
mod message;
mod offer;
mod outcome;
mod pack;
mod pack_backtest;
mod pack_diff;
mod pack_document;
mod pack_test;
mod pack_version;
mod payout;
mod payouts;
mod plan;
mod policy;
mod queue;
mod reconcile;
mod remedy;
mod settlement;
mod signal;
mod survey;
mod voucher;
mod watch;
mod work;

use std::io;

use clap::{Args, Subcommand};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::call::Caller;
use super::connection::Connection;

/// The commands of the client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report a failure, and follow its recovery.
    Case(Group<case::Command>),
    /// Look at a customer and the one history that all cases share.
    Customer(Group<customer::Command>),
    /// Report a failure that hits many customers, whether they complain or not.
    Disruption(Group<disruption::Command>),
    /// See, take and finish work.
    Work(Group<work::Command>),
    /// Say who works, on what, and whether they are there.
    Agent(Group<agent::Command>),
    /// See and make queues.
    Queue(Group<queue::Command>),
    /// Work out what is owed for a failure, and why, without giving it.
    Assess(Single<assess::Options>),
    /// See what is done about a case.
    Remedy(Group<remedy::Command>),
    /// See offers, answer them, make another one.
    Offer(Group<offer::Command>),
    /// See what waits for somebody else's decision, and decide it.
    Approval(Group<approval::Command>),
    /// See what agents decided alone.
    Decision(Group<decision::Command>),
    /// See and apply who may decide what alone, budgets for gestures, thresholds of repetition.
    Policy(Group<policy::Command>),
    /// Start and stop experiments with apologies and offers, and see what they have shown.
    Experiment(Group<experiment::Command>),
    /// See gestures that repeat.
    Signal(Group<signal::Command>),
    /// See vouchers, use them, take them back, see what they may still cost.
    Voucher(Group<voucher::Command>),
    /// See payouts, look into them, settle what needs a person.
    Payout(Group<payout::Command>),
    /// Stop and start everything that is sent to the payout provider.
    Payouts(Group<payouts::Command>),
    /// Record what was captured for orders, which bounds what is refunded of them.
    Capture(Group<capture::Command>),
    /// Compare a day of the payout provider's settlement with our books.
    Reconcile(Single<reconcile::Options>),
    /// See where the provider's books and ours differ, and clear it up.
    Settlement(Group<settlement::Command>),
    /// See the double-entry ledger.
    Ledger(Group<ledger::Command>),
    /// See the packs of rules that say what is owed, test and compare them, and try them on what happened.
    Pack(Group<pack::Command>),
    /// See what was said to the customer.
    Message(Group<message::Command>),
    /// See and stop the check-ins of a case.
    Plan(Group<plan::Command>),
    /// See surveys and answer them.
    Survey(Group<survey::Command>),
    /// See what came of a recovery.
    Outcome(Single<outcome::Options>),
    /// Look into durable calls, and repair what got stuck.
    Calls(Group<calls::Command>),
    /// See who changed what by hand, and whether the record is intact.
    Audit(Group<audit::Command>),
}

/// A noun with verbs, and where to say them.
#[derive(Debug, Args)]
pub struct Group<C: Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    connection: Connection,
}

/// A verb of its own, and where to say it.
#[derive(Debug, Args)]
pub struct Single<A: Args> {
    #[command(flatten)]
    options: A,
    #[command(flatten)]
    connection: Connection,
}

/// Runs a command of the client.
///
/// # Errors
/// When the call fails, worded for people; bad use never gets here.
pub fn run(command: Command) -> BoxFuture<'static, anyhow::Result<()>> {
    async move {
        match Box::pin(dispatch(&command, &mut Caller::new(command.connection())?)).await {
            // Whoever reads has seen enough, e.g. `head`.
            Err(error) if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
                Ok(())
            }
            result => result,
        }
    }
    .boxed()
}

/// Runs a command by `caller`.
///
/// # Errors
/// When the call fails.
pub async fn dispatch(command: &Command, caller: &mut Caller) -> anyhow::Result<()> {
    match command {
        Command::Case(group) => case::run(&group.command, caller).await,
        Command::Customer(group) => customer::run(&group.command, caller).await,
        Command::Disruption(group) => disruption::run(&group.command, caller).await,
        Command::Work(group) => work::run(&group.command, caller).await,
        Command::Agent(group) => agent::run(&group.command, caller).await,
        Command::Queue(group) => queue::run(&group.command, caller).await,
        Command::Assess(single) => assess::run(&single.options, caller).await,
        Command::Remedy(group) => remedy::run(&group.command, caller).await,
        Command::Offer(group) => offer::run(&group.command, caller).await,
        Command::Approval(group) => approval::run(&group.command, caller).await,
        Command::Decision(group) => decision::run(&group.command, caller).await,
        Command::Policy(group) => policy::run(&group.command, caller).await,
        Command::Experiment(group) => experiment::run(&group.command, caller).await,
        Command::Signal(group) => signal::run(&group.command, caller).await,
        Command::Voucher(group) => voucher::run(&group.command, caller).await,
        Command::Payout(group) => payout::run(&group.command, caller).await,
        Command::Payouts(group) => payouts::run(&group.command, caller).await,
        Command::Capture(group) => capture::run(&group.command, caller).await,
        Command::Reconcile(single) => reconcile::run(&single.options, caller).await,
        Command::Settlement(group) => settlement::run(&group.command, caller).await,
        Command::Ledger(group) => ledger::run(&group.command, caller).await,
        Command::Pack(group) => pack::run(&group.command, caller).await,
        Command::Message(group) => message::run(&group.command, caller).await,
        Command::Plan(group) => plan::run(&group.command, caller).await,
        Command::Survey(group) => survey::run(&group.command, caller).await,
        Command::Outcome(single) => outcome::run(&single.options, caller).await,
        Command::Calls(group) => calls::run(&group.command, caller).await,
        Command::Audit(group) => audit::run(&group.command, caller).await,
    }
}

impl Command {
    /// Where it is said, and as whom.
    pub fn connection(&self) -> &Connection {
        match self {
            Self::Case(group) => &group.connection,
            Self::Customer(group) => &group.connection,
            Self::Disruption(group) => &group.connection,
            Self::Work(group) => &group.connection,
            Self::Agent(group) => &group.connection,
            Self::Queue(group) => &group.connection,
            Self::Assess(single) => &single.connection,
            Self::Remedy(group) => &group.connection,
            Self::Offer(group) => &group.connection,
            Self::Approval(group) => &group.connection,
            Self::Decision(group) => &group.connection,
            Self::Policy(group) => &group.connection,
            Self::Experiment(group) => &group.connection,
            Self::Signal(group) => &group.connection,
            Self::Voucher(group) => &group.connection,
            Self::Payout(group) => &group.connection,
            Self::Payouts(group) => &group.connection,
            Self::Capture(group) => &group.connection,
            Self::Reconcile(single) => &single.connection,
            Self::Settlement(group) => &group.connection,
            Self::Ledger(group) => &group.connection,
            Self::Pack(group) => &group.connection,
            Self::Message(group) => &group.connection,
            Self::Plan(group) => &group.connection,
            Self::Survey(group) => &group.connection,
            Self::Outcome(single) => &single.connection,
            Self::Calls(group) => &group.connection,
            Self::Audit(group) => &group.connection,
        }
    }
}
