//! Tests of the durable crate, on real databases.
#![expect(missing_docs, reason = "tests")]

mod audit;
mod harness;
mod mutate;
mod pool;
mod relay;
mod relay_harness;
mod relay_operations;
mod relay_time;
mod writer;
