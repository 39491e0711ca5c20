//! Tests of the durable crate, on real databases.

mod audit;
mod harness;
mod lanes;
mod mutate;
mod panics;
mod pool;
mod refused;
mod relay;
mod relay_harness;
mod relay_operations;
mod relay_time;
mod space;
mod sweep;
mod writer;
