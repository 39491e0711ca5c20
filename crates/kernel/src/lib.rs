//! Values that every crate of the suite shares: ids and resource names, time, money, errors, paging, request context.
//!
//! Owns no behaviour beyond these values and calls nothing: no I/O, no async, no randomness. Everything that the
//! domain needs from outside (the time, a new id) reaches it as one of these values.

mod clock;
mod context;
mod error;
mod ids;
mod money;
mod page;
mod trace;
mod violations;

pub use clock::{Clock, SystemClock, Timestamp, VirtualClock};
pub use context::{Answer, LaneDelivery, RequestContext, RequestKey, TenantId};
pub use error::{ErrorCode, FieldViolation, ServiceError, reason};
pub use ids::{
    AgentId, ApprovalId, CallId, CaseId, ContactId, CustomerId, DisruptionId, EntryId, IdSource, LedgerTransactionId,
    MessageId, OfferId, PayoutId, PayoutSettlementId, PlanId, RandomIds, RemedyId, ResourceId, SequentialIds,
    SettlementDiscrepancyId, SurveyId, VoucherId, VoucherRedemptionId, WorkItemId, message_id_for_step,
};
pub use money::{Currency, Money, MoneyError};
pub use page::{PageRequest, PageSize};
pub use trace::TraceContext;
pub use violations::Violations;
