//! Intake as its callers see it: through its gRPC services, on both databases, with a clock that stands still until it
//! is moved.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod cases;
mod config;
mod customers;
mod disruptions;
mod full_stories;
mod groups;
mod harness;
mod lists;
mod recovery;
mod refused;
mod tenants;
mod watch;
