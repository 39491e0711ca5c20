//! The client half of `amends`: what backends, agents and operators type at a running suite.
//!
//! Owns the commands, how their arguments become requests and how answers are printed. Calls the suite over gRPC only,
//! as any other client would. Always holds: a mutation carries a request id, and every attempt of it carries the same
//! one; what came from a server is never printed with control characters in it.

mod call;
mod command;
mod connection;
mod failure;
mod output;
mod rpc;
mod session;
mod settlement_file;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub use command::{Command, run};
pub(crate) use connection::Connection;
pub(crate) use session::{Patience, Session};
