//! The `amends` command: the suite in any split over processes, and its client.
//!
//! Owns the composition: which services run in this process, with which databases and clock. Calls the four service
//! crates, the chassis and durable. Always holds: services talk to each other over gRPC channels only, also when they
//! share a process, so that development hides nothing.

mod cli;
mod client;
pub mod clock_driver;
pub mod config;
pub mod demo;
pub mod dev;
pub mod flights;
mod health;
mod operations;
pub mod role;
mod stop;
pub mod suite;
pub mod targets;

pub use cli::main;

/// Rows, messages and headers are many small pieces that one thread makes and another one drops, which is what the
/// system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
