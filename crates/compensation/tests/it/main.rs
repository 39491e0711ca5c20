//! Tests of compensation through its gRPC service, on real databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate amends_compensation as compensation;

mod apply_pack;
mod authority;
mod backtests;
mod bad_input;
mod budgets;
mod by_law;
mod canary;
mod captures;
mod catalogue;
mod configuration;
mod decision_value;
mod decisions;
mod early_timers;
mod experiment_outcomes;
mod experiments;
mod fair_ask;
mod freeze;
mod gate;
mod gate_authority;
mod guards;
mod harness;
mod late_repeats;
mod law_refunds;
mod no_fault;
mod offers;
mod packs;
mod parked;
mod payouts;
mod plans;
mod policies;
mod policy_backtests;
mod provider;
mod reads;
mod relay;
mod remedies;
mod repeats;
mod reversals;
mod sandbox;
mod settlements;
mod signed_vouchers;
mod tenants;
mod totals;
mod vouchers;
mod widened;
