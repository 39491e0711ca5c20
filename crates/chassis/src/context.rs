//! What handlers take from a request and put into a response: the context, the headers' names, the replay mark.

use kernel::{Answer, RequestContext, ServiceError};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use crate::status::to_status;

/// Names of the suite's own headers.
pub mod header {
    /// The tenant: in development mode, and on calls of services.
    pub const TENANT: &str = "x-amends-tenant";
    /// The client's name in development mode.
    pub const CLIENT: &str = "x-amends-client";
    /// The sending service of a durable call; the caller becomes `service:<name>`.
    pub const SENDER: &str = "x-amends-sender";
    /// Message id of a durable call.
    pub const MESSAGE_ID: &str = "x-amends-message-id";
    /// Lane of a durable call.
    pub const LANE: &str = "x-amends-lane";
    /// Position in the lane, from 1.
    pub const LANE_SEQ: &str = "x-amends-lane-seq";
    /// Which attempt this is, from 1; for logs.
    pub const ATTEMPT: &str = "x-amends-attempt";
    /// The sender's fencing token; for logs.
    pub const LEASE_TOKEN: &str = "x-amends-lease-token";
    /// `traceparent` of the first request of the story.
    pub const JOURNEY: &str = "x-amends-journey";
    /// On a response: nothing was done now, this is the stored answer of the same request.
    pub const REPLAYED: &str = "idempotent-replayed";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// W3C trace state.
    pub const TRACESTATE: &str = "tracestate";
}

/// Who asks and for which tenant, as the auth layer found out.
///
/// # Errors
/// INTERNAL when the request did not come through the chassis: nobody may act without a tenant.
pub fn context<T>(request: &Request<T>) -> Result<RequestContext, Status> {
    request
        .extensions()
        .get::<RequestContext>()
        .cloned()
        .ok_or_else(|| to_status(ServiceError::internal("the request carries no context: no auth layer ran")))
}

/// The response of a mutation; marks a stored one.
pub fn respond<M>(answer: Answer<M>) -> Response<M> {
    let mut response = Response::new(answer.message);
    if answer.replayed {
        response.metadata_mut().insert(header::REPLAYED, MetadataValue::from_static("true"));
    }
    response
}
