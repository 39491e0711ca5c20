//! What tests need and the product must not have: databases, a virtual clock, faults on the wire, ports.
//!
//! Owns the private PostgreSQL clusters and the temporary SQLite files of a test run. Calls PostgreSQL's own programs
//! and the kernel. Only ever a dev-dependency. What always holds: whatever it starts is gone after the test process is,
//! also when that was killed; a test that wants PostgreSQL gets it or fails, it is never skipped.

mod clock;
mod database;
mod eventually;
mod fault_proxy;
mod macros;
mod ports;
pub mod postgres;
mod scratch;
pub mod sqlite;

pub use clock::{TEST_EPOCH, virtual_clock};
pub use database::{Backend, Template, TestDatabase, database, database_from};
pub use eventually::eventually;
pub use fault_proxy::{Fault, FaultProxy};
pub use ports::free_port;
pub use scratch::Scratch;
