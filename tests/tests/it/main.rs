//! The tests that need more than one crate, in one binary: rules of the tree, flows, faults.

mod deps;
mod model_relay;
mod purity;
mod source;
mod tree;
