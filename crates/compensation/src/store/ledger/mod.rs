//! The ledger: written in whole transactions, read by page and by account.

pub mod guards;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Balance, StoredTransaction, balances, balances_of, find_in_tx, list_page};
pub use write::{append_in_tx, reserve_in_tx, settle_in_tx};
