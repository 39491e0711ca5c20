//! The tests that need more than one crate, in one binary: rules of the tree, flows, faults.

mod bad_input;
mod bench;
mod checker_books;
mod checker_calls;
mod contract_bad_input;
mod contract_breaches;
mod contract_values;
mod deps;
mod fault_database;
mod fault_kill;
mod fault_load;
mod flow_auth;
mod flow_recovery;
mod flow_sweep;
mod flow_telemetry;
mod lifecycle;
mod metrics;
mod model_payout;
mod model_relay;
mod operations;
mod purity;
mod shutdown;
mod source;
mod support;
mod tree;
