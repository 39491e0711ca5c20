//! Lists and their filters.

use api::intake;
use kernel::{PageSize, ServiceError, Violations};

use super::fields;
use crate::app::{ListCases, Timeline};
use crate::domain::case_state::State;
use crate::store::cases::CaseFilter;

/// ListCases.
pub(super) fn cases(request: intake::ListCasesRequest) -> Result<ListCases, ServiceError> {
    let mut violations = Violations::new();
    let size = PageSize::parse(request.page_size, &mut violations);
    let filter = CaseFilter {
        state: state(request.state, &mut violations),
        customer: fields::optional_name("customer", &request.customer, &mut violations),
        disruption: fields::optional_name("disruption", &request.disruption, &mut violations),
        needs_attention: request.needs_attention,
    };
    violations.finish()?;
    Ok(ListCases { filter, size, token: request.page_token })
}

/// GetCustomerTimeline.
pub(super) fn timeline(request: intake::GetCustomerTimelineRequest) -> Result<Timeline, ServiceError> {
    let mut violations = Violations::new();
    let customer = fields::name("customer", &request.customer, &mut violations);
    let case = fields::optional_name("case", &request.case, &mut violations);
    let size = PageSize::parse(request.page_size, &mut violations);
    violations.finish()?;
    Ok(Timeline { customer, case, size, token: request.page_token })
}

fn state(value: i32, violations: &mut Violations) -> Option<State> {
    use intake::case::State as Wire;
    if value == 0 {
        return None;
    }
    Some(match violations.known_enum::<Wire>("state", value, "STATE_RECEIVED to STATE_REOPENED")? {
        Wire::Unspecified => return None,
        Wire::Received => State::Received,
        Wire::Acknowledged => State::Acknowledged,
        Wire::Understood => State::Understood,
        Wire::Remedied => State::Remedied,
        Wire::FollowingUp => State::FollowingUp,
        Wire::Recovered => State::Recovered,
        Wire::NotRecovered => State::NotRecovered,
        Wire::Lapsed => State::Lapsed,
        Wire::Reopened => State::Reopened,
    })
}
