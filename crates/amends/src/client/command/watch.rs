//! `amends case watch`: each change as it comes, over however many connections it takes.
//!
//! Always holds: a timeline entry is shown once, in the order of the story; the watch ends with the final state.

use std::collections::HashSet;

use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{Case, WatchCaseRequest, WatchCaseResponse, case};
use tonic::Status;

use crate::client::call::Caller;
use crate::client::output::change_line;

/// Watches a case until it is final.
///
/// # Errors
/// When it cannot be watched: refused, or nobody answers any more.
pub async fn run(case: &str, caller: &mut Caller) -> anyhow::Result<()> {
    let patience = caller.session().patience();
    let mut shown = HashSet::new();
    let mut last_etag = None;
    let mut failures = 0;
    loop {
        let ended = stream(case, caller, &mut shown, &mut last_etag, &mut failures).await?;
        let Err(status) = ended else { return Ok(()) };
        let failure = caller.session().failure(&status);
        if !failure.is_passing() || failures == patience.repeats {
            return Err(failure.into());
        }
        let pause = failure.retry_after().unwrap_or(patience.pause * 2_u32.pow(failures));
        failures += 1;
        tokio::time::sleep(pause).await;
    }
}

/// Shows one stream. `Ok(Ok)`: the case is final. `Ok(Err)`: the stream broke off.
async fn stream(
    case: &str,
    caller: &mut Caller,
    shown: &mut HashSet<String>,
    last_etag: &mut Option<String>,
    failures: &mut u32,
) -> anyhow::Result<Result<(), Status>> {
    let request = caller.session().request(WatchCaseRequest { name: case.to_owned() });
    let mut client = IntakeServiceClient::new(caller.session().channel());
    let mut changes = match client.watch_case(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    loop {
        let change = match changes.message().await {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(Err(broken_off())),
            Err(status) => return Ok(Err(status)),
        };
        *failures = 0;
        show(&change, caller, shown, last_etag)?;
        if change.case.as_ref().is_some_and(is_final) {
            return Ok(Ok(()));
        }
    }
}

fn show(
    change: &WatchCaseResponse,
    caller: &mut Caller,
    shown: &mut HashSet<String>,
    last_etag: &mut Option<String>,
) -> anyhow::Result<()> {
    let mut change = change.clone();
    // A new connection tells the whole story again.
    change.entries.retain(|entry| shown.insert(entry.name.clone()));
    let etag = change.case.as_ref().map(|case| case.etag.clone());
    if change.entries.is_empty() && *last_etag == etag {
        return Ok(());
    }
    *last_etag = etag;
    if caller.prints_json() {
        return caller.print_json_line(api::method::intake_service::WATCH_CASE, &change);
    }
    caller.screen().text(|page| {
        for entry in &change.entries {
            page.line(&change_line(entry));
        }
    })
}

/// A server that goes away in good order ends its streams without an error.
fn broken_off() -> Status {
    let error = kernel::ServiceError::unavailable(
        "WATCH_ENDED",
        "the server ended the watch before the case was final",
        std::time::Duration::from_millis(100),
    );
    chassis::to_status(error)
}

fn is_final(case: &Case) -> bool {
    match case.state() {
        case::State::Recovered | case::State::NotRecovered | case::State::Lapsed => true,
        case::State::Unspecified
        | case::State::Received
        | case::State::Acknowledged
        | case::State::Understood
        | case::State::Remedied
        | case::State::FollowingUp
        | case::State::Reopened => false,
    }
}
