//! The gRPC face of follow-up: each method parses its request, calls one use case and converts the answer.
//!
//! Always holds: a request that is wrong is answered with everything that is wrong with it, and nothing was done.

mod fields;
mod message;
mod plan;
mod service;
mod survey;

pub(crate) use service::Service;
