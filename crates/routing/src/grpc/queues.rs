//! Requests about queues.

use api::routing as wire;
use kernel::{PageSize, ServiceError, Violations};

use super::names::{finish, queue, skills, window};
use crate::app::CreateQueue;
use crate::domain::QueueId;

/// A request to make a queue, with its id.
pub(super) fn create(request: wire::CreateQueueRequest) -> Result<(String, CreateQueue), ServiceError> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = v.request_id(&request.request_id);
    let id = QueueId::parse(&request.queue_id);
    if id.is_none() {
        let what = "must be 1 to 63 characters of a-z, 0-9 and '-', starting with a letter";
        v.add("queue_id", if request.queue_id.is_empty() { "REQUIRED" } else { "QUEUE_ID" }, what);
    }
    if request.queue.is_none() {
        v.add("queue", "REQUIRED", "is required");
    }
    let queue = request.queue.unwrap_or_default();
    let command = v.within("queue", |v| {
        let display_name = v.text("display_name", &queue.display_name, 0, 200);
        let required_skills = skills("required_skills", &queue.required_skills, 8, v);
        let acknowledge_within = window("acknowledge_within", queue.acknowledge_within.as_ref(), v);
        let resolve_within = window("resolve_within", queue.resolve_within.as_ref(), v);
        Some(CreateQueue { id: id?, display_name, required_skills, acknowledge_within, resolve_within })
    });
    Ok((request_id, finish(violations, command)?))
}

/// A request for a queue.
pub(super) fn get(request: &wire::GetQueueRequest) -> Result<QueueId, ServiceError> {
    let mut violations = Violations::new();
    let id = queue("name", &request.name, &mut violations);
    finish(violations, id)
}

/// A request for a page without filters.
pub(super) fn page(page_size: i32) -> Result<PageSize, ServiceError> {
    let mut violations = Violations::new();
    let size = PageSize::parse(page_size, &mut violations);
    finish(violations, Some(size))
}
