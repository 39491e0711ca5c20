//! The tests that need more than one crate, in one binary: rules of the tree, flows, faults.

mod bad_input;
mod bench;
mod checker_books;
mod contract_bad_input;
mod contract_breaches;
mod contract_values;
mod deps;
mod exposure;
mod fault_kill;
mod flow_auth;
mod flow_recovery;
mod flow_telemetry;
mod metrics;
mod model_payout;
mod model_relay;
mod purity;
mod raw_codec;
mod shutdown;
mod source;
mod support;
mod tree;
