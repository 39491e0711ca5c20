//! The resource names of the OperationsService: `services/{service}` and `services/{service}/calls/{uuid}`.

use kernel::Violations;
use uuid::Uuid;

use super::convert;
use crate::role::Role;

/// The service that `parent` names; `None` when a violation was recorded.
pub fn service(field: &str, parent: &str, violations: &mut Violations) -> Option<Role> {
    let named =
        parent.strip_prefix("services/").and_then(|name| Role::ALL.into_iter().find(|role| role.name() == name));
    if named.is_none() {
        violations.add(
            field,
            "RESOURCE_NAME",
            "must be services/intake, services/routing, services/compensation or services/followup",
        );
    }
    named
}

/// The service and the message id of a call; `None` when a violation was recorded.
pub fn call(name: &str, violations: &mut Violations) -> Option<(Role, Uuid)> {
    let parsed = name.split_once("/calls/").and_then(|(parent, id)| Some((parent, convert::uuid(id)?)));
    let Some((parent, message_id)) = parsed else {
        violations.add("name", "RESOURCE_NAME", "must be services/{service}/calls/{uuid} in lower case");
        return None;
    };
    Some((service("name", parent, violations)?, message_id))
}
