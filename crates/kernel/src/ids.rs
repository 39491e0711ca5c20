//! The registry of ids. An id is a UUID; on the wire it is a resource name such as `cases/0198…`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// An id that has a collection in resource names.
pub trait ResourceId: Copy + fmt::Display + From<Uuid> {
    /// The collection, e.g. `cases`.
    const COLLECTION: &'static str;

    /// The UUID.
    fn uuid(self) -> Uuid;

    /// Parses `<collection>/<uuid>`: lower case, hyphenated, not nil.
    fn parse_name(name: &str) -> Option<Self> {
        let id = name.strip_prefix(Self::COLLECTION)?.strip_prefix('/')?;
        if id.len() != 36 || id.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        Uuid::try_parse(id).ok().filter(|uuid| !uuid.is_nil()).map(Self::from)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $collection:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl ResourceId for $name {
            const COLLECTION: &'static str = $collection;

            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($collection, "/{}"), self.0)
            }
        }
    )*};
}

ids! {
    /// An agent of routing.
    AgentId = "agents";
    /// A request for approval of compensation.
    ApprovalId = "approvals";
    /// A durable call.
    CallId = "calls";
    /// A case of intake.
    CaseId = "cases";
    /// A contact of a customer.
    ContactId = "contacts";
    /// A customer of intake.
    CustomerId = "customers";
    /// A disruption of intake.
    DisruptionId = "disruptions";
    /// An entry of a customer's timeline.
    EntryId = "entries";
    /// A transaction of the ledger.
    LedgerTransactionId = "ledgerTransactions";
    /// A message of follow-up to a customer.
    MessageId = "messages";
    /// An offer of compensation.
    OfferId = "offers";
    /// A payout of compensation.
    PayoutId = "payouts";
    /// A person's decision about a payout of compensation.
    PayoutSettlementId = "payoutSettlements";
    /// A follow-up plan.
    PlanId = "plans";
    /// A remedy of compensation.
    RemedyId = "remedies";
    /// A difference between compensation's books and the payout provider's.
    SettlementDiscrepancyId = "settlementDiscrepancies";
    /// A survey of follow-up.
    SurveyId = "surveys";
    /// A voucher of compensation.
    VoucherId = "vouchers";
    /// One use of a voucher.
    VoucherRedemptionId = "voucherRedemptions";
    /// A work item of routing.
    WorkItemId = "workItems";
}

/// Namespace of message ids: UUIDv5 of the URL namespace and `https://amends.dev/durable-call`.
const MESSAGE_NAMESPACE: Uuid = Uuid::from_u128(0x6b1d_7f0a_52c4_5d5e_9c0e_3a51_9d0f_4e11);

/// The message id of step `step`, occurrence `ordinal`, of what `owner` is (a case, a payout). Running the step again
/// gives the same id, so that it can never mint a second message.
pub fn message_id_for_step(owner: Uuid, step: &str, ordinal: u32) -> Uuid {
    Uuid::new_v5(&MESSAGE_NAMESPACE, format!("{owner}/{step}/{ordinal}").as_bytes())
}

/// Where new ids come from. Passed in, so that tests decide.
pub trait IdSource: fmt::Debug + Send + Sync {
    /// A new id made at `now`; sorts by time.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// UUIDv7: sorted by time, so that new rows go to the right-hand edge of an index.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let (seconds, nanos) = now.to_seconds_nanos();
        #[expect(clippy::disallowed_methods, reason = "the one place where random ids are made")]
        Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            u64::try_from(seconds).unwrap_or(0),
            nanos.unsigned_abs(),
        ))
    }
}

/// 1, 2, 3 …: readable ids for tests.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn next(&self, _now: Timestamp) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parsed_strictly() {
        let id = CaseId::from(Uuid::from_u128(7));
        assert_eq!(CaseId::parse_name(&id.to_string()), Some(id));
        for wrong in [
            "",
            "cases/",
            "cases/7",
            "cases/00000000-0000-0000-0000-000000000000",
            "case/00000000-0000-0000-0000-000000000007",
            "cases/{00000000-0000-0000-0000-000000000007}",
            "cases/00000000-0000-0000-0000-00000000000A",
            "cases/00000000000000000000000000000007",
            "cases/00000000-0000-0000-0000-000000000007/",
            "customers/00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(CaseId::parse_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_step_always_has_the_same_message_id() {
        let owner = Uuid::from_u128(7);
        assert_eq!(message_id_for_step(owner, "open_work", 1), message_id_for_step(owner, "open_work", 1));
        assert_ne!(message_id_for_step(owner, "open_work", 1), message_id_for_step(owner, "open_work", 2));
    }
}
