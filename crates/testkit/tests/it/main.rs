//! Tests of the test kit itself: one binary.

mod cleanup;
mod cluster;
mod databases;
mod fault_proxy;
mod helpers;
mod sql;
