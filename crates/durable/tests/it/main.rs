//! Tests of the durable crate, on real databases.
#![expect(missing_docs, reason = "tests")]

mod audit;
mod harness;
mod mutate;
mod pool;
mod writer;
