//! The payout providers that the service can use: the sandbox in this process, or any server of
//! `amends.extension.v1.PayoutProvider`; and what a provider tells by itself.
//!
//! Both read answers the same way: only what certainly says "paid" or "never" is taken for it.

mod grpc;
mod in_process;
mod loop_back;
pub mod webhook;

use kernel::ErrorCode;
use tonic::{Code, Status};

pub use grpc::GrpcProvider;
pub use in_process::InProcessSandbox;
pub use loop_back::LoopBack;
pub use webhook::WebhookRules;

use crate::domain::payout_step::Finding;

/// What an unsuccessful answer to a send says: declined for good, or nothing at all.
fn refused_or_lost(status: &Status) -> Finding {
    match chassis::from_status(status) {
        Some(error)
            if error.code == ErrorCode::FailedPrecondition
                && error.reason == api::reason::extension::PAYOUT_DECLINED =>
        {
            Finding::Declined { reason: error.message }
        }
        Some(_) | None => lost(status),
    }
}

/// What an unsuccessful answer to a look-up says. That the provider does not know the payout proves nothing, so that it
/// need not be our own error.
fn unknown_or_lost(status: &Status) -> Finding {
    if status.code() == Code::NotFound { Finding::NotFound } else { lost(status) }
}

fn lost(status: &Status) -> Finding {
    Finding::Lost { why: format!("{:?}: {}", status.code(), status.message()) }
}

/// What a successful answer to a send says: paid, when it says under which reference.
fn executed(response: api::extension::ExecutePayoutResponse) -> Finding {
    let amount = response.amount.as_ref();
    let amount = amount.map(|m| kernel::Money::from_units_nanos(&m.currency_code, m.units, m.nanos)).transpose();
    match amount {
        Ok(amount) if !response.provider_reference.is_empty() => {
            Finding::Executed { reference: response.provider_reference, amount }
        }
        Ok(_) => Finding::Lost { why: "the answer has no reference".to_owned() },
        Err(error) => Finding::Lost { why: format!("the answer's amount cannot be read: {error}") },
    }
}

/// What a successful look-up says.
fn looked_up(response: api::extension::LookUpPayoutResponse) -> Finding {
    use api::extension::look_up_payout_response::Result as Known;
    let amount = response.amount.as_ref();
    let amount = amount.map(|m| kernel::Money::from_units_nanos(&m.currency_code, m.units, m.nanos));
    match (Known::try_from(response.result), amount) {
        (Ok(Known::Executed), Some(Ok(amount))) => {
            Finding::Executed { reference: response.provider_reference, amount: Some(amount) }
        }
        (Ok(Known::Executed), _) => Finding::Lost { why: "the look-up names no amount that can be read".to_owned() },
        (Ok(Known::Declined), _) => Finding::Declined { reason: "the look-up says that it was refused".to_owned() },
        (Ok(Known::Pending), _) => Finding::Pending,
        (Ok(Known::Unspecified) | Err(_), _) => {
            Finding::Lost { why: format!("the look-up's result {} is not known", response.result) }
        }
    }
}

#[cfg(test)]
mod tests {
    use api::extension::LookUpPayoutResponse;
    use kernel::ServiceError;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a status that is not ours")]
    fn only_our_own_refusal_is_a_refusal() {
        use api::reason::extension::{PAYOUT_DECLINED, PAYOUT_KEY_REUSED};
        let ours = chassis::to_status(ServiceError::precondition(PAYOUT_DECLINED, "account closed"));
        assert_eq!(refused_or_lost(&ours), Finding::Declined { reason: "account closed".to_owned() });
        for status in [
            chassis::to_status(ServiceError::precondition(PAYOUT_KEY_REUSED, "x")),
            chassis::to_status(ServiceError::new(ErrorCode::InvalidArgument, PAYOUT_DECLINED, "x")),
            chassis::to_status(ServiceError::internal("x")),
            tonic::Status::from_error(Box::from("a proxy")),
        ] {
            assert!(matches!(refused_or_lost(&status), Finding::Lost { .. }), "{status:?}");
        }
    }

    #[test]
    fn an_answer_is_read_strictly() {
        use api::extension::ExecutePayoutResponse;
        let money = |nanos| Some(api::google::r#type::Money { currency_code: "EUR".to_owned(), units: 5, nanos });
        let answer = |reference: &str, amount| {
            executed(ExecutePayoutResponse { provider_reference: reference.to_owned(), amount })
        };
        assert!(matches!(answer("r", None), Finding::Executed { amount: None, .. }));
        assert!(matches!(answer("r", money(0)), Finding::Executed { amount: Some(paid), .. } if paid.minor == 500));
        assert!(matches!(answer("r", money(1)), Finding::Lost { .. }));
        assert!(matches!(answer("", money(0)), Finding::Lost { .. }));
    }

    #[test]
    fn a_look_up_is_read_strictly() {
        let eur = |units| Some(api::google::r#type::Money { currency_code: "EUR".to_owned(), units, nanos: 0 });
        let answer =
            |result, amount| looked_up(LookUpPayoutResponse { result, provider_reference: "r".to_owned(), amount });
        assert!(matches!(answer(1, eur(5)), Finding::Executed { amount: Some(paid), .. } if paid.minor == 500));
        assert!(matches!(answer(1, None), Finding::Lost { .. }));
        assert!(matches!(answer(2, None), Finding::Declined { .. }));
        assert_eq!(answer(3, None), Finding::Pending);
        assert!(matches!(answer(0, eur(5)), Finding::Lost { .. }) && matches!(answer(9, eur(5)), Finding::Lost { .. }));
        assert_eq!(unknown_or_lost(&chassis::to_status(ServiceError::not_found("x"))), Finding::NotFound);
    }
}
