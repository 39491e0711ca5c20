//! The error reasons that the protos promise, by the service that answers with them.
//!
//! Owns the names only. Always holds: every reason that a proto names in backticks is here or in kernel, and every
//! reason here is named by a proto of its package; a test compares them. The general reasons are kernel's, so that no
//! service spells one twice.

pub use kernel::reason::*;

/// One module for each service, with a constant for each reason and `ALL` of them.
macro_rules! reasons {
    ($($(#[$about:meta])* $service:ident { $($(#[$doc:meta])* $reason:ident,)+ })+) => {
        $(
            $(#[$about])*
            pub mod $service {
                $($(#[$doc])* pub const $reason: &str = stringify!($reason);)+

                /// Every reason of this service.
                pub const ALL: &[&str] = &[$($reason),+];
            }
        )+

        /// Every reason that is not a general one, by its package's second part.
        pub const BY_SERVICE: &[(&str, &[&str])] = &[$((stringify!($service), $service::ALL)),+];
    };
}

reasons! {
    /// Reasons of `amends.intake.v1`.
    intake {
        /// FAILED_PRECONDITION: the identities given belong to different customers.
        IDENTITY_CONFLICT,
        /// FAILED_PRECONDITION: the customer has not been given our acknowledgement and apology yet.
        ACKNOWLEDGE_FIRST,
        /// FAILED_PRECONDITION: the case has ended; reopen it first.
        CASE_FINAL,
        /// RESOURCE_EXHAUSTED, without RetryInfo: the story of the case has as many entries as one may have.
        CASE_TOO_LARGE,
        /// ALREADY_EXISTS: the disruption's external id is known with other content.
        DISRUPTION_EXISTS,
    }

    /// Reasons of `amends.routing.v1`.
    routing {
        /// ALREADY_EXISTS: the id of the new queue is taken.
        QUEUE_EXISTS,
        /// ALREADY_EXISTS: the id of the new work item is taken.
        WORK_ITEM_EXISTS,
        /// FAILED_PRECONDITION: the agent holds as many work items as allowed.
        NO_CAPACITY,
        /// FAILED_PRECONDITION: the agent is not there.
        AGENT_OFFLINE,
        /// FAILED_PRECONDITION: the agent lacks a skill that the work item or its queue asks for.
        SKILLS_MISSING,
        /// NOT_FOUND: no waiting work fits the agent.
        NO_WORK,
    }

    /// Reasons of `amends.compensation.v1`.
    compensation {
        /// ALREADY_EXISTS: the id of the new remedy is taken.
        REMEDY_EXISTS,
        /// FAILED_PRECONDITION: the offer was answered or has expired.
        OFFER_NOT_OPEN,
        /// FAILED_PRECONDITION: another document has the id and version of this pack.
        PACK_VERSION_TAKEN,
        /// RESOURCE_EXHAUSTED: as many backtests run as this server takes.
        TOO_MANY_BACKTESTS,
        /// FAILED_PRECONDITION: a sum of a backtest's report does not fit its type.
        AMOUNTS_TOO_LARGE,
        /// UNAVAILABLE: a timer of the service's own came before its time; it comes again.
        TOO_EARLY,
        /// NOT_FOUND: no voucher has the code.
        UNKNOWN_VOUCHER_CODE,
        /// RESOURCE_EXHAUSTED: too many codes that do not exist were shown.
        TOO_MANY_UNKNOWN_CODES,
        /// FAILED_PRECONDITION: the voucher was used up, has run out, or was voided.
        VOUCHER_NOT_USABLE,
        /// FAILED_PRECONDITION: the voucher is in another currency.
        VOUCHER_CURRENCY,
        /// FAILED_PRECONDITION: less is left of the voucher.
        VOUCHER_INSUFFICIENT,
        /// FAILED_PRECONDITION: the voucher has ended, or the payout is not confirmed.
        GRANT_NOT_REVERSIBLE,
        /// FAILED_PRECONDITION: the grant was reversed before.
        GRANT_REVERSED,
        /// FAILED_PRECONDITION: less was paid than is to be taken back.
        REVERSAL_ABOVE_GRANT,
        /// UNAUTHENTICATED: no secret of ours made the webhook's signature.
        BAD_SIGNATURE,
        /// INVALID_ARGUMENT: the webhook's time is too far from now.
        WEBHOOK_TOO_OLD,
        /// FAILED_PRECONDITION: no secret for webhooks is configured.
        WEBHOOKS_NOT_CONFIGURED,
        /// FAILED_PRECONDITION: the settlement file's day or a line of it came before with other content.
        SETTLEMENT_FILE_CHANGED,
        /// FAILED_PRECONDITION: the provider has said that it executed the payout.
        PAYOUT_WAS_EXECUTED,
        /// PERMISSION_DENIED: a service called what only people decide.
        PERSON_REQUIRED,
        /// FAILED_PRECONDITION: who proposed or asked for it cannot decide it.
        FOUR_EYES,
        /// FAILED_PRECONDITION: another payout provider than the sandbox is configured.
        SANDBOX_NOT_IN_USE,
        /// ALREADY_EXISTS: the capture is known with another amount.
        CAPTURE_EXISTS,
        /// FAILED_PRECONDITION: the order was captured in another currency.
        ORDER_CURRENCY,
        /// FAILED_PRECONDITION: less is left of what was captured for the order than is to be refunded.
        REFUND_ABOVE_CAPTURE,
        /// FAILED_PRECONDITION: our apology is not on record yet; an offer comes after it.
        APOLOGY_FIRST,
        /// FAILED_PRECONDITION: the gate allows no more than what the law demands.
        GATE_HOLDS_BACK,
        /// FAILED_PRECONDITION: an earlier offer of the remedy waits for approval.
        APPROVAL_PENDING,
        /// FAILED_PRECONDITION: the approval was decided or has expired.
        APPROVAL_NOT_PENDING,
        /// PERMISSION_DENIED: the role does not approve, by the policy in force.
        ROLE_MAY_NOT_APPROVE,
        /// ALREADY_EXISTS: the policy's version is taken by another document.
        POLICY_VERSION_EXISTS,
        /// ALREADY_EXISTS: the experiment's id is taken by another document.
        EXPERIMENT_EXISTS,
        /// FAILED_PRECONDITION: another running experiment is about one of its kinds of event.
        EXPERIMENT_KIND_TAKEN,
    }

    /// Reasons of `amends.followup.v1`.
    followup {
        /// ALREADY_EXISTS: the id of the new message is taken.
        MESSAGE_EXISTS,
        /// ALREADY_EXISTS: the id of the new plan is taken.
        PLAN_EXISTS,
        /// FAILED_PRECONDITION: the survey was answered before.
        SURVEY_ANSWERED,
        /// UNAVAILABLE: the transport did not take the message; it is tried again.
        TRANSPORT_UNAVAILABLE,
        /// Never a status: why a message failed that had nowhere to go.
        NO_CONTACT_POINT,
    }

    /// Reasons of `amends.operations.v1`.
    operations {
        /// NOT_FOUND: this process does not run the service that the name or parent says.
        SERVICE_NOT_HERE,
        /// FAILED_PRECONDITION: only a parked or waiting call can be sent now.
        CALL_NOT_WAITING,
        /// FAILED_PRECONDITION: only a parked call can be given up.
        CALL_NOT_PARKED,
        /// PERMISSION_DENIED: a service may skip places of its own lanes only.
        NOT_THE_SENDER,
    }

    /// Reasons of `amends.extension.v1`: what an implementation answers to the suite.
    extension {
        /// FAILED_PRECONDITION: the message will never be delivered.
        UNDELIVERABLE,
        /// FAILED_PRECONDITION: the payout was not and never will be executed under its key.
        PAYOUT_DECLINED,
        /// INVALID_ARGUMENT: the payout key came before with other content.
        PAYOUT_KEY_REUSED,
        /// ABORTED: a request with the payout key is being worked on.
        PAYOUT_IN_PROGRESS,
    }
}
