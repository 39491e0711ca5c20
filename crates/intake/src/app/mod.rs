//! The use cases of intake, one per file. Each owns one named transaction; whatever concerns other services leaves as a
//! durable call in it.
//!
//! Calls the domain for every decision, the store for every row, and nobody over the network. What always holds: a case
//! that is changed is locked first; its story, its commands and its new state commit together.

mod add_affected;
mod ask_question;
mod change_case;
mod commands;
mod customers;
mod list_cases;
mod open_case;
mod outcome;
mod record_finding;
mod reopen_case;
mod report_disruption;
mod report_milestones;
mod resolve_customer;
mod set_requested_remedy;
mod show;
mod timeline;
mod undelivered_call;
mod watch_case;
mod watches;

use std::sync::Arc;

use durable::{Engine, PageTokens, TxError, Writer};
use kernel::{RequestContext, ServiceError};
use sea_orm::DbErr;

pub(crate) use add_affected::{AddAffected, Affected};
pub(crate) use change_case::CaseRequest;
pub(crate) use list_cases::ListCases;
pub(crate) use open_case::OpenCaseDraft;
pub(crate) use record_finding::Finding;
pub(crate) use timeline::Timeline;
pub(crate) use undelivered_call::UndeliveredCalls;
use watches::Watches;

use crate::config::WatchConfig;
use crate::domain::story_limit::StoryLimit;

/// The use cases and what they work with.
pub(crate) struct App {
    engine: Engine,
    tokens: PageTokens,
    watches: Arc<Watches>,
    story: StoryLimit,
    open_case: Writer<open_case::OpenCases>,
    add_affected: Writer<add_affected::AddBatches>,
    report_milestones: Writer<report_milestones::TakeMilestones>,
}

impl App {
    /// Starts the writers. Must be called within a tokio runtime.
    pub(crate) fn start(engine: &Engine, tokens: PageTokens, watch: &WatchConfig, story: StoryLimit) -> Arc<Self> {
        Arc::new(Self {
            engine: engine.clone(),
            tokens,
            watches: Arc::new(Watches::new(watch.max, watch.poll)),
            story,
            open_case: Writer::start(engine, open_case::OpenCases),
            add_affected: Writer::start(engine, add_affected::AddBatches),
            report_milestones: Writer::start(engine, report_milestones::TakeMilestones { story }),
        })
    }

    /// The time, for what a request says about time.
    pub(crate) fn now(&self) -> kernel::Timestamp {
        self.engine.now()
    }
}

/// What a caller is told when a read fails.
fn unread(error: DbErr) -> ServiceError {
    TxError::from(error).into()
}

/// `traceparent` of the story that a call belongs to.
fn journey(context: &RequestContext) -> &str {
    if context.journey.is_empty() { &context.trace.traceparent } else { &context.journey }
}
