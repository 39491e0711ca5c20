//! Tests of routing through its gRPC service, on real databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate amends_routing as routing;

mod agents;
mod bad_input;
mod claims;
mod clocks;
mod harness;
mod lists;
mod milestones;
mod relay;
mod repeats;
mod streams;
mod tenants;
mod work;
