//! Tables and queries: one file per aggregate. Entities are private to this module; the domain's values go in and out.
//!
//! Calls the database through sea-orm and `durable`. What always holds: every query names the tenant; a line is given
//! at most once by its grant, an offer is open at most once per remedy, ledger entries are only ever added, and what is
//! added balances. All of these are constraints of the database as well.

#[cfg(test)]
mod bounds_tests;
mod entity;
mod migration;
mod migrations;
mod row;
mod settlement_tables;

pub mod agent_offers;
pub mod approvals;
pub mod assignments;
pub mod decisions;
pub mod discrepancies;
pub mod experiments;
pub mod freezes;
pub mod gate;
pub mod goodwill;
pub mod ledger;
pub mod liability;
pub mod offers;
pub mod old_rows;
pub mod orders;
pub mod packs;
pub mod payout_settlements;
pub mod payouts;
pub mod policies;
pub mod provider_events;
pub mod redemptions;
pub mod remedies;
pub mod reversals;
pub mod settlement_files;
pub mod spending;
pub mod vouchers;

pub use migration::migrations;
pub use row::Cursor;
