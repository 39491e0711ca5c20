//! What the flow, fault and load tests share: suites in this process and in processes of their own, and the checker
//! that says whether anything was lost, invented, reordered or paid twice.

pub mod checker;
pub mod contents;
pub mod databases;
pub mod detour;
pub mod digests;
pub mod in_process;
pub mod processes;
mod report;
pub mod running;

pub use report::report;
