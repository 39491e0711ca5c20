//! BacktestPack: the stream of requests becomes batches of events, the tally becomes the report.

use std::sync::Arc;
use std::vec::IntoIter;

use api::compensation as wire;
use api::compensation::backtest_pack_request::Message as Asked;
use api::compensation::backtest_pack_response::Message as Told;
use api::compensation::backtest_version::Version;
use chassis::status::to_status;
use futures::stream::{self, BoxStream, StreamExt as _};
use kernel::{RequestContext, ServiceError, Violations};
use tonic::{Status, Streaming};

use super::event::{event, severity};
use crate::app::{App, Backtest, known_version};
use crate::domain::backtest::difference::Difference;
use crate::domain::backtest::{HistoricEvent, Options, Trial};
use crate::domain::pack::set::PackSet;
use crate::domain::pack::{Pack, document};
use crate::domain::policy::catalogue::Catalogue;

/// Events in one batch, and in one stream.
const MAX_BATCH: usize = 500;
const MAX_EVENTS: usize = 10_000_000;
/// Customers of one event.
const MAX_CUSTOMERS: i32 = 1_000_000;
/// Bytes of a document.
const MAX_DOCUMENT: usize = 262_144;
/// Differing events that are told: when nothing is said, and at most.
const DIFFERENCES: (usize, i32) = (20, 1_000);
/// Events between two messages of progress.
const PROGRESS: u64 = 20_000;

/// The answer's stream.
pub(super) type Answers = BoxStream<'static, Result<wire::BacktestPackResponse, Status>>;

/// Runs a backtest as its answer is read; whoever stops reading ends it.
pub(super) fn run(app: App, context: RequestContext, requests: Streaming<wire::BacktestPackRequest>) -> Answers {
    let phase = Phase::Setup;
    let run = Run { app, context, requests, phase, batches: 0, events: 0, told: 0 };
    stream::try_unfold(run, Run::next).boxed()
}

struct Run {
    app: App,
    context: RequestContext,
    requests: Streaming<wire::BacktestPackRequest>,
    phase: Phase,
    batches: u64,
    events: usize,
    told: u64,
}

enum Phase {
    Setup,
    Events(Box<Backtest>),
    Differences(IntoIter<Difference>, Box<wire::BacktestReport>),
    Ended,
}

impl Run {
    async fn next(mut self) -> Result<Option<(wire::BacktestPackResponse, Self)>, Status> {
        loop {
            self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Setup => Phase::Events(Box::new(self.set_up().await?)),
                Phase::Events(mut backtest) => match self.requests.message().await? {
                    Some(request) => {
                        self.batch(&mut backtest, request).await.map_err(to_status)?;
                        let so_far = backtest.so_far();
                        let is_due = so_far.events >= self.told + PROGRESS;
                        let progress = super::backtest_report::progress(so_far);
                        if is_due {
                            self.told = so_far.events;
                        }
                        self.phase = Phase::Events(backtest);
                        if is_due {
                            return Ok(Some((told(Told::Progress(progress)), self)));
                        }
                        continue;
                    }
                    None => self.ended(*backtest).await.map_err(to_status)?,
                },
                Phase::Differences(mut left, report) => match left.next() {
                    Some(difference) => {
                        let difference = super::backtest_report::difference(&difference);
                        self.phase = Phase::Differences(left, report);
                        return Ok(Some((told(Told::Difference(difference)), self)));
                    }
                    None => return Ok(Some((told(Told::Report(*report)), self))),
                },
                Phase::Ended => return Ok(None),
            };
        }
    }

    async fn set_up(&mut self) -> Result<Backtest, Status> {
        let first = self.requests.message().await?;
        let packs = self.app.packs_of(&self.context).await.map_err(to_status)?;
        let catalogue = self.app.catalogue(&self.context.tenant, self.app.now()).await.map_err(to_status)?;
        let trial = trial(&packs, catalogue, first.and_then(|request| request.message)).map_err(to_status)?;
        self.app.begin_backtest(&self.context.tenant, trial).map_err(to_status)
    }

    async fn batch(&mut self, backtest: &mut Backtest, request: wire::BacktestPackRequest) -> Result<(), ServiceError> {
        self.batches += 1;
        let number = self.batches;
        let mut violations = Violations::new();
        let batch = match request.message {
            Some(Asked::Batch(batch)) => batch,
            Some(Asked::Setup(_)) => {
                violations.add("setup", "NOT_ALLOWED", "comes once, as the first message");
                wire::BacktestBatch::default()
            }
            None => {
                violations.add("message", "REQUIRED", "give a batch");
                wire::BacktestBatch::default()
            }
        };
        if violations.is_empty() {
            violations.within("batch", |violations| violations.count("events", batch.events.len(), 1, MAX_BATCH));
            self.events += batch.events.len();
            if self.events > MAX_EVENTS {
                let many = format!("one stream takes {MAX_EVENTS} events");
                violations.within("batch", |violations| violations.add("events", "TOO_MANY_ITEMS", many));
            }
        }
        violations.finish().map_err(|error| error.with("batch", number))?;
        backtest.take(move || events(batch).map_err(|error| error.with("batch", number))).await
    }

    async fn ended(&mut self, mut backtest: Backtest) -> Result<Phase, ServiceError> {
        if self.batches == 0 {
            let mut violations = Violations::new();
            violations.add("batch", "REQUIRED", "the stream must have at least one batch of events");
            violations.finish()?;
        }
        backtest.finish().await?;
        let report = super::backtest_report::report(backtest.trial(), backtest.so_far())?;
        Ok(Phase::Differences(backtest.into_examples().into_iter(), Box::new(report)))
    }
}

fn told(message: Told) -> wire::BacktestPackResponse {
    wire::BacktestPackResponse { message: Some(message) }
}

/// What is tried, with everything that is wrong about it.
fn trial(packs: &PackSet, catalogue: Arc<Catalogue>, first: Option<Asked>) -> Result<Trial, ServiceError> {
    let mut violations = Violations::new();
    let Some(Asked::Setup(setup)) = first else {
        violations.add("setup", "REQUIRED", "the first message says what is tried");
        violations.finish()?;
        return Err(ServiceError::internal("a violation is missing"));
    };
    let versions = violations.within("setup", |violations| {
        let examples = max_differences(setup.max_differences, violations);
        if setup.candidate.is_none() {
            violations.add("candidate", "REQUIRED", "is required");
        }
        let candidate = setup.candidate.map(|given| version(packs, "candidate", given, violations));
        let baseline = setup.baseline.map(|given| version(packs, "baseline", given, violations));
        (candidate, baseline, examples)
    });
    violations.finish()?;
    let candidate = versions.0.transpose()?.flatten();
    let baseline = versions.1.transpose()?.flatten();
    let examples = versions.2;
    let options = Options { ignore_dates: setup.ignore_dates, examples };
    let candidate = candidate.ok_or_else(|| ServiceError::internal("a candidate is missing without a violation"))?;
    Ok(Trial::new(candidate, baseline, catalogue, options))
}

/// How many differences are told.
pub(super) fn max_differences(asked: i32, violations: &mut Violations) -> usize {
    if !(0..=DIFFERENCES.1).contains(&asked) {
        violations.add("max_differences", "OUT_OF_RANGE", format!("must be 0 to {}", DIFFERENCES.1));
    }
    usize::try_from(asked).ok().filter(|asked| *asked > 0).unwrap_or(DIFFERENCES.0)
}

/// A version: `None` after recording what is wrong with it; an error when the service does not know it.
fn version(
    packs: &PackSet,
    field: &str,
    given: wire::BacktestVersion,
    violations: &mut Violations,
) -> Result<Option<Pack>, ServiceError> {
    violations.within(field, |violations| match given.version {
        Some(Version::Name(name)) => {
            let parts = name.strip_prefix("packs/").and_then(|name| name.split_once('@'));
            match parts.filter(|(id, version)| !id.is_empty() && !version.is_empty()) {
                Some((id, version)) => known_version(packs, id, version).map(Some),
                None => {
                    violations.add("name", "RESOURCE_NAME", "must be packs/{id}@{version}");
                    Ok(None)
                }
            }
        }
        Some(Version::Document(text)) if text.len() > MAX_DOCUMENT => {
            let size = format!("has {} bytes; at most {MAX_DOCUMENT} are allowed", text.len());
            violations.add("document", "LENGTH", size);
            Ok(None)
        }
        Some(Version::Document(text)) => match document::parse(&text) {
            Ok(pack) => Ok(Some(pack)),
            Err(problems) => {
                for problem in problems {
                    violations.add("document", "PACK_DOCUMENT", problem);
                }
                Ok(None)
            }
        },
        None => {
            violations.add("version", "REQUIRED", "give name or document");
            Ok(None)
        }
    })
}

/// The events of a batch, with everything that is wrong with any of them.
fn events(batch: wire::BacktestBatch) -> Result<Vec<HistoricEvent>, ServiceError> {
    let mut violations = Violations::new();
    let mut events = Vec::with_capacity(batch.events.len());
    for (index, given) in batch.events.into_iter().enumerate() {
        events.extend(violations.within("batch", |violations| {
            violations.within(format!("events[{index}]"), |violations| historic(given, violations))
        }));
    }
    violations.finish()?;
    Ok(events)
}

fn historic(given: wire::HistoricEvent, violations: &mut Violations) -> Option<HistoricEvent> {
    let event = event(given.event, None, violations);
    let severity = severity(given.severity, violations);
    if !(0..=MAX_CUSTOMERS).contains(&given.customers) {
        violations.add("customers", "OUT_OF_RANGE", format!("must be 0 to {MAX_CUSTOMERS}"));
    }
    let customers = u32::try_from(given.customers).unwrap_or(0).max(1);
    Some(HistoricEvent { event: event?, severity, customers })
}
