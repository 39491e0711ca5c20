//! Follow-up as its callers see it: through its gRPC service, on both databases, with a clock that stands still until it
//! is moved.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod configuration;
mod grpc_transport;
mod harness;
mod mailbox;
mod messages;
mod plans;
mod readiness;
mod reads;
mod relay;
mod smtp;
mod smtp_server;
mod surveys;
