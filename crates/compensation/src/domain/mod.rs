//! What is owed, what is offered, what is given: values and rules only.
//!
//! Calls the kernel's values and the CEL and YAML parsers. Pure: no I/O, no clock, no randomness; the time and new ids
//! come in as arguments. What always holds: a state changes only by a named event that its machine allows, money is in
//! checked integers, and the same event is always judged the same way.

pub mod approval;
pub mod assessment;
pub mod backtest;
pub mod by_law;
pub mod decision_value;
#[cfg(test)]
mod diagrams;
pub mod event;
pub mod experiment;
pub mod fair_amount;
#[cfg(test)]
mod fair_amount_tests;
pub mod fair_option;
pub mod freeze;
pub mod gate;
pub mod geo;
pub mod grant;
pub mod history;
pub mod hold_back;
pub mod ledger;
#[cfg(test)]
mod ledger_machine_tests;
pub mod liability;
pub mod line;
pub mod money;
pub mod offer;
pub mod order_funds;
pub mod pack;
pub mod payout;
pub mod payout_settlement;
pub mod payout_step;
pub mod policy;
pub mod records;
pub mod redemption;
pub mod remedy;
pub mod reservation;
pub mod safeguards;
pub mod settlement;
pub mod share;
pub mod transition;
pub mod voucher;
