//! Customers of a group of requests: what the domain's directory says, in the words of the API.

use api::reason::intake::IDENTITY_CONFLICT;
use kernel::{CustomerId, FieldViolation, ServiceError, Timestamp};

use crate::domain::customer::{Customer, CustomerDraft};
use crate::domain::directory::{Directory, Unresolved};

/// Resolves the customers of one request, all or none; `field` names a draft in the request. Gives back each customer
/// as it is right after this request, whatever later requests of the group add.
pub(super) fn resolve(
    directory: &mut Directory,
    drafts: &[(&CustomerDraft, CustomerId)],
    now: Timestamp,
    field: impl Fn(usize) -> String,
) -> Result<Vec<Customer>, ServiceError> {
    let ids = directory.resolve(drafts, now).map_err(|unresolved| refusal(&unresolved, field))?;
    let customers: Option<Vec<Customer>> = ids.iter().map(|id| directory.customer(*id).cloned()).collect();
    customers.ok_or_else(|| ServiceError::internal("a resolved customer is not in its directory"))
}

fn refusal(unresolved: &Unresolved, field: impl Fn(usize) -> String) -> ServiceError {
    match unresolved {
        Unresolved::Conflict { index, customers } => {
            let names: Vec<String> = customers.iter().map(ToString::to_string).collect();
            let message = format!("the identities of {} belong to different customers", field(*index));
            ServiceError::precondition(IDENTITY_CONFLICT, message)
                .with("field", field(*index))
                .with("customers", names.join(","))
        }
        Unresolved::TooManyIdentities { index, customer } => ServiceError::invalid(vec![FieldViolation {
            field: format!("{}.identities", field(*index)),
            reason: "TOO_MANY_ITEMS".to_owned(),
            description: format!("{customer} would have more than 64 identities"),
        }]),
    }
}
