//! The ledger: written in whole transactions, read by page and by account; what accounts add up to is kept.

mod fold;
pub mod guards;
mod read;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod totals_tests;
mod write;

pub use fold::{FOLD_STEP, fold_in_tx, imbalances};
pub use read::{Balance, StoredTransaction, balances, balances_of, find_in_tx, list_page};
pub use write::{append_in_tx, reserve_in_tx, settle_in_tx};
