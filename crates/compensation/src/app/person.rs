//! Who is behind a call, as the credentials say: names in requests are what callers give.

use api::reason::compensation::PERSON_REQUIRED;
use kernel::{ErrorCode, RequestContext, ServiceError};

/// Of a caller who shows no credentials, where none are asked for.
const NOBODY: &str = "anonymous";

/// The caller, unless it is a service or shows no credentials: of those nothing can be told.
pub(super) fn known_person(context: &RequestContext) -> Option<&str> {
    let client = context.client.as_str();
    (!is_service(client) && client != NOBODY).then_some(client)
}

/// Who decides what no service may.
///
/// # Errors
/// PERMISSION_DENIED `PERSON_REQUIRED`.
pub(super) fn person(context: &RequestContext) -> Result<String, ServiceError> {
    if is_service(&context.client) {
        let text = "a service cannot decide this; a person must";
        return Err(ServiceError::new(ErrorCode::PermissionDenied, PERSON_REQUIRED, text));
    }
    Ok(context.client.clone())
}

fn is_service(client: &str) -> bool {
    client.starts_with("service:")
}

#[cfg(test)]
mod tests {
    use kernel::TenantId;

    use super::*;

    #[test]
    fn a_service_is_no_person_and_nobody_is_not_known() {
        let of = |client: &str| RequestContext::for_client(TenantId::parse("acme").expect("a tenant"), client);
        for (client, known, decides) in
            [("ada", Some("ada"), true), ("anonymous", None, true), ("service:intake", None, false)]
        {
            let context = of(client);
            assert_eq!(known_person(&context), known);
            assert_eq!(person(&context).is_ok(), decides);
        }
    }
}
