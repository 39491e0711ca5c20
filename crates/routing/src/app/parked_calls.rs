//! What routing does about a call to itself that does not go through.
//!
//! While a clock's timer is parked nobody watches that clock: the case of its work is told, and told again when an
//! operator has the timer sent or gives it up. A milestone that a sink does not want is lost on that sink alone and goes
//! to the log.

use api::method::routing_service::CHECK_CLOCK;
use api::routing::CheckClockRequest;
use async_trait::async_trait;
use durable::{RejectionHandler, Tx, TxError, UndeliveredCall, Unparked};
use kernel::{ResourceId as _, WorkItemId};
use prost::Message as _;

use super::report::Reporter;
use crate::domain::ClockKind;
use crate::{NAME, store, view};

/// The handler.
pub(crate) struct ParkedCalls {
    reporter: Reporter,
}

impl ParkedCalls {
    /// Tells what `reporter` tells.
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self { reporter }
    }

    /// Has the case told how it stands with the timer of a clock of its work.
    async fn tell(&self, tx: &Tx, call: &UndeliveredCall, reason: &'static str) -> Result<(), TxError> {
        if call.target != NAME || call.method != CHECK_CLOCK {
            return Ok(());
        }
        let request = CheckClockRequest::decode(call.body.as_slice()).unwrap_or_default();
        let clock = ClockKind::ALL.into_iter().find(|kind| view::clock_kind(*kind) == request.clock());
        let (Some(id), Some(clock)) = (WorkItemId::parse_name(&request.name), clock) else { return Ok(()) };
        if let Some(work) = store::find_work(tx.conn(), tx.backend(), &call.tenant, id).await? {
            self.reporter.timer_stuck(tx, call, &work, clock, reason);
        }
        Ok(())
    }
}

#[async_trait]
impl RejectionHandler for ParkedCalls {
    async fn parked(&self, tx: &Tx, call: &UndeliveredCall, _why: &str) -> Result<(), TxError> {
        self.tell(tx, call, "CALL_PARKED").await
    }

    async fn unparked(&self, tx: &Tx, call: &UndeliveredCall, how: Unparked) -> Result<(), TxError> {
        let reason = match how {
            Unparked::Retried => "CALL_RETRIED",
            Unparked::Discarded => "CALL_DISCARDED",
        };
        self.tell(tx, call, reason).await
    }
}
