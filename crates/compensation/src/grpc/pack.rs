//! Requests about packs.

use api::compensation as wire;
use kernel::{ServiceError, Violations};

use crate::app::ApplyPack;

/// Longest document in bytes.
const MAX_DOCUMENT: usize = 262_144;

/// ApplyPack: request id and command.
pub(super) fn apply(request: wire::ApplyPackRequest) -> Result<(String, ApplyPack), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let wire::ApplyPackRequest { document, dry_run, applied_by, .. } = request;
    if document.is_empty() {
        violations.add("document", "REQUIRED", "is required");
    } else if document.len() > MAX_DOCUMENT {
        let size = format!("has {} bytes; at most {MAX_DOCUMENT} are allowed", document.len());
        violations.add("document", "LENGTH", size);
    } else if document.contains('\0') {
        violations.add("document", "NUL_CHARACTER", "must not contain the NUL character");
    }
    let applied_by = violations.text("applied_by", &applied_by, 1, 128);
    violations.finish().map(|()| (request_id, ApplyPack { document, dry_run, applied_by }))
}

/// GetPack: id and version, which may be empty.
pub(super) fn get(request: &wire::GetPackRequest) -> Result<(&str, &str), ServiceError> {
    let mut violations = Violations::new();
    let id = request.name.strip_prefix("packs/").filter(|id| !id.is_empty() && id.len() <= 60 && !id.contains('\0'));
    if id.is_none() {
        let reason = if request.name.is_empty() { "REQUIRED" } else { "RESOURCE_NAME" };
        violations.add("name", reason, "must be packs/ and the id of a pack");
    }
    violations.text("version", &request.version, 0, 32);
    super::names::done(violations, id).map(|id| (id, request.version.as_str()))
}
