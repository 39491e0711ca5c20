//! The chassis over real sockets: each trap that a bare tonic server falls into has a test here, with the behaviour
//! that we want instead. The service under test is written by hand, so that no API of the suite is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate amends_chassis as chassis;

mod support;

mod admin;
mod authentication;
mod bad_input;
mod child;
mod clients;
mod configuration;
mod connections;
mod deadlines;
mod failures;
mod shutdown;
mod telemetry;
mod tls;
